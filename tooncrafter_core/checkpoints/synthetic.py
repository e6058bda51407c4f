"""Made-up weights in the published layout: the same for the same tag, and of sane size.

They draw nothing of meaning. They let tests, the demo and measurements run the whole path, tiny or
at full size, without the published weights.
"""

import zlib
from collections.abc import Iterator, Mapping
from math import prod

import numpy as np
import torch
from torch import Tensor

from ..config.model import ModelConfig, SketchEncoderConfig
from ..config.presets import TINY, TINY_SKETCH
from ..diffusion.schedule import schedule_buffers
from ..models.sketch_encoder import SketchEncoder
from .files.read import Checkpoint
from .files.tensor_info import TensorInfo
from .keys import COMPONENT_KEYS, OPTIONAL, REQUIRED, Component
from .load import build_network
from .stored_config import config_metadata

_EMBEDDINGS = ("positional_embedding", "class_embedding")


def made_up_checkpoint(config: ModelConfig = TINY, tag: str = "tiny") -> Checkpoint:
    """A complete checkpoint of a configuration, every official key and the schedule buffers.

    A tensor is made when it is read, so that one of full size needs no memory to speak of.
    Encoders set to None in ``config`` are left out. SPEC sections 0 and 12.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for component in (*REQUIRED, *OPTIONAL):
        if component in OPTIONAL and getattr(config, component.value) is None:
            continue
        prefix = COMPONENT_KEYS[component].prefix
        network = build_network(component, config)
        shapes |= {prefix + key: tuple(v.shape) for key, v in network.state_dict().items()}
    tensors = _MadeUp(tag, shapes, schedule_buffers(config.diffusion))
    infos = {key: TensorInfo(tensors.shape_of(key), torch.float32) for key in tensors}
    metadata = config_metadata(config)
    return Checkpoint(tensors, infos, name="made-up weights", metadata=metadata)


def made_up_sketch_encoder(
    config: SketchEncoderConfig = TINY_SKETCH, tag: str = "tiny"
) -> Checkpoint:
    """A sketch encoder of a configuration, made when it is read; every official key."""
    prefix = COMPONENT_KEYS[Component.SKETCH_ENCODER].prefix
    network = SketchEncoder(config, device="meta")
    shapes = {prefix + key: tuple(v.shape) for key, v in network.state_dict().items()}
    tensors = _MadeUp(tag, shapes, {})
    infos = {key: TensorInfo(shape, torch.float32) for key, shape in shapes.items()}
    metadata = config_metadata(config)
    return Checkpoint(tensors, infos, name="made-up weights", metadata=metadata)


def made_up_tensor(tag: str, key: str, shape: tuple[int, ...]) -> Tensor:
    """One tensor, float32: normal numbers of a seed made from tag and key, scaled by its role.

    The recipe by which the golden data was made (SPEC section 12): activations keep about their
    size through every layer, and no layer is zero.
    """
    seed = zlib.crc32(f"{tag}:{key}".encode())
    values = np.random.RandomState(seed).standard_normal(prod(shape)).reshape(shape)
    name = key.rsplit(".", 1)[-1]
    if name == "mix_factor":
        values = 0.5 * values
    elif name == "weight" and len(shape) == 1:
        values = 1.0 + 0.1 * values
    elif name in _EMBEDDINGS or key.endswith("token_embedding.weight"):
        values = 0.3 * values
    elif name == "bias" or len(shape) <= 1:
        values = 0.1 * values
    elif name == "latents":
        values = values / np.sqrt(shape[-1])
    else:
        values = values / np.sqrt(prod(shape[1:]))
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))


class _MadeUp(Mapping[str, Tensor]):
    """Tensors that are made when asked for."""

    def __init__(
        self, tag: str, shapes: Mapping[str, tuple[int, ...]], ready: Mapping[str, Tensor]
    ) -> None:
        self._tag, self._shapes, self._ready = tag, dict(shapes), dict(ready)

    def shape_of(self, key: str) -> tuple[int, ...]:
        return tuple(self._ready[key].shape) if key in self._ready else self._shapes[key]

    def __getitem__(self, key: str) -> Tensor:
        if key in self._ready:
            return self._ready[key]
        return made_up_tensor(self._tag, key, self._shapes[key])

    def __iter__(self) -> Iterator[str]:
        yield from self._shapes
        yield from self._ready

    def __len__(self) -> int:
        return len(self._shapes) + len(self._ready)
