"""``--alpha`` of ``interpolate``: transparent keyframes to a clip with transparency."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import KeyframeError
from .. import Options
from ..interpolate_outputs import Outputs

if TYPE_CHECKING:
    from torch import Tensor

    from ...interpolation.settings import InterpolationSettings
    from ...pictures.alpha.matte import Matte
    from ...pictures.keyframes import Keyframes

KEEP, WHITE = "keep", "white"


def add_alpha_option(group: Options, *, of_films: bool = False) -> None:
    """What becomes of transparency; films of a cut have no ``.png``, which is its drawings."""
    animated = ".apng" if of_films else ".png .apng"
    group.add_argument(
        "--alpha",
        choices=(WHITE, KEEP),
        help="what becomes of transparency: white puts white behind it; keep gives drawings with "
        f"straight alpha, as .mov .webm .webp {animated} .gif or pictures (white)",
    )


@dataclass(frozen=True, eq=False)
class ClearKeys:
    """Two keyframes with transparency, at the size of the clip."""

    pictures: "tuple[Tensor, ...]"
    """Each ``4 h w`` in [-1, 1], straight alpha."""
    keyframes: "Keyframes"
    """The same on the matte, for the model."""
    matte: "Matte"

    def restored(self, video: "Tensor") -> "Tensor":
        """The clip ``t 4 h w`` of one ``t 3 h w`` that was drawn on the matte."""
        from ...pictures.alpha.clip import with_alpha

        return with_alpha(video, self.matte, self.pictures, self.keyframes.indices)

    def on_white(self, video: "Tensor") -> "tuple[Tensor, Keyframes]":
        """A clip ``t 4 h w`` and the keyframes as a sheet shows them."""
        from ...pictures.keyframes import Keyframes

        alpha = (video[:, 3:] + 1) / 2
        return video[:, :3] * alpha + (1 - alpha), Keyframes.at_ends(*self.pictures)


def read_clear_keys(
    start: str, end: str, settings: "InterpolationSettings", outputs: Outputs
) -> ClearKeys | None:
    """The two pictures on a matte; None where neither is transparent anywhere.

    ``KeyframeError`` where one alone has alpha, or no matte can be taken out again;
    ``OutputError`` for a format that holds no alpha.
    """
    from ...pictures.alpha.clip import fit_clear, is_clear_somewhere, on_matte
    from ...pictures.stills import read_drawing
    from ...pictures.write import check_format

    files = (start, end)
    drawings = [read_drawing(Path(name)) for name in files]
    if not any(map(is_clear_somewhere, drawings)):
        return None
    opaque = [name for name, drawing in zip(files, drawings, strict=True) if drawing.shape[1] != 4]
    if opaque:
        raise KeyframeError(
            f"'{opaque[0]}' has no alpha channel and the other keyframe is transparent in places: "
            "the ground would change between them. Save both with transparency, or leave out "
            "--alpha keep."
        )
    if outputs.video is not None:
        check_format(outputs.video, outputs.playback_fps, has_alpha=True)
    size = settings.width, settings.height
    pictures = tuple(fit_clear(drawing, size, settings.fit) for drawing in drawings)
    keyframes, matte = on_matte(pictures, (0, -1))
    return ClearKeys(pictures, keyframes, matte)
