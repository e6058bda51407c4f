"""Exact counts on the meta device: peak live bytes, operators and FLOPs of a forward pass.

Nothing is computed, so a full-size network is counted in seconds on any machine.
"""

import weakref
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tooncrafter_core.layers.operations import TorchOperations

VIEWS = {"view", "_unsafe_view", "permute", "transpose", "expand", "slice", "select", "unsqueeze",
         "squeeze", "split", "split_with_sizes", "detach", "alias", "as_strided", "t", "unbind",
         "empty", "empty_like", "new_empty", "unsafe_chunk"}  # fmt: skip


class FusedAttentionOperations(TorchOperations):
    """Counts attention as the one fused kernel it is on an accelerator: no score matrix."""

    def __init__(self) -> None:
        self.attention_flops = 0

    def attention(
        self, q: Tensor, k: Tensor, v: Tensor, heads: int, options: dict[str, Any] | None = None
    ) -> Tensor:
        """Make a result of the right shape and count 2 products."""
        self.attention_flops += 4 * q.shape[0] * q.shape[1] * k.shape[1] * q.shape[2]
        return torch.empty_like(q, memory_format=torch.contiguous_format)


@dataclass
class Counts:
    """What a pass took."""

    live: int = 0
    peak: int = 0
    operators: int = 0
    storages: dict[int, int] = field(default_factory=dict)


class Counter(TorchDispatchMode):
    """Counts live bytes of every storage made inside it, and operators that launch work."""

    def __init__(self) -> None:
        super().__init__()
        self.counts = Counts()

    def track(self, *tensors: Tensor) -> None:
        """Count tensors that existed before, such as the inputs."""
        for tensor in tensors:
            self._add(tensor)

    def _add(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self.counts.storages:
            return
        self.counts.storages[key] = storage.nbytes()
        self.counts.live += storage.nbytes()
        self.counts.peak = max(self.counts.peak, self.counts.live)
        weakref.finalize(storage, self._remove, key)

    def _remove(self, key: int) -> None:
        self.counts.live -= self.counts.storages.pop(key, 0)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operator and count what it made."""
        out = func(*args, **(kwargs or {}))
        if func.__name__.split(".")[0] not in VIEWS:
            self.counts.operators += 1
        given = {v.untyped_storage()._cdata for v in tree_leaves((args, kwargs)) if _is_tensor(v)}
        for value in filter(_is_tensor, tree_leaves(out)):
            # A view, of a weight for instance, is nothing new.
            if value.untyped_storage()._cdata not in given:
                self._add(value)
        return out


def _is_tensor(value: Any) -> bool:
    return isinstance(value, Tensor)


def count(function: Any, *args: Any, **kwargs: Any) -> Counts:
    """Count one call, its inputs included; the weights are not."""
    with torch.no_grad(), Counter() as counter:
        counter.track(*(a for a in (*args, *kwargs.values()) if isinstance(a, Tensor)))
        function(*args, **kwargs)
    return counter.counts


GIB = 1024.0**3
