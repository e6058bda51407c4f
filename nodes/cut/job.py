"""A cut that is being drawn by several nodes, and where they find it.

Nodes hand texts to each other, not the batch of keys: so ComfyUI sees that a segment whose two keys
have not changed has not changed.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from ...tooncrafter_core.cut.plan import CutPlan
from ...tooncrafter_core.cut.store import digest, digest_of_pixels
from ...tooncrafter_core.cut.values import Cut, Drawing
from ...tooncrafter_core.errors import CutError
from ...tooncrafter_core.pictures.fitting import FitMode
from .options.finish import Finish

MOST_CUTS = 64
"""That are remembered at a time; a graph with more nodes for cuts is not expected."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CutJob:
    """Everything that is known of a cut before it is drawn."""

    cut: Cut
    plan: CutPlan
    keys: Mapping[str, Tensor]
    """By name, each an IMAGE 1 h w c as it came."""
    digests: Mapping[str, str]
    """Of each key, to the bit."""
    sketches: Mapping[str, Tensor] = field(default_factory=dict)
    """By their hashes, which stand for files in the cut; each an IMAGE 1 h w c as it came."""
    finish: Finish = field(default_factory=Finish)
    """What is done to the drawings."""
    names: Mapping[Drawing, str]
    width: int
    height: int
    fit: FitMode
    sheet: str
    """With names in place of circles."""
    report: str

    @property
    def content(self) -> str:
        """Another one for whatever changes a frame or a text, but for what it is drawn with."""
        size = [self.width, self.height, self.fit]
        content = [repr(self.cut), repr(self.plan), dict(self.digests), size]
        content += self.finish.content()
        return digest([*content, self.sheet, self.report])

    def picture(self, digest: str) -> Tensor | None:
        """The key or the sketch of a hash, 1 h w c."""
        for name, known in self.digests.items():
            if known == digest:
                return self.keys[name]
        return self.sketches.get(digest)


class CutRegister:
    """The cuts that are being drawn, by their tokens; the latest of each node."""

    def __init__(self, most: int = MOST_CUTS) -> None:
        self.most = most
        self._jobs: OrderedDict[str, tuple[str, CutJob]] = OrderedDict()

    def add(self, owner: str, job: CutJob) -> str:
        """Remember a cut, in place of the one that its node had before; gives its token."""
        # The owner counts: two nodes may draw one cut, with other steps or another model.
        token = digest([owner, job.content])
        self._jobs.pop(owner, None)
        self._jobs[owner] = token, job
        while len(self._jobs) > self.most:
            self._jobs.popitem(last=False)
        return token

    def job(self, token: str) -> CutJob:
        """The cut of a token; ``CutError`` where it is gone."""
        for known, job in self._jobs.values():
            if known == token:
                return job
        raise CutError(GONE)

    def picture(self, digest: str) -> Tensor:
        """The key or the sketch of a hash, 1 h w c; ``CutError`` where it is gone."""
        for _, job in reversed(self._jobs.values()):
            picture = job.picture(digest)
            if picture is not None:
                return picture
        raise CutError(GONE)

    def release(self, token: str) -> None:
        """Forget a cut that is drawn: its keys may be large."""
        for owner, (known, _) in list(self._jobs.items()):
            if known == token:
                del self._jobs[owner]


GONE = (
    "The keys of this cut are no longer in memory. This node works within 'ToonCrafter Cut' alone: "
    "use that one, or run it once more."
)

CUTS = CutRegister()
"""Of this ComfyUI."""


def digest_of_image(image: Tensor) -> str:
    """A hash of an IMAGE, to the bit."""
    pixels = image.float().contiguous().cpu()
    return digest_of_pixels(pixels.numpy().tobytes(), pixels.shape)
