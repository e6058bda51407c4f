"""The drawings that a clip is decoded with: those that it was asked for, wired once."""

from typing import NamedTuple

import torch
from torch import Tensor

from ..tooncrafter_core.errors import KeyframeError, ModelMismatchError
from ..tooncrafter_core.pictures.fitting import Placement, fit
from ..tooncrafter_core.pictures.keyframes import check_keyframes
from .bridge.autoencoder import ToonCrafterVAE
from .bridge.clips.request import ClipRequest, Latent, refuse_other_space, single_request
from .bridge.clips.saved_size import SavedSize
from .bridge.images import to_pixels

EQUAL = 0.02
"""Largest difference of the same drawing, in [-1, 1]: of pictures kept in half precision."""
ALIKE = 0.2
"""Root mean square of the difference, in [-1, 1], up to which a picture that was brought to another
size on its way counts as the same drawing."""

SIZE_UNKNOWN = (
    "This LATENT does not say which size was asked for (Load Latent does not keep it): the clip is "
    "decoded as it was drawn, {width}x{height}. For another size set width and height of this node."
)
SIZE_SAVED = (
    "The size is {width}x{height}, fit {fit}: the workflow that Save Latent kept says so. "
    "For another size set width and height of this node."
)


class References(NamedTuple):
    """What the decoder needs besides the clip."""

    images: Tensor
    """First and last drawing as they are encoded, 2 3 h w in [-1, 1]."""
    placement: Placement
    """Where the size that was asked for lies in them."""
    notice: str | None
    """What the person should know of the size."""


def references_for(
    latent: Latent,
    vae: ToonCrafterVAE,
    pictures: tuple[Tensor | None, Tensor | None],
    size: tuple[int, int],
    saved: SavedSize | None = None,
) -> References:
    """The drawings of a LATENT, and its size.

    Args:
        latent: with the request of 'ToonCrafter Keyframes', or without where it was lost.
        vae: what decodes it.
        pictures: first and last IMAGE of graphs that connect them once more; they must be those
            that the clip was asked for.
        size: width and height of the result for a LATENT that does not know its own; 0 for none.
        saved: the size in the file that such a LATENT came from.

    Raises:
        KeyframeError: the drawings are not known.
        ModelMismatchError: the VAE, a drawing or the size is of another clip.
    """
    request = single_request(latent)
    if request is not None:
        refuse_other_space(request, "VAE", vae.latent_space)
    given = _checked(pictures)
    if request is None:
        return _unasked(latent, vae, given, size, saved)
    _, placement = fit(
        request.keyframes, request.width, request.height, request.fit, request.multiple
    )
    _refuse_other_size(latent, vae, tuple(request.keyframes.shape[-2:]))
    images = list(request.keyframes.split(1))
    for place, picture in enumerate(given):
        if picture is not None:
            fitted, _ = fit(picture, request.width, request.height, request.fit, request.multiple)
            _refuse_other_drawing(fitted, request, place)
            images[place] = fitted
    return References(torch.cat(images), placement, None)


def _checked(pictures: tuple[Tensor | None, Tensor | None]) -> list[Tensor | None]:
    """Each connected picture as 1 3 h w in [-1, 1]."""
    pixels = [None if picture is None else to_pixels(picture) for picture in pictures]
    stand_ins = [one for one in pixels if one is not None]
    if not stand_ins:
        return [None, None]
    # Both are checked together, so that messages name them; one that is absent is the other.
    both = check_keyframes(
        stand_ins[0] if pixels[0] is None else pixels[0],
        stand_ins[0] if pixels[1] is None else pixels[1],
    )
    return [None if pixels[place] is None else both[place] for place in (0, 1)]


def _unasked(
    latent: Latent,
    vae: ToonCrafterVAE,
    given: list[Tensor | None],
    size: tuple[int, int],
    saved: SavedSize | None,
) -> References:
    """Drawings and size of a LATENT that does not know its own."""
    first, last = given
    if first is None or last is None:
        raise KeyframeError(
            "This LATENT does not know its drawings: it did not come straight from 'ToonCrafter "
            "Keyframes' through a sampler (Load Latent does not keep them). Connect first_image "
            "and last_image of this node."
        )
    drawn_height, drawn_width = _pixels(latent, vae)
    drawn = SavedSize(drawn_width, drawn_height, "crop")
    asked = SavedSize(size[0] or drawn.width, size[1] or drawn.height, "crop")
    notice = None if all(size) else SIZE_UNKNOWN.format(width=drawn.width, height=drawn.height)
    if saved is not None and not any(size):
        fitted, _ = fit(first, *saved, vae.size_multiple)
        # The clip may have been enlarged or cut before it was saved.
        if tuple(fitted.shape[-2:]) == (drawn.height, drawn.width):
            asked = saved
            notice = SIZE_SAVED.format(width=saved.width, height=saved.height, fit=saved.fit)
    (one, placement), (other, _) = (
        fit(image, *asked, vae.size_multiple) for image in (first, last)
    )
    _refuse_other_size(latent, vae, tuple(one.shape[-2:]))
    return References(torch.cat([one, other]), placement, notice)


def _pixels(latent: Latent, vae: ToonCrafterVAE) -> tuple[int, int]:
    """Height and width of a LATENT as drawn."""
    rows, columns = latent["samples"].shape[-2:]
    return rows * vae.config.downsampling, columns * vae.config.downsampling


def _refuse_other_size(latent: Latent, vae: ToonCrafterVAE, fitted: tuple[int, ...]) -> None:
    height, width = _pixels(latent, vae)
    if (height, width) != fitted:
        raise ModelMismatchError(
            f"The LATENT is {width}x{height} pixels, but the keyframes were to be fitted to "
            f"{fitted[1]}x{fitted[0]}. Decode the clip at the size it was sampled at, and enlarge "
            "the pictures afterwards."
        )


def _refuse_other_drawing(picture: Tensor, request: ClipRequest, place: int) -> None:
    """Refuse a connected picture 1 3 h w that is not the clip's own at that end."""
    own, other = request.keyframes[[place]], request.keyframes[[1 - place]]
    if bool(((picture - own).abs() <= EQUAL).all()):
        return
    name, keyframe = (("first_image", "first"), ("last_image", "last"))[place]
    to_own, to_other = (float((picture - one).square().mean().sqrt()) for one in (own, other))
    if to_other < to_own:
        raise ModelMismatchError(
            f"{name} of 'ToonCrafter Decode' is the {'last' if place == 0 else 'first'} drawing of "
            "this clip: the two are swapped. Take both wires off, as this node knows the drawings, "
            "or exchange them."
        )
    if to_own > ALIKE:
        raise ModelMismatchError(
            f"{name} of 'ToonCrafter Decode' is not the {keyframe} drawing that 'ToonCrafter "
            "Keyframes' was given. Take the wire off: this node knows the drawings."
        )
