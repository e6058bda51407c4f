"""What every mixin of ours knows of the layer class that it stands in front of."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from torch import Tensor


class LayerMixin:
    """Stands in front of a layer class, torch's own or the host's, and keeps its weights."""

    weight: Tensor
    bias: Tensor
    forward: Callable[..., Tensor]
    """The layer's own."""

    def parameters_for(self, x: Tensor) -> AbstractContextManager[tuple[Tensor, Tensor]]:
        """Weight and bias on the device of ``x`` and in its dtype, while the context lasts."""
        return nullcontext((self.weight, self.bias))

    def holds_parameters(self, x: Tensor) -> bool:
        """Whether the weights are used for ``x`` as they are stored."""
        del x
        return True
