"""Which device and which precision to compute in, by the names that people give them."""

import torch

from ..config.dtypes import COMPUTED, torch_dtype
from ..config.model import ModelConfig, SketchEncoderConfig
from ..errors import ToonCrafterError, check_choice
from .precision import inference_dtypes, overflow_message

AUTO = "auto"
"""Leaves the choice to the program."""


def choose_device(name: str) -> torch.device:
    """The device to compute on; ``ToonCrafterError`` when there is none of that name."""
    if name == AUTO:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise ToonCrafterError(f"There is no device '{name}' here ({reason}); try cpu.") from error
    return device


def choose_dtype(
    name: str, device: torch.device, config: ModelConfig | SketchEncoderConfig
) -> torch.dtype:
    """The precision to compute in; ``auto`` is what the device is quick at.

    ``ToonCrafterError`` for a name that is none, and for a precision that a model of these sizes
    overflows in.
    """
    check_choice("The precision", name, (AUTO, *COMPUTED))
    possible = inference_dtypes(config)
    if name != AUTO:
        dtype = torch_dtype(name)
        if dtype not in possible:
            raise ToonCrafterError(overflow_message(dtype, possible, AUTO))
        return dtype
    if device.type != "cuda":
        return torch.float32
    # GPUs from before bfloat16 imitate it slowly.
    if possible[0] == torch.bfloat16 and not torch.cuda.is_bf16_supported(
        including_emulation=False
    ):
        return torch.float32
    return possible[0]
