"""The precisions that a model computes in."""

from typing import Protocol

import torch

from ..config.dtypes import DtypeName, dtype_name


class TrainedConfig(Protocol):
    """A configuration of a model, or of a part, that says what its weights were trained in."""

    @property
    def trained_in(self) -> DtypeName:
        """The number format that its values fit."""
        ...


def inference_dtypes(config: TrainedConfig) -> list[torch.dtype]:
    """Precisions that a model can compute in, the best first where a device has several.

    float16 keeps more digits than bfloat16, but ends at 65504. What was trained in bfloat16 goes
    beyond.
    """
    wide = [torch.bfloat16, torch.float32]
    return wide if config.trained_in == "bf16" else [torch.float16, *wide]


def overflow_message(dtype: torch.dtype, possible: list[torch.dtype], own_choice: str) -> str:
    """The error message for a precision in which a model overflows.

    ``own_choice`` is the option that leaves the precision to the program.
    """
    names = " or ".join(dtype_name(one) for one in possible)
    return (
        f"This small model was trained in bf16, and its values go beyond what {dtype_name(dtype)} "
        f"can hold. Choose {own_choice}, {names}."
    )
