"""The precisions that a model computes in."""

import torch

from ..config.model import AutoencoderConfig, ModelConfig, SketchEncoderConfig

NAMES = {torch.float16: "fp16", torch.bfloat16: "bf16", torch.float32: "fp32"}


def inference_dtypes(
    config: ModelConfig | AutoencoderConfig | SketchEncoderConfig,
) -> list[torch.dtype]:
    """What a model computes in, best first where a device is equally good at them.

    float16 keeps more digits than bfloat16, but ends at 65504. The small models that move their
    keyframes were trained in bfloat16 and go beyond.
    """
    if isinstance(config, ModelConfig):
        is_small = config.unet.warps_keyframes or config.autoencoder.warps_references
    elif isinstance(config, AutoencoderConfig):
        is_small = config.warps_references
    else:
        is_small = config.matches_keyframes
    wide = [torch.bfloat16, torch.float32]
    return wide if is_small else [torch.float16, *wide]


def overflow_message(dtype: torch.dtype, possible: list[torch.dtype], own_choice: str) -> str:
    """What to say when a model was asked for in a precision that it overflows in.

    ``own_choice`` is the option that leaves the precision to the program.
    """
    names = " or ".join(NAMES[one] for one in possible)
    return (
        f"This small model was trained in bf16, and its values go beyond what {NAMES[dtype]} can "
        f"hold. Choose {own_choice}, {names}."
    )
