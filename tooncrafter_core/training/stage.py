"""The interface between a training stage and the loop: networks, players, losses and previews.

Legend: b batch, c channels, t frames, h w space.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from torch import Tensor, nn

from ..checkpoints.keys import COMPONENT_KEYS, Component
from .groups import Group, group_of

Batch = dict[str, Any]
"""The samples of a ``ClipDataset`` stacked, and ``seeds``.

``video`` ``b c t h w`` in [-1, 1]; ``fps`` ``b``; ``caption`` and ``key``, lists of texts; where
the stage asks for them ``sketches`` ``b 1 t h w`` in [0, 1] and ``has_sketch`` ``b t``; ``seeds``
``b`` int64 for ``Draws``. Tensors are on the stage's device, ``seeds`` on the CPU.
"""


class Losses(NamedTuple):
    """A stage's losses on a batch: means over its samples, each with the same weight.

    A tuple, because DDP and FSDP look for tensors in what ``forward`` returns.
    """

    total: Tensor
    """A number to differentiate."""
    parts: Mapping[str, Tensor] = {}
    """Numbers to log, detached; on the device, so that nothing waits for them."""


class Stage(nn.Module):
    """Networks in training. The loop knows nothing else of a stage.

    ``forward`` is called through the module, so that it works inside DDP and FSDP. Each player has
    an optimizer of its own; in every step, for each part of the batch, each player in turn gets a
    ``forward`` and a backward pass while the others are frozen, and then all optimizers step. A
    player may keep results for the next player's pass on the same batch.

    All randomness comes from ``Draws(batch["seeds"])``, created in every ``forward``. Two processes
    must give the same loss as one: no statistics over the batch without the other processes.
    """

    players: tuple[str, ...] = ("model",)
    """The names of those that learn, in the order of their turns."""

    def __init__(
        self, networks: Mapping[Component, nn.Module], learn: tuple[Group, ...] = ()
    ) -> None:
        """``networks`` become attributes named as their component; ``learn`` are the groups.

        Networks without a parameter in ``learn`` are put into evaluation mode for good.
        """
        super().__init__()
        self.components = tuple(networks)
        self.learn = learn
        for component, network in networks.items():
            setattr(self, component.value, network)
        learners = {id(p) for _, p in self.learners(self.players[0])}
        for network in networks.values():
            for parameter in network.parameters():
                parameter.requires_grad_(id(parameter) in learners)

    def official_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Every parameter of the components under its official key."""
        for component in self.components:
            prefix = COMPONENT_KEYS[component].prefix
            for name, parameter in getattr(self, component.value).named_parameters():
                yield prefix + name, parameter

    def learners(self, player: str) -> Iterator[tuple[str, nn.Parameter]]:
        """The parameters that the player's optimizer changes, with their keys.

        Parameters of a component have their official key, others one that begins with no
        component's prefix. By default the first player has all of the groups in ``learn``.
        """
        if player == self.players[0]:
            for key, parameter in self.official_parameters():
                if group_of(key) in self.learn:
                    yield key, parameter

    def forward(self, player: str, batch: Batch, step: int) -> Losses:
        """The player's losses on a batch; ``step`` counts the optimizers' steps from 0."""
        raise NotImplementedError

    def preview(self, batch: Batch) -> Mapping[str, Tensor]:
        """Videos ``b 3 t h w`` in [-1, 1] for the sample sheet, by name, such as true and drawn.

        Called without gradients; the pictures must be the same for the same weights and batch.
        """
        raise NotImplementedError
