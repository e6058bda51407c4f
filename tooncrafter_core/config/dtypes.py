"""The number formats of weights, by the names that options, settings and messages have for them.

They are here, on the ground, because configurations name them; torch is imported only where a name
becomes torch's, so that the command line parses without it.
"""

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import torch

DtypeName = Literal["fp32", "bf16", "fp16"]
"""What networks compute in."""

COMPUTED: tuple[DtypeName, ...] = ("fp32", "bf16", "fp16")
FP8 = "fp8"
"""What weights can only be stored in."""

_TORCH_NAMES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16", FP8: "float8_e4m3fn"}


def torch_dtype(name: str) -> "torch.dtype":
    """The dtype of a name; ``KeyError`` for any other, which options refuse before."""
    import torch

    return getattr(torch, _TORCH_NAMES[name])


def dtype_name(dtype: "torch.dtype") -> str:
    """The name of a dtype; torch's own where we have none."""
    own = str(dtype).removeprefix("torch.")
    return next((name for name, torchs in _TORCH_NAMES.items() if torchs == own), own)
