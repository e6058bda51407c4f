"""Weights that a file keeps as 8-bit floats with scales, as ComfyUI's scaled fp8 files do.

``X.scale_weight`` (``X.weight_scale`` in newer files) is what ``X.weight`` is multiplied by: one
number, or one for every output channel. There are also scales of the inputs, which nothing here
needs, and marks of the format.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import CheckpointError
from ..keys import component_of
from .tensor_info import TensorInfo

SCALE_ENDINGS = (".scale_weight", ".weight_scale")
_INPUT_SCALE_ENDINGS = (".scale_input", ".input_scale")
MARK = "scaled_fp8"
QUANT_ENDING = ".comfy_quant"

FP8 = (torch.float8_e4m3fn, torch.float8_e5m2)

_SMALLEST_IN_HALF = 2.0**-14
"""float16 keeps 11 digits from here on; a tensor that ends below is kept in float32."""


_LARGEST = 2.0**30
"""No network has weights nearly as large; such a scale comes of damage."""


@dataclass(frozen=True)
class ScaledWeights:
    """A file's tensors with the scales applied, under the keys that a model has."""

    tensors: Mapping[str, Tensor]
    info: dict[str, TensorInfo]
    number: int
    """How many weights have a scale."""


def apply_scales(
    tensors: Mapping[str, Tensor], info: Mapping[str, TensorInfo], name: str
) -> ScaledWeights | None:
    """The same tensors without helpers, each scaled when it is read; None where there are none.

    A scaled weight is float16 where that holds whatever its format can, else float32.
    ``CheckpointError`` for scales that are missing, unusable or of the wrong shape.
    """
    helpers = {key for key in info if _is_helper(key)}
    if not helpers:
        return None
    kept = {key: one for key, one in info.items() if key not in helpers}
    scales = {
        _weight_of(key, kept, name): tensors[key].detach().cpu()
        for key in info
        if key.endswith(SCALE_ENDINGS)
    }
    for key in _without_scale(kept, scales, helpers):
        raise CheckpointError(
            f"{name} keeps its weights as scaled fp8, and '{key}' has no scale. "
            "Take a complete file, or the one that it was made from."
        )
    for key, scale in scales.items():
        _check(key, info[key], scale, name)
        kept[key] = TensorInfo(info[key].shape, _result_dtype(info[key].dtype, scale))
    return ScaledWeights(_Scaled(tensors, scales, kept), kept, len(scales))


class _Scaled(Mapping[str, Tensor]):
    """Tensors that are multiplied by their scale when they are asked for."""

    def __init__(
        self,
        tensors: Mapping[str, Tensor],
        scales: Mapping[str, Tensor],
        info: Mapping[str, TensorInfo],
    ) -> None:
        self._tensors, self._scales, self._info = tensors, scales, info

    def __getitem__(self, key: str) -> Tensor:
        value = self._tensors[key]
        scale = self._scales.get(key)
        if scale is None:
            return value
        by_channel = scale.float().reshape(-1, *[1] * (value.ndim - 1))
        if value.ndim == 0 or scale.numel() == 1:
            by_channel = scale.float().reshape(())
        return (value.float() * by_channel).to(self._info[key].dtype)

    def __iter__(self) -> Iterator[str]:
        return iter(self._info)

    def __len__(self) -> int:
        return len(self._info)


def _is_helper(key: str) -> bool:
    endings = (*SCALE_ENDINGS, *_INPUT_SCALE_ENDINGS, QUANT_ENDING, "." + MARK)
    return key == MARK or key.endswith(endings)


def _weight_of(key: str, kept: Mapping[str, TensorInfo], name: str) -> str:
    """The key of the weight that a scale belongs to."""
    layer = key.rpartition(".")[0]
    for weight in (f"{layer}.weight", f"{layer}_weight", layer):
        if weight in kept:
            return weight
    raise CheckpointError(
        f"{name} has a scale '{key}' and no weight of that name; scaled fp8 has one for each. "
        "Take a complete file, or the one that it was made from."
    )


def _without_scale(
    kept: Mapping[str, TensorInfo], scales: Mapping[str, Tensor], helpers: set[str]
) -> Iterator[str]:
    """Matrices in 8 bits that lack a scale where their neighbours have one.

    Tensors of other ranks may be plain 8-bit floats, which need none.
    """
    marked = tuple(key.removesuffix(MARK) for key in helpers if key.endswith(MARK))
    parts = {component_of(key) for key in scales}
    for key, one in kept.items():
        is_matrix = one.dtype in FP8 and len(one.shape) == 2 and key.endswith(".weight")
        if is_matrix and key not in scales and (component_of(key) in parts or _begins(key, marked)):
            yield key


def _begins(key: str, starts: tuple[str, ...]) -> bool:
    return bool(starts) and key.startswith(starts)


def _check(key: str, weight: TensorInfo, scale: Tensor, name: str) -> None:
    """Refuse a scale that is no number, or neither one nor one a channel."""
    if not weight.dtype.is_floating_point:
        raise CheckpointError(
            f"{name} keeps '{key}' as {str(weight.dtype).removeprefix('torch.')} with scales, "
            "which ToonCrafter cannot read; it reads scaled fp8, fp16, bf16 and fp32. "
            "Take the file that it was made from."
        )
    channels = weight.shape[:1]
    by_channel = scale.shape[:1] == channels and scale.numel() == math.prod(channels)
    if scale.numel() != 1 and not (by_channel and scale.numel()):
        raise CheckpointError(
            f"{name} has scales of the shape {tuple(scale.shape)} for '{key}', which is "
            f"{weight.shape}; needed is one scale, or one for each of its output channels. "
            "Take the file that it was made from."
        )
    if not scale.is_floating_point() or not bool(torch.isfinite(scale.float()).all()):
        raise CheckpointError(
            f"{name} is damaged: the scale of '{key}' is not a number. Download it again."
        )
    largest = float(scale.double().abs().max()) * torch.finfo(weight.dtype).max
    if largest > _LARGEST:
        raise CheckpointError(
            f"{name} is damaged: by its scale, '{key}' may hold numbers of {largest:.1e}. "
            "Download it again."
        )


def _result_dtype(stored: torch.dtype, scale: Tensor) -> torch.dtype:
    """The smallest format that holds whatever the scaled numbers can be."""
    largest = scale.double().abs() * torch.finfo(stored).max
    fits = largest.max() <= torch.finfo(torch.float16).max
    is_fine = largest.min() >= _SMALLEST_IN_HALF
    return torch.float16 if bool(fits and is_fine) else torch.float32
