"""Tiny checkpoints of every form, with weights by the golden recipe's rules."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from golden.recipe import make_state_dict
from tooncrafter_core.checkpoints.keys import (
    COMPONENT_KEYS,
    OPTIONAL,
    REQUIRED,
    SCHEDULE_BUFFERS,
    Component,
)
from tooncrafter_core.checkpoints.load import build_network
from tooncrafter_core.config.model import ModelConfig
from tooncrafter_core.config.presets import TINY

DATA = Path(__file__).parents[1] / "golden" / "data"


def manifest(name: str) -> dict[str, tuple[int, ...]]:
    """Keys and shapes of a published file: ``tooncrafter_512`` or ``kijai_model``."""
    entries = json.loads((DATA / f"{name}.keys.json").read_text())
    return {key: tuple(shape) for key, shape in entries.items()}


def meta_tensors(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Tensors of these shapes that take no memory."""
    return {key: torch.empty(shape, device="meta") for key, shape in shapes.items()}


def component_shapes(component: Component, config: ModelConfig = TINY) -> dict[str, list[int]]:
    """The official keys and shapes of a component's network."""
    prefix = COMPONENT_KEYS[component].prefix
    tensors = build_network(component, config).state_dict()
    return {prefix + key: list(value.shape) for key, value in tensors.items()}


@cache
def _tiny_weights() -> dict[str, Tensor]:
    shapes = {name: [1400 if name == "scale_arr" else 1000] for name in SCHEDULE_BUFFERS}
    for component in (*REQUIRED, *OPTIONAL):
        shapes |= component_shapes(component)
    return make_state_dict("tiny", shapes)


def tiny_tensors(
    *,
    dtype: torch.dtype = torch.float32,
    with_encoders: bool = True,
    with_buffers: bool = True,
) -> dict[str, Tensor]:
    """The complete state dict of a ``TINY`` model, under official keys."""
    left_out = () if with_encoders else tuple(COMPONENT_KEYS[c].prefix for c in OPTIONAL)
    return {
        key: value.to(dtype)
        for key, value in _tiny_weights().items()
        if not key.startswith(left_out) and (with_buffers or key not in SCHEDULE_BUFFERS)
    }


def write_checkpoint(tensors: Mapping[str, Tensor], path: Path, form: str) -> Path:
    """Write tensors in one of the forms below and return the path.

    ``safetensors``, ``plain``, ``state_dict``, ``lightning``, ``deepspeed``, ``framestride`` (an
    older key name) or ``legacy`` (torch's format before 1.6).
    """
    tensors = dict(tensors)
    if form == "safetensors":
        save_file({k: v.contiguous() for k, v in tensors.items()}, path)
        return path
    contents = {
        "plain": tensors,
        "legacy": tensors,
        "state_dict": {"state_dict": tensors},
        "lightning": {
            "epoch": 3, "global_step": 1000, "pytorch-lightning_version": "1.9.3",
            "callbacks": {"ModelCheckpoint": {"best": None}}, "state_dict": tensors,
            "optimizer_states": [], "lr_schedulers": [],
        },
        "deepspeed": {"module": {"_forward_module." + k: v for k, v in tensors.items()}},
        "framestride": {
            "state_dict": {
                k.replace("fps_embedding", "framestride_embed"): v for k, v in tensors.items()
            }
        },
    }  # fmt: skip
    torch.save(contents[form], path, _use_new_zipfile_serialization=form != "legacy")
    return path
