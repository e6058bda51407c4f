"""The players of a stage: each has parameters that learn, an optimizer and averaged weights.

A stage has one player, the model; the decoder stage has the critic as a second one.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import TrainingError
from ..settings.config import OptimizerConfig
from ..stage import Stage
from .optimization import AveragedWeights, make_optimizer


class Player:
    """Parameters that learn together, with their optimizer and average."""

    def __init__(self, name: str, stage: Stage, config: OptimizerConfig) -> None:
        self.name = name
        self.learners: dict[str, nn.Parameter] = dict(stage.learners(name))
        """By official key; see ``Stage.learners``."""
        self.optimizer: Any = make_optimizer(self.parameters, config)
        self.averaged: AveragedWeights | None = None

    @property
    def parameters(self) -> list[nn.Parameter]:
        """The parameters that learn."""
        return list(self.learners.values())

    def weights(self) -> dict[str, Tensor]:
        """The learning weights."""
        return {key: whole(p.detach()) for key, p in self.learners.items()}

    def averages(self) -> dict[str, Tensor]:
        """Their averages; empty when none are kept."""
        if self.averaged is None:
            return {}
        return {k: whole(v) for k, v in zip(self.learners, self.averaged.averages, strict=True)}

    def optimizer_state(self) -> dict[str, Tensor]:
        """The optimizer's state, as ``KEY:NAME``; empty before its first step."""
        state = plain_optimizer(self.optimizer).state
        return {
            f"{key}:{name}": whole(value)
            for key, parameter in self.learners.items()
            for name, value in state.get(parameter, {}).items()
        }

    @torch.no_grad()
    def load(
        self,
        weights: Mapping[str, Tensor],
        averages: Mapping[str, Tensor] | None,
        state: Mapping[str, Tensor],
    ) -> None:
        """Restore what ``weights``, ``averages`` and ``optimizer_state`` returned.

        ``TrainingError`` when they are not of these learners.
        """
        missing = [key for key in self.learners if key not in weights]
        if missing:
            raise TrainingError(
                f"The checkpoint has no weights of {len(missing)} tensors that learn, the first "
                f"{missing[0]}: it is of a run that trained other groups."
            )
        optimizer = plain_optimizer(self.optimizer)
        for index, (key, parameter) in enumerate(self.learners.items()):
            parameter.copy_(like(weights[key], parameter))
            if self.averaged is not None and averages is not None:
                self.averaged.averages[index].copy_(like(averages[key], parameter))
            names = [name for name in state if name.startswith(f"{key}:")]
            for name in names:
                value = state[name]
                # In the parameter's own order of axes, which the fused optimizer relies on.
                optimizer.state[parameter][name.removeprefix(f"{key}:")] = (
                    torch.empty_like(parameter).copy_(like(value, parameter))
                    if value.ndim
                    else value.to(parameter.device)
                )


def plain_optimizer(optimizer: Any) -> torch.optim.Optimizer:
    """The optimizer inside accelerate's."""
    return getattr(optimizer, "optimizer", optimizer)


def whole(tensor: Tensor) -> Tensor:
    """A tensor that may be sharded over processes, in one piece."""
    return tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor  # type: ignore


def like(tensor: Tensor, model: Tensor) -> Tensor:
    """A tensor on the device of ``model``, sharded over processes like it."""
    if not hasattr(model, "full_tensor"):
        return tensor.to(model.device)
    from torch.distributed.tensor import DTensor, distribute_tensor

    spread: DTensor = model  # type: ignore[assignment]
    return distribute_tensor(tensor.to(spread.device), spread.device_mesh, spread.placements)


def make_players(stage: Stage, config: OptimizerConfig) -> list[Player]:
    """Every player of a stage."""
    return [Player(name, stage, config) for name in stage.players]


def take_turn(players: Sequence[Player], active: Player) -> None:
    """Let only one player's parameters have gradients."""
    for player in players:
        for parameter in player.parameters:
            parameter.requires_grad_(player is active)
