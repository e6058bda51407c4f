"""The training loop: the steps of all players, with logging, checks, checkpoints and sheets."""

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...errors import OutputError, TrainingError
from ..inputs.batches import RunBatches, to_device
from ..outputs.checkpointing import CHECKPOINTS, CheckpointFolder, TrainingState, check_identity
from ..settings.config import RunConfig
from ..stage import Batch, Losses, Stage
from ..stages.bypass import checkpointed_activations
from .monitor import Monitor
from .nonfinite import explain_nonfinite
from .optimization import AveragedWeights, learning_rate
from .players import Player, make_players, plain_optimizer, take_turn, whole
from .sharding import shard
from .stopping import stop_requests

logger = logging.getLogger(__name__)


class Trainer:
    """Trains a stage from its first or last checkpoint to the last step."""

    def __init__(
        self,
        stage: Stage,
        batches: RunBatches,
        config: RunConfig,
        accelerator: Any,
        identity: Mapping[str, object],
        monitor: Monitor,
    ) -> None:
        self.stage, self.config, self.accelerator = stage, config, accelerator
        self.batches, self.held_out = batches.training, batches.held_out
        self.monitor = monitor
        self.identity = identity
        self.step = 0
        """Steps done."""
        self.checkpoints = CheckpointFolder(
            Path(config.out) / CHECKPOINTS, config.output.keep_checkpoints
        )
        self.is_sharded = config.machine.fsdp
        self.wrapped: Any = self._wrap()
        self.players = make_players(stage, config.optimizer)
        for player in self.players:
            if not self.is_sharded:
                player.optimizer = accelerator.prepare(player.optimizer)
            if config.optimizer.ema_decay is not None:
                player.averaged = AveragedWeights(player.parameters, config.optimizer.ema_decay)

    def _wrap(self) -> Any:
        """The stage on its device, as several processes share it."""
        if not self.is_sharded:
            return self.accelerator.prepare(self.stage)
        device = self.accelerator.device
        return shard(self.stage.to(device), device.type, self.accelerator.num_processes)

    def resume(self) -> None:
        """Go on from the last checkpoint of the run's folder, if there is one."""
        steps = self.checkpoints.steps()
        if not steps:
            return
        state = self.checkpoints.load(steps[-1])
        check_identity(state.identity, self.identity, Path(self.config.out))
        for player in self.players:
            player.load(state.weights, state.averages, state.optimizer)
        self.step = state.step
        self.monitor.resume(self.step)

    def run(self) -> None:
        """Train to the last step; a checkpoint is written there, and when asked to stop."""
        output = self.config.output
        with stop_requests() as is_stopping, self.monitor.progress(self.step, self.config.steps):
            steps = self.batches.steps(self.step)
            while self.step < self.config.steps:
                self._step(next(steps))
                if self._is_due(output.validate_every):
                    self._validate()
                if self._is_due(output.sheet_every):
                    self.draw_sheet()
                if self._is_due(output.checkpoint_every) or self.step == self.config.steps:
                    self.save()
                if is_stopping():
                    self.save()
                    raise KeyboardInterrupt

    def save(self) -> None:
        """Write a checkpoint; ``OutputError`` says which one is kept when that fails."""
        state = TrainingState(
            step=self.step,
            weights={k: v for p in self.players for k, v in p.weights().items()},
            averages={k: v for p in self.players for k, v in p.averages().items()} or None,
            optimizer={k: v for p in self.players for k, v in p.optimizer_state().items()},
            identity=self.identity,
        )
        if self.accelerator.is_main_process:
            try:
                self.checkpoints.save(state)
            except OutputError as error:
                kept = self.checkpoints.steps()
                left = f"the one of step {kept[-1]} is kept" if kept else "there is none yet"
                raise OutputError(
                    f"The checkpoint of step {self.step} could not be written, {left}. {error}"
                ) from error
        self.accelerator.wait_for_everyone()

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Work with the averaged weights, where they are kept."""
        with ExitStack() as stack:
            for player in self.players:
                if player.averaged is not None:
                    stack.enter_context(player.averaged.in_place())
            yield

    @torch.no_grad()
    def draw_sheet(self) -> None:
        """Draw the held-out clips with the weights as they are."""
        if self.held_out.sheet is None:
            return
        batch = to_device(self.held_out.sheet, self.accelerator.device)
        with self.averaged(), self._precision():
            videos = self.stage.preview(batch)
        self.monitor.sheet(self.step, videos)

    def _is_due(self, every: int) -> bool:
        return every > 0 and self.step % every == 0

    def _step(self, parts: Sequence[Batch]) -> None:
        """One step of every player."""
        config = self.config.optimizer
        rate = learning_rate(config, self.step, self.config.steps)
        sums: dict[str, Tensor] = {}
        for index, part in enumerate(parts):
            batch = to_device(part, self.accelerator.device)
            is_last = index == len(parts) - 1
            for player in self.players:
                losses = self._turn(player, batch, len(parts), is_last)
                _add_losses(sums, losses, player, len(parts))
        values = self._mean_over_processes(sums)
        self._check_finite(values, parts)
        for player in self.players:
            values |= self._move(player, rate, parts)
        self.step += 1
        if self._is_due(self.config.output.log_every) or self.step == self.config.steps:
            self.monitor.log(self.step, {**values, "learning_rate": rate})
        self.monitor.advance(self.step, values)

    def _turn(self, player: Player, batch: Batch, num_parts: int, is_last: bool) -> Losses:
        """One player's forward and backward pass on a part of the batch."""
        if len(self.players) > 1:
            take_turn(self.players, player)
        with self._sharing(is_last):
            with self._memory(), self._precision():
                losses = self.wrapped(player.name, batch, self.step)
            self.accelerator.backward(losses.total / num_parts)
        return losses

    def _move(self, player: Player, rate: float, parts: Sequence[Batch]) -> dict[str, float]:
        """Let a player's optimizer step; its gradients' norm, before clipping."""
        limit = self.config.optimizer.clip_norm
        if not self.is_sharded:
            self.accelerator.unscale_gradients(player.optimizer)
        most = math.inf if limit is None else limit
        norm = float(whole(torch.nn.utils.clip_grad_norm_(player.parameters, most)))
        name = f"{player.name}_gradient_norm"
        if self.config.machine.precision != "fp16":  # its gradient scaler skips such steps
            self._check_finite({name: norm}, parts)
        for group in plain_optimizer(player.optimizer).param_groups:
            group["lr"] = rate
        player.optimizer.step()
        player.optimizer.zero_grad(set_to_none=True)
        if player.averaged is not None:
            player.averaged.update(self.step)
        return {name: norm}

    def _mean_over_processes(self, sums: dict[str, Tensor]) -> dict[str, float]:
        """Means over this step's whole batch, read from the device at once."""
        stacked = torch.stack([value.float() for value in sums.values()])
        mean = self.accelerator.reduce(stacked, reduction="mean")
        return dict(zip(sums, mean.tolist(), strict=True))

    def _check_finite(self, values: dict[str, float], parts: Sequence[Batch]) -> None:
        """``TrainingError`` for NaN or infinity, before it reaches the weights."""
        wrong = [name for name, value in values.items() if not math.isfinite(value)]
        if wrong:
            raise TrainingError(
                explain_nonfinite(wrong[0], self.step, parts, self.stage, self.config)
            )

    @torch.no_grad()
    def _validate(self) -> None:
        """Log the loss on held-out clips, always with the same random numbers."""
        if not self.held_out.batches:
            return
        sums: dict[str, float] = {}
        count = 0
        with self.averaged(), self._precision():
            for batch in self.held_out.batches:
                size = len(batch["seeds"])
                part = to_device(batch, self.accelerator.device)
                losses = self.wrapped(self.players[0].name, part, self.step)
                for name, value in losses.parts.items():
                    sums[name] = sums.get(name, 0.0) + float(value) * size
                count += size
        self.monitor.log(
            self.step, {f"held_out_{name}": value / count for name, value in sums.items()}
        )

    def _sharing(self, is_last: bool) -> AbstractContextManager[object]:
        """Let the processes exchange gradients only after the last part of a batch."""
        if self.is_sharded:
            self.wrapped.set_requires_gradient_sync(is_last)
            return nullcontext()
        return nullcontext() if is_last else self.accelerator.no_sync(self.wrapped)

    def _memory(self) -> AbstractContextManager[None]:
        if self.config.machine.checkpoint_activations:
            return checkpointed_activations(self.stage)
        return nullcontext()

    def _precision(self) -> AbstractContextManager[object]:
        return self.accelerator.autocast()


def _add_losses(sums: dict[str, Tensor], losses: Losses, player: Player, num_parts: int) -> None:
    """Add a part's numbers to the step's means."""
    found = {f"{player.name}_loss": losses.total, **losses.parts}
    for name, value in found.items():
        share = value.detach() / num_parts
        sums[name] = sums[name] + share if name in sums else share
