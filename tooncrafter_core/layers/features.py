"""Features with a bias that is still to be added to their channels.

Adding a convolution's bias costs as much as reading and writing its result once; the norm or the
sum that reads the result next takes it along for nothing. So the convolutions inside a residual
block hand their bias on where the fused kernels serve. Layers that read such features take both
forms, and no network needs to know which it has.

Legend: b batch, c channels.
"""

from typing import NamedTuple

from einops import rearrange
from torch import Tensor


class Biased(NamedTuple):
    """Features b c ..., and what is still to be added to their channels."""

    values: Tensor
    bias: Tensor | None = None
    """(c,), or (b, c) with each item's own; None when nothing is left to add."""

    def shifted(self, by: Tensor) -> "Biased":
        """The same with ``by``, (c,) or (b, c), added to the channels."""
        return Biased(self.values, by if self.bias is None else by + self.bias)

    def rearranged(self, pattern: str) -> "Biased":
        """The same with values rearranged by einops; of a bias that all items share."""
        return Biased(rearrange(self.values, pattern), self.bias)


Features = Tensor | Biased
"""What a layer reads that takes a bias along."""


def values_and_bias(features: Features) -> Biased:
    """The values, and the bias if there is one."""
    return features if isinstance(features, Biased) else Biased(features)
