"""Weights as scaled fp8 files keep them."""

import json
from collections.abc import Mapping

import torch
from torch import Tensor


def scaled_fp8(
    tensors: Mapping[str, Tensor],
    *,
    form: torch.dtype = torch.float8_e4m3fn,
    by_channel: bool = False,
    newer: bool = False,
    prefix: str = "",
) -> dict[str, Tensor]:
    """Every matrix named weight in 8 bits with its scale; ``newer`` as ComfyUI writes since 2025.

    Only keys that begin with ``prefix`` are changed, and the mark stands after it.
    """
    scaled: dict[str, Tensor] = {}
    for key, value in tensors.items():
        if not (key.endswith(".weight") and value.ndim == 2 and key.startswith(prefix)):
            scaled[key] = value
            continue
        layer = key.removesuffix(".weight")
        size = value.float().abs()
        largest = (size.amax(1) if by_channel else size.max()).clamp(min=1e-12)
        scale = largest / torch.finfo(form).max
        divisor = scale[:, None] if by_channel else scale
        scaled[key] = (value.float() / divisor).to(form)
        if newer:
            name = {torch.float8_e4m3fn: "float8_e4m3fn", torch.float8_e5m2: "float8_e5m2"}[form]
            scaled[f"{layer}.weight_scale"] = scale
            scaled[f"{layer}.comfy_quant"] = note(name)
        else:
            scaled[f"{layer}.scale_weight"] = scale
            scaled[f"{layer}.scale_input"] = torch.tensor(1.0)
    if not newer:
        scaled[prefix + "scaled_fp8"] = torch.zeros(2, dtype=form)
    return scaled


def note(form: str) -> Tensor:
    """ComfyUI's note of a layer's format."""
    return torch.tensor(list(json.dumps({"format": form}).encode()), dtype=torch.uint8)
