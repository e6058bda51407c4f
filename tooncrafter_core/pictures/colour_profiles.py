"""Colours of pictures with an ICC profile, as sRGB shows them."""

import io
import logging
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

logger = logging.getLogger(__name__)

SAME = 2
"""Levels by which two profiles of the same colours may differ."""


def to_srgb(image: "Image", stored: "Image | None" = None) -> "Image":
    """A picture of 8 bits as RGB; its profile is that of ``stored`` where that is given.

    A profile that cannot be used is left out, with a warning.
    """
    profile = (stored or image).info.get("icc_profile")
    if image.mode in ("1", "P", "PA", "LA", "La", "RGBA", "RGBa"):
        image = image.convert("L" if image.mode in ("1", "LA", "La") else "RGB")
    if profile:
        transform = _transform(profile, image.mode)
        if transform is not None:
            from PIL import ImageCms

            return ImageCms.applyTransform(image, transform)  # type: ignore[return-value]
    return image if image.mode == "RGB" else image.convert("RGB")


@lru_cache(maxsize=8)
def _transform(profile: bytes, mode: str) -> Any:
    """What brings pixels to sRGB; None where nothing has to be done or nothing can."""
    from PIL import Image, ImageCms

    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        transform = ImageCms.buildTransform(own, ImageCms.createProfile("sRGB"), mode, "RGB")
        if mode not in ("L", "RGB"):
            return transform
        # Most profiles are sRGB itself: the levels then stay as they are, to the last one.
        ramp = Image.linear_gradient("L").resize((64, 64))
        turned = [ramp, ramp.transpose(Image.Transpose.ROTATE_90), ramp.point(lambda v: 255 - v)]
        probe = ramp if mode == "L" else Image.merge("RGB", turned)
        shown: Any = ImageCms.applyTransform(probe, transform)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
        logger.warning("A colour profile cannot be used and is left out: %s", error)
        return None
    difference = np.asarray(probe.convert("RGB"), np.int16) - np.asarray(shown, np.int16)
    return transform if np.abs(difference).max() > SAME else None
