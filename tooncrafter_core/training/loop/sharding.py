"""Weights, gradients and optimizer state sharded over the processes, by torch's FSDP.

accelerate has it for GPUs alone; this is the same on a CPU, where it can be tested.
"""

from torch import nn
from torch.distributed.device_mesh import init_device_mesh

from ...errors import TrainingError
from ...models.residual import ResBlock
from ...models.transformers import SpatialTransformer, TemporalTransformer
from ..settings.config import MachineConfig
from ..stage import Stage

UNITS = (ResBlock, SpatialTransformer, TemporalTransformer)
"""Layers whose weights are gathered when they are computed, and freed afterwards."""


def check_sharding(config: MachineConfig, processes: int) -> None:
    """``TrainingError`` when weights cannot be spread."""
    if config.fsdp and processes < 2:
        raise TrainingError(
            "machine.fsdp spreads the weights over several processes and there is one: start it "
            "with torchrun or accelerate launch, or set machine.fsdp=false."
        )
    if config.fsdp and config.precision == "fp16":
        raise TrainingError("machine.fsdp does not go with fp16: set machine.precision=bf16.")


def shard(stage: Stage, device_type: str, processes: int) -> Stage:
    """Spread a stage's parameters over the processes, in place.

    Single numbers stay whole in each process. ``TrainingError`` when one of them learns: the
    autoencoder's mixtures do, and its stages are small enough to do without.
    """
    from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method

    numbers = {p for p in stage.parameters() if p.ndim == 0}
    if any(number.requires_grad for number in numbers):
        raise TrainingError(
            "machine.fsdp is for the stages base, rectify and sketch: set machine.fsdp=false."
        )
    mesh = init_device_mesh(device_type, (processes,))
    layers: list[nn.Module] = [layer for layer in stage.modules() if isinstance(layer, UNITS)]
    for module in (*layers, stage):
        fully_shard(module, mesh=mesh, ignored_params=numbers)
    # The pipeline calls these methods besides ``forward``.
    register_fsdp_forward_method(stage, "preview")
    for layer in layers:
        if isinstance(layer, SpatialTransformer):
            register_fsdp_forward_method(layer, "prepare")
    return stage
