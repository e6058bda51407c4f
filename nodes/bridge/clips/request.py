"""What a clip was asked for, as LATENT and CONDITIONING carry it from 'ToonCrafter Keyframes'.

Samplers and ComfyUI's other nodes hand on what they do not know. Every clip of a batch brings its
own request in ``batch_index``, the only list that ComfyUI's *Latent Batch* joins.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ....tooncrafter_core.errors import ModelMismatchError
from ....tooncrafter_core.pictures.fitting import FitMode
from ..latent_space import LatentSpace

Latent = dict[str, Any]
"""ComfyUI's LATENT: ``samples`` b c t h w, and what nodes have attached by name."""

REQUEST = "tooncrafter_request"
"""Key of the ``ClipRequest`` in LATENT and in what CONDITIONING carries."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Redraw:
    """A clip of which a part is drawn again."""

    frames: Tensor
    """As they came, ``t h w 3`` in [0, 1]."""
    weights: Tensor
    """How much of each pixel is drawn again, ``t h w``; 0 comes back to the bit."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ClipRequest:
    """Size, frames and keyframes of a clip, and the autoencoder that it is made with."""

    width: int
    height: int
    fit: FitMode
    multiple: int
    """Of which the model draws sides, in pixels."""
    frames: int
    keyframes: Tensor
    """First and last drawing as they are encoded, 2 3 h w in [-1, 1]."""
    space: LatentSpace | None
    """None where the autoencoder is not known."""
    redraw: Redraw | None = None
    """What of an earlier clip is drawn again; None draws a whole clip."""

    def is_same_clip(self, other: "ClipRequest") -> bool:
        """Whether both ask for the frames between the same drawings, in the same latents."""
        if self is other:
            return True
        is_alike = self.keyframes.shape == other.keyframes.shape and bool(
            (self.keyframes == other.keyframes).all()
        )
        return is_alike and is_same_space(self.space, other.space)


class ClipIndex(int):
    """The place of a clip in its batch, as ComfyUI keeps it, with the request of the clip."""

    request: ClipRequest

    def __new__(cls, value: int, request: ClipRequest) -> "ClipIndex":
        """A place that knows its clip."""
        index = super().__new__(cls, value)
        index.request = request
        return index

    def __add__(self, other: int) -> "ClipIndex":
        """The place of a repetition of the same clip."""
        return ClipIndex(int(self) + int(other), self.request)

    def __reduce__(self) -> tuple[object, ...]:
        """For pickle and copies."""
        return ClipIndex, (int(self), self.request)


def request_of(carried: Mapping[str, object]) -> ClipRequest | None:
    """The request in a LATENT or in what a CONDITIONING carries, None where there is none."""
    found = carried.get(REQUEST)
    return found if isinstance(found, ClipRequest) else None


def single_request(latent: Latent) -> ClipRequest | None:
    """The one request of all clips of a LATENT.

    Raises:
        ModelMismatchError: clips between different drawings were joined.
    """
    own = request_of(latent)
    indices = latent.get("batch_index") or ()
    requests = [index.request for index in indices if isinstance(index, ClipIndex)]
    own = own or next(iter(requests), None)
    if own is not None and not all(
        own.is_same_clip(request) and own.redraw is request.redraw for request in requests
    ):
        raise ModelMismatchError(
            "This LATENT joins clips of different 'ToonCrafter Keyframes' or 'ToonCrafter Redraw' "
            "(Latent Batch), and only one pair of drawings can guide it. Sample and decode every "
            "clip on its own and join the pictures afterwards (Batch Images)."
        )
    if own is not None and latent["samples"].ndim == 5 and latent["samples"].shape[2] > own.frames:
        raise ModelMismatchError(
            f"This LATENT has {latent['samples'].shape[2]} frames, 'ToonCrafter Keyframes' was "
            f"asked for {own.frames}: clips were joined (Latent Concat). Sample and decode every "
            "clip on its own and join the pictures afterwards (Batch Images)."
        )
    return own


def is_same_space(one: LatentSpace | None, other: LatentSpace | None) -> bool:
    """Whether two autoencoders may share latents; what is not known is not refused."""
    return one is None or other is None or one is other or one.is_same(other)


def refuse_other_space(request: ClipRequest, part: str, space: LatentSpace | None) -> None:
    """Refuse a MODEL or VAE of another checkpoint than the one that made the clip.

    Raises:
        ModelMismatchError: they are of different checkpoints.
    """
    if request.space is None or space is None or is_same_space(request.space, space):
        return
    sources = f"'{space.source}'", f"'{request.space.source}'"
    if sources[0] == sources[1]:
        sources = f"another file named {sources[0]}", sources[1]
    raise ModelMismatchError(
        f"This {part} is of {sources[0]}, but 'ToonCrafter Keyframes' encoded the drawings with "
        f"the VAE of {sources[1]}. Connect the {part} and the VAE of the same 'Load ToonCrafter'."
    )
