"""What text and image encoder files have in common.

ComfyUI loads encoders leniently; here what is missing or left over is an error.
"""

import re
from collections.abc import Iterable

import torch
from comfy.cli_args import args
from torch import Tensor

from ....tooncrafter_core.checkpoints import Checkpoint, Component
from ....tooncrafter_core.checkpoints.keys import select
from ....tooncrafter_core.errors import CheckpointError

_LAYER = re.compile(r"(?:layers|resblocks)\.(\d+)\.")


def count_layers(keys: Iterable[str]) -> int:
    """Transformer layers in a file of either layout."""
    return 1 + max((int(match[1]) for match in map(_LAYER.search, keys) if match), default=-1)


def own_tensors(checkpoint: Checkpoint, component: Component) -> dict[str, Tensor]:
    """One component of a full checkpoint, without its prefix."""
    return {own: checkpoint[key] for own, key in select(checkpoint.info, component).items()}


_PRECISION_FLAGS = (
    "fp8_e4m3fn_text_enc", "fp8_e5m2_text_enc", "fp16_text_enc", "bf16_text_enc", "fp32_text_enc",
)  # fmt: skip


def full_precision(weights: dict[str, Tensor]) -> dict[str, torch.dtype]:
    """Keep encoders in float32 if their file has it, unless ComfyUI's options say otherwise.

    They run once a prompt; rounded to half they move the samples by 3e-3 of their spread.
    """
    has_option = any(getattr(args, flag, False) for flag in _PRECISION_FLAGS)
    is_full = all(value.dtype is torch.float32 for value in weights.values())
    return {"dtype": torch.float32} if is_full and not has_option else {}


def refuse_mismatch(checkpoint: Checkpoint, part: str, keys: list[str]) -> None:
    """Loading into ComfyUI's encoders is lenient; ours is not."""
    keys = [key for key in keys if not key.endswith(("position_ids", "logit_scale"))]
    if keys:
        raise CheckpointError(
            f"{checkpoint.name} does not fit ComfyUI's {part}: {len(keys)} tensors are missing or "
            f"left over, such as {', '.join(keys[:3])}."
        )
