"""Brings a picture into the form the image encoder was trained on (SPEC section 4)."""

import torch
from einops import rearrange
from torch import Tensor

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


STRIP = 1 << 22
"""Values of a picture that are worked on at a time: a scan as a whole would take gigabytes."""
WHITE_LEVEL = 255


def preprocess_for_image_encoder(images: Tensor, size: int = 224) -> Tensor:
    """Stretch pictures to the encoder's square and normalise their colours.

    ``images`` is ``b 3 h w`` in [-1, 1], or uint8 levels, any size; the result is
    ``b 3 size size``, float32, with the encoder's mean and deviation taken out. Nothing is cropped
    and overshoot of the bicubic filter is not clipped, as in the reference. ``ValueError`` for any
    other shape. SPEC section 4.
    """
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"The image encoder needs b 3 h w pictures, got {tuple(images.shape)}.")
    stretched = _stretch(images, size)
    is_levels = images.dtype == torch.uint8
    pictures = stretched / WHITE_LEVEL if is_levels else (stretched + 1) / 2
    mean, std = (
        rearrange(torch.tensor(values, device=images.device), "c -> c 1 1")
        for values in (CLIP_MEAN, CLIP_STD)
    )
    return (pictures - mean) / std


def _stretch(images: Tensor, size: int) -> Tensor:
    """Kornia's bicubic resize: Gaussian blur before it where an axis shrinks, corners aligned.

    Both are separable, so that one matrix an axis holds them; rows come a strip at a time.
    """
    height, width = images.shape[-2:]
    if (height, width) == (size, size):
        return images.float()
    across = _resampling(width, size).to(images.device).T
    rows = max(STRIP // (width * images.shape[0] * images.shape[1]), 1)
    narrow = torch.cat([strip.float() @ across for strip in images.split(rows, dim=-2)], dim=-2)
    return _resampling(height, size).to(images.device) @ narrow


def _resampling(side: int, size: int) -> Tensor:
    """The weights ``size side`` by which pixels along an axis make those of the square."""
    import kornia

    if side == 1:
        return torch.ones(size, 1)
    # In float32, as torch computes them: between thousands of pixels the last bits count.
    positions = (torch.tensor((side - 1) / (size - 1)) * torch.arange(size)).double()
    blur = torch.ones(1, dtype=torch.float64)
    if side > size:
        sigma = max((side / size - 1) / 2, 0.001)
        width = max(int(4 * sigma), 3) // 2 * 2 + 1
        blur = kornia.filters.get_gaussian_kernel1d(width, sigma, dtype=torch.float64)[0]
    weights = torch.zeros(size, side, dtype=torch.float64)
    rows = torch.arange(size)
    whole = positions.floor().clamp(max=side - 2)
    cubic = _cubic(positions - whole)
    half = len(blur) // 2
    for offset, tap in zip(range(-1, 3), cubic, strict=True):
        # The cubic repeats the last pixel beyond the border; the blur before it mirrors.
        centre = (whole.long() + offset).clamp(0, side - 1)
        for distance, share in zip(range(-half, half + 1), blur, strict=True):
            pixel = (centre + distance).abs()
            pixel = torch.where(pixel >= side, 2 * (side - 1) - pixel, pixel)
            weights[rows, pixel] += tap * share
    return weights.float()


def _cubic(share: Tensor) -> list[Tensor]:
    """Weights of the four pixels around a position, ``share`` behind the second (a = -0.75)."""
    a = -0.75

    def near(x: Tensor) -> Tensor:
        return ((a + 2) * x - (a + 3)) * x * x + 1

    def far(x: Tensor) -> Tensor:
        return a * (x - 1) * (x - 2) ** 2

    return [far(share + 1), near(share), near(1 - share), far(2 - share)]
