"""The result of a run: a file with official keys, for the nodes and for the next stage.

Every process takes part, because weights may be sharded over them; only the main one writes.
"""

from pathlib import Path

from torch import Tensor, nn

from ...checkpoints.files.save import save_checkpoint
from ...checkpoints.keys import COMPONENT_KEYS, OPTIONAL, REQUIRED, Component
from ...checkpoints.load import Models
from ...config.dtypes import torch_dtype
from ...diffusion.schedule import schedule_buffers
from ...models.sketch_encoder import SketchEncoder
from ..loop.players import whole


def write_model(models: Models, path: Path, dtype: str, is_main: bool = True) -> None:
    """Write every network of a model and the schedule, as a complete checkpoint."""
    tensors = schedule_buffers(models.config.diffusion)
    for component in (*REQUIRED, *OPTIONAL):
        network = getattr(models, component.value)
        if network is not None:
            tensors |= official_tensors(network, component)
    if is_main:
        save_checkpoint(tensors, path, dtype=torch_dtype(dtype), config=models.config)


def write_sketch_encoder(
    network: SketchEncoder, path: Path, dtype: str, is_main: bool = True
) -> None:
    """Write a sketch encoder in a file of its own."""
    tensors = official_tensors(network, Component.SKETCH_ENCODER)
    if is_main:
        save_checkpoint(tensors, path, dtype=torch_dtype(dtype), config=network.config)


def official_tensors(network: nn.Module, component: Component) -> dict[str, Tensor]:
    """A network's tensors under their official keys, in one piece."""
    prefix = COMPONENT_KEYS[component].prefix
    return {prefix + key: whole(value) for key, value in network.state_dict().items()}
