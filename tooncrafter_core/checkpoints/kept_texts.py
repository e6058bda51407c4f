"""Texts that a file keeps twice: in its metadata, and as a small tensor among its weights.

Programs that read every tensor and write them again lose the metadata. Without its configuration a
model cannot be built, so it travels as a tensor, too: its bytes, under the metadata's own key.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

CONFIG_KEY = "tooncrafter.config"
"""A model's configuration."""

SKETCH_CONFIG_KEY = "tooncrafter.sketch_encoder.config"
"""A sketch encoder's."""

LATENT_RGB_KEY = "tooncrafter.latent_rgb"
"""The colours of a model's latents, for previews."""

KEPT_KEYS = (CONFIG_KEY, SKETCH_CONFIG_KEY, LATENT_RGB_KEY)

LONGEST = 1 << 16
"""Bytes of a text; longer tensors are no text of ours."""


def text_tensors(metadata: Mapping[str, str]) -> dict[str, Tensor]:
    """The tensors that keep what must not be lost of a file's metadata."""
    return {
        key: torch.tensor(list(metadata[key].encode()), dtype=torch.uint8)
        for key in KEPT_KEYS
        if key in metadata
    }


def kept_texts(
    tensors: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, str]:
    """The texts in tensors that ``text_tensors`` made, as far as they can still be read.

    A program that changes the number format of all tensors changes theirs; float16 and bfloat16
    hold every byte exactly. What is no text any more is left out, as if it had been lost.
    """
    found: dict[str, str] = {}
    for key in KEPT_KEYS:
        if key in shapes and len(shapes[key]) == 1 and 0 < shapes[key][0] <= LONGEST:
            text = _text(tensors[key])
            if text is not None:
                found[key] = text
    return found


def _text(tensor: Tensor) -> str | None:
    if tensor.is_meta or tensor.is_complex():
        return None
    values = tensor.detach().cpu().double()
    if not bool(((values >= 0) & (values <= 255) & (values == values.round())).all()):
        return None
    try:
        return bytes(values.to(torch.uint8).tolist()).decode()
    except UnicodeDecodeError:
        return None
