"""Recognises quantised weights that cannot be read, to name their format."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from torch import Tensor

from ...errors import CheckpointError
from .scaled import QUANT_ENDING
from .tensor_info import TensorInfo

READ_FORMATS = ("float8_e4m3fn", "float8_e5m2")
"""ComfyUI's names of scaled fp8."""

_FORMATS = {
    "nvfp4": "nvfp4 (4 bits)",
    "mxfp8": "mxfp8 (8 bits in blocks)",
    "int8_tensorwise": "int8",
    "convrot_w4a4": "int4 (convrot_w4a4)",
    "asym_w4a8_int8": "int4 (asym_w4a8_int8)",
}
"""ComfyUI's names of what is not read."""

_QUANT_METADATA = "_quantization_metadata"
"""The metadata entry in which some files keep what others keep in ``comfy_quant`` tensors."""

_LONGEST_NOTE = 1 << 16

_ENDINGS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("bitsandbytes' 4 or 8 bits", (".absmax", ".quant_map", ".SCB", ".nested_absmax")),
    ("SVDQuant (Nunchaku)", (".wscales", ".smooth_factor", ".smooth_factor_orig", ".wtscale")),
    ("GPTQ or AWQ (4 bits)", (".qzeros", ".qweight")),
    ("nvfp4 (4 bits)", (".weight_scale_2",)),
    ("int4 (asym_w4a8_int8)", (".weight_s_rel",)),
    ("quanto's few bits", (".weight._data", ".weight._scale")),
)
_PARTS = ((_ENDINGS[0][0], ".quant_state."),)


def refuse_quantised(
    keys: Iterable[str],
    metadata: Mapping[str, str],
    tensors: Mapping[str, Tensor],
    infos: Mapping[str, TensorInfo],
    name: str,
) -> None:
    """``CheckpointError`` that names the format of a file whose weights are not read.

    Tensors are read only where they are notes of the formats; ``infos`` are of all those that can
    be read.
    """
    keys = list(keys)
    for what, endings in _ENDINGS:
        if any(key.endswith(endings) for key in keys):
            raise not_read(name, what)
    for what, part in _PARTS:
        if any(part in key for key in keys):
            raise not_read(name, what)
    for form in _formats(keys, metadata, tensors, infos, name):
        if form not in READ_FORMATS:
            raise not_read(name, _FORMATS.get(form, f"'{form[:40]}'"))


def not_read(name: str, what: str) -> CheckpointError:
    """The error for weights in a format that is not read."""
    return CheckpointError(
        f"{name} keeps its weights as {what}, which ToonCrafter cannot read; it reads fp32, fp16, "
        "bf16, fp8 and scaled fp8. Take the file that it was made from."
    )


def _formats(
    keys: Iterable[str],
    metadata: Mapping[str, str],
    tensors: Mapping[str, Tensor],
    infos: Mapping[str, TensorInfo],
    name: str,
) -> Iterator[str]:
    """ComfyUI's names of the formats of all layers that have one."""
    if _QUANT_METADATA in metadata:
        layers = _parsed(metadata[_QUANT_METADATA], name).get("layers")
        for layer in layers.values() if isinstance(layers, dict) else [None]:
            yield _format(layer, name)
    notes = [key for key in keys if key.endswith(QUANT_ENDING)]
    for key in notes:
        info = infos.get(key)
        # One of a format that torch does not know is no note either.
        if info is None or info.numel > _LONGEST_NOTE or info.dtype.is_floating_point:
            raise _unknown(name)
        numbers = tensors[key].flatten().tolist()
        if not all(isinstance(one, int) and 0 <= one < 256 for one in numbers):
            raise _unknown(name)
        yield _format(_parsed(bytes(numbers), name), name)


def _parsed(text: str | bytes, name: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _unknown(name) from error
    if not isinstance(found, dict):
        raise _unknown(name)
    return found


def _format(layer: object, name: str) -> str:
    found = layer.get("format") if isinstance(layer, dict) else None
    if not isinstance(found, str):
        raise _unknown(name)
    return found


def _unknown(name: str) -> CheckpointError:
    return not_read(name, "a quantisation that it does not name")
