"""Exact counts of one training step of the published model on the meta device, stage by stage.

    python dev.py bench training

One clip of 512x320 and 16 frames goes forward and back in bfloat16 as the loop does it: learning
and frozen weights in float32, frozen text and image encoders in bfloat16, AdamW's two float32
numbers for every weight that learns. Nothing is computed, so it runs anywhere; an allocator's slack
and the kernels' workspace come on top.
"""

import argparse
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from support.counting import GIB, Counter
from tooncrafter_core.checkpoints.keys import OPTIONAL, REQUIRED
from tooncrafter_core.checkpoints.load import Models, build_network
from tooncrafter_core.config.presets import SKETCH_PRESETS, TOONCRAFTER_512
from tooncrafter_core.layers.operations import TorchOperations
from tooncrafter_core.models.sketch_encoder import SketchEncoder
from tooncrafter_core.training.groups import Group
from tooncrafter_core.training.inputs.draws import draw_seeds
from tooncrafter_core.training.loop.players import make_players, take_turn
from tooncrafter_core.training.outputs.previewing import PreviewSettings
from tooncrafter_core.training.settings.config import OptimizerConfig
from tooncrafter_core.training.stage import Batch, Stage
from tooncrafter_core.training.stages.bypass import BLOCKS, checkpointed_activations
from tooncrafter_core.training.stages.decoder_settings import DecoderSettings
from tooncrafter_core.training.stages.decoder_stage import DecoderStage
from tooncrafter_core.training.stages.denoising import DenoisingSettings, DenoisingStage
from tooncrafter_core.training.stages.sketching import SketchSettings, SketchStage
from tooncrafter_core.training.start.lora import LoraAdapters

WIDTH, HEIGHT, FRAMES = 512, 320, 16
LOW = torch.bfloat16
CARD = 80e9
"""Bytes of the card that a step has to fit into."""

IN_LOW = {"conv1d", "conv2d", "conv3d", "linear", "matmul", "bmm", "baddbmm", "mm", "addmm",
          "multi_head_attention_forward", "scaled_dot_product_attention"}  # fmt: skip
IN_FULL = {"group_norm", "layer_norm", "softmax", "mse_loss", "l1_loss", "pow", "square", "exp",
           "rsqrt", "sum", "norm", "log10"}  # fmt: skip
"""What torch's autocast on a GPU computes in bfloat16, and what in float32."""


class Autocast(TorchFunctionMode):
    """torch's autocast, which does not know the meta device, with its cache of weights."""

    is_on = False

    def __init__(self) -> None:
        super().__init__()
        self.cache: dict[int, Tensor] = {}

    def __enter__(self) -> "Autocast":
        """Begin."""
        Autocast.is_on = True
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        """End, and forget the weights in low precision."""
        super().__exit__(*error)
        self.cache.clear()
        Autocast.is_on = False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Change the precision of the arguments where autocast would."""
        name, kwargs = getattr(func, "__name__", ""), kwargs or {}
        if name in IN_LOW:
            args = tuple(map(self._lower, args))
        elif name in IN_FULL:
            args = tuple(self._change(value, torch.float32) for value in args)
        return func(*args, **kwargs)

    def _lower(self, value: Any) -> Any:
        if not (isinstance(value, Tensor) and value.is_leaf and value.requires_grad):
            return self._change(value, LOW)
        if id(value) not in self.cache:
            self.cache[id(value)] = self._change(value, LOW)
        return self.cache[id(value)]

    @staticmethod
    def _change(value: Any, dtype: torch.dtype) -> Any:
        is_float = isinstance(value, Tensor) and value.is_floating_point()
        return value.to(dtype) if is_float else value


def autocast_blocks(stage: Stage) -> None:
    """Let blocks that are computed again on the way back do so as they did at first."""

    def again(forward: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            with nullcontext() if Autocast.is_on else Autocast():
                return forward(*args, **kwargs)

        return run

    for layer in stage.modules():
        if isinstance(layer, BLOCKS):
            layer.forward = again(layer.forward)


class FlashAttention(torch.autograd.Function):
    """What the fused kernel keeps for its gradients: inputs, result, and a number a query."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
        """Make a result of the right shape."""
        out = torch.empty_like(q, memory_format=torch.contiguous_format)
        sums = q.new_empty((*q.shape[:2], heads), dtype=torch.float32)
        ctx.save_for_backward(q, k, v, out, sums)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        """Make gradients of the right shapes."""
        q, k, v, _, _ = ctx.saved_tensors
        return torch.empty_like(q), torch.empty_like(k), torch.empty_like(v), None


class FlashOperations(TorchOperations):
    """Attention as one kernel, whose gradients are counted."""

    def attention(
        self, q: Tensor, k: Tensor, v: Tensor, heads: int, options: dict[str, Any] | None = None
    ) -> Tensor:
        """Make a result of the right shape."""
        return FlashAttention.apply(q.to(LOW), k.to(LOW), v.to(LOW), heads)  # type: ignore


@dataclass(frozen=True, kw_only=True)
class StepMemory:
    """Bytes of a step."""

    stage: str
    weights: int
    gradients: int
    optimizer: int
    activations: int
    """At the moment of greatest need, without the gradients that are there by then."""
    peak: int
    """Of all of it together, at that moment."""


def empty(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """A tensor without numbers."""
    return torch.empty(*shape, dtype=dtype, device="meta")


def full_models() -> Models:
    """The published model without numbers."""
    networks = {
        component.value: build_network(component, TOONCRAFTER_512, operations=FlashOperations()).to(
            LOW if component in OPTIONAL else torch.float32
        )
        for component in (*REQUIRED, *OPTIONAL)
    }
    return Models(config=TOONCRAFTER_512, **networks)  # type: ignore[arg-type]


def denoising(*learn: Group, rank: int = 0) -> Stage:
    """A stage of the denoiser."""
    models = full_models()
    stage = without_numbers(DenoisingStage(models, DenoisingSettings(), learn, PreviewSettings()))
    if rank:
        adapters = LoraAdapters(models.denoiser.to_empty(device="meta"), learn, rank)
        stage.learn_only(adapters.to("meta"))
    return stage


def without_numbers(stage: DenoisingStage) -> DenoisingStage:
    """Move the schedule to the meta device of the networks, so that no value of it can be read."""
    schedule = stage._schedule
    stage._schedule = replace(
        schedule,
        **{
            field.name: value.to("meta")
            for field in fields(schedule)
            if isinstance(value := getattr(schedule, field.name), Tensor)
        },
    )
    return stage


def sketch() -> Stage:
    """The sketch encoder's stage."""
    encoder = SketchEncoder(
        SKETCH_PRESETS["tooncrafter_512"], operations=FlashOperations(), device="meta"
    )
    learn = (Group.SKETCH_ENCODER,)
    return without_numbers(
        SketchStage(full_models(), encoder, SketchSettings(), learn, PreviewSettings())
    )


def decoder(critic: float = 0.5, lpips: float = 0.1) -> Stage:
    """The decoder's stage."""
    settings = DecoderSettings(critic=critic, lpips=lpips)
    return DecoderStage(full_models(), settings).to("meta")


ALL = (Group.SPATIAL, Group.TEMPORAL, Group.PROJECTOR, Group.OTHER)

STAGES: dict[str, Callable[[], Stage]] = {
    "rectify (IV), projector and spatial": lambda: denoising(Group.PROJECTOR, Group.SPATIAL),
    "rectify (II) and base, all layers": lambda: denoising(*ALL),
    "rectify (V), projector": lambda: denoising(Group.PROJECTOR),
    "rectify, LoRA of rank 16": lambda: denoising(Group.SPATIAL, rank=16),
    "sketch": sketch,
    "decoder": decoder,
}


def batch_of_one() -> Batch:
    """A clip, its latents already there, as of prepared data."""
    cell = TOONCRAFTER_512.autoencoder.downsampling
    height, width = HEIGHT // cell, WIDTH // cell
    image = TOONCRAFTER_512.image_encoder
    assert image is not None
    tokens = (image.image_size // image.patch_size) ** 2 + 1
    return {
        "video": empty(1, 3, FRAMES, HEIGHT, WIDTH),
        "latent_mean": empty(1, 4, FRAMES, height, width),
        "latent_log_variance": empty(1, 4, FRAMES, height, width),
        "image_embedding": empty(1, tokens, image.width),
        "sketches": empty(1, 1, FRAMES, HEIGHT, WIDTH),
        "fps": empty(1),
        "caption": ["a cartoon"],
        "seeds": draw_seeds(0, 0, [0]),
    }


def count_step(name: str, stage: Stage, checkpointed: bool) -> StepMemory:
    """Forward and back of every player, on one clip."""
    players = make_players(stage, OptimizerConfig())
    learning = [parameter for player in players for parameter in player.parameters]
    weights = sum(p.numel() * p.element_size() for p in stage.parameters())
    batch = batch_of_one()
    autocast_blocks(stage)
    peak = 0
    for player in players:
        take_turn(players, player)
        with Counter() as counter:
            counter.track(*(value for value in batch.values() if isinstance(value, Tensor)))
            manager = checkpointed_activations(stage) if checkpointed else nullcontext()
            with Autocast(), manager:
                losses = stage(player.name, batch, 0)
            losses.total.backward()
            del losses
        peak = max(peak, counter.counts.peak)
    gradients = sum(4 * p.numel() for p in learning)
    optimizer = 2 * gradients
    return StepMemory(
        stage=name,
        weights=weights,
        gradients=gradients,
        optimizer=optimizer,
        activations=peak - gradients,
        peak=weights + optimizer + peak,
    )


def main() -> int:
    """Count every stage, with activations kept and computed again, and print a table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--stage", help="count only those whose name begins so")
    options = parser.parse_args()
    print(
        f"{'stage':38} {'activations':12} "
        + " ".join(
            f"{word:>11}" for word in ("weights", "optimizer", "the rest", "together", "fits 80 GB")
        )
    )
    for name, build in STAGES.items():
        if options.stage and not name.startswith(options.stage):
            continue
        for checkpointed in (False, True):
            found = count_step(name, build(), checkpointed)
            rest = found.peak - found.weights - found.optimizer
            numbers = (found.weights, found.optimizer, rest, found.peak)
            fits = "yes" if found.peak < CARD else "no"
            print(
                f"{name:38} {'again' if checkpointed else 'kept':12} "
                + " ".join(f"{number / GIB:7.2f} GiB" for number in numbers)
                + f" {fits:>11}",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
