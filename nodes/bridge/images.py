"""IMAGE to video tensor and back: the only place where layout and range change.

IMAGE is t h w c in [0, 1]; inside, video is b c t h w and images are n c h w, in [-1, 1].
"""

from einops import rearrange, repeat
from torch import Tensor

from ...tooncrafter_core.errors import KeyframeError


def to_pixels(image: Tensor) -> Tensor:
    """An IMAGE as n c h w in [-1, 1]; masks without channels become grey."""
    if image.ndim == 3:
        image = image[..., None]
    if image.ndim != 4:
        raise KeyframeError(
            f"An IMAGE has 4 axes (pictures, height, width, channels); this one has {image.ndim}."
        )
    return rearrange(image, "n h w c -> n c h w") * 2.0 - 1.0


def hints_to_image(hints: Tensor) -> Tensor:
    """Line drawings n 1 h w in [0, 1] as a grey IMAGE."""
    return repeat(hints.float().clamp(0.0, 1.0), "n 1 h w -> n h w c", c=3)


def to_image(video: Tensor) -> Tensor:
    """Clips b c t h w in [-1, 1] as one IMAGE, clip after clip."""
    frames = rearrange(video, "b c t h w -> (b t) h w c")
    return ((frames + 1.0) / 2.0).clamp(0.0, 1.0)
