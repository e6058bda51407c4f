"""Brings a picture into the form the image encoder was trained on (SPEC section 4)."""

import torch
from einops import rearrange
from torch import Tensor

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


def preprocess_for_image_encoder(images: Tensor, size: int = 224) -> Tensor:
    """Stretch pictures to the encoder's square and normalise their colours.

    ``images`` is ``b 3 h w`` in [-1, 1], any size; the result is ``b 3 size size``, float32, with
    the encoder's mean and deviation taken out. Nothing is cropped and overshoot of the bicubic
    filter is not clipped, as in the reference. ``ValueError`` for any other shape.
    SPEC section 4.
    """
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"The image encoder needs b 3 h w pictures, got {tuple(images.shape)}.")
    pictures = (_stretch(images.float(), size) + 1) / 2
    mean, std = (
        rearrange(torch.tensor(values, device=images.device), "c -> c 1 1")
        for values in (CLIP_MEAN, CLIP_STD)
    )
    return (pictures - mean) / std


def _stretch(images: Tensor, size: int) -> Tensor:
    """Kornia's bicubic resize: Gaussian blur before it where an axis shrinks, corners aligned."""
    import kornia

    # The blur's reflected border needs two pixels; doubling a single one changes no value.
    height, width = (max(side, 2) for side in images.shape[-2:])
    images = images.expand(-1, -1, height, width)
    return kornia.geometry.transform.resize(
        images, (size, size), interpolation="bicubic", align_corners=True, antialias=True
    )
