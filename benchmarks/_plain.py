"""Plain twins: the same mathematics, written as the published program computes it.

Legend: b batch, t frames, c channels, h w space, n m tokens, d channels of a head.
"""

from typing import Any, cast

import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from torch import Tensor, nn

from tooncrafter_core.layers.features import Biased
from tooncrafter_core.layers.norms import ClipGroupNormMixin
from tooncrafter_core.layers.operations import TorchOperations
from tooncrafter_core.models.autoencoder.layers import TemporalStack
from tooncrafter_core.models.autoencoder.references import ReferenceAttention


class PlainOperations(TorchOperations):
    """Attention by products with the score matrix in memory, temporal convolution as conv3d."""

    class EnlargingConv2d(nn.Conv2d):
        """Enlarges a picture before convolving it."""

        def forward(self, input: Tensor) -> Tensor:
            """Convolve n c h w at twice the height and width, nearest neighbour."""
            return super().forward(F.interpolate(input, scale_factor=2.0, mode="nearest"))

    TemporalConv3d = nn.Conv3d

    class DeferringTemporalConv3d(nn.Conv3d):
        """As it is; the bias is there already."""

        def forward(self, input: Tensor) -> Biased:
            """Convolve b c t h w."""
            return Biased(super().forward(input))

    def __init__(self, largest_product: int | None = None) -> None:
        """``largest_product``: tokens above which a fused kernel attends, as xformers did."""
        self.largest_product = largest_product

    def attention(
        self, q: Tensor, k: Tensor, v: Tensor, heads: int, options: dict[str, Any] | None = None
    ) -> Tensor:
        """Softmax of scaled products, heads copied into the batch."""
        if self.largest_product is not None and q.shape[1] > self.largest_product:
            return super().attention(q, k, v, heads)
        q, k, v = (rearrange(x, "b n (h d) -> (b h) n d", h=heads) for x in (q, k, v))
        scores = torch.einsum("b n d, b m d -> b n m", q, k) * q.shape[-1] ** -0.5
        out = torch.einsum("b n m, b m d -> b n d", scores.softmax(-1), v)
        return rearrange(out, "(b h) n d -> b n (h d)", h=heads)


class PlainReferenceAttention(ReferenceAttention):
    """Copies the references' keys and values for every frame."""

    def forward(
        self, x: Tensor, prepared: tuple[Tensor, Tensor], start: int, num_frames: int,
        *, in_place: bool = False,
    ) -> Tensor:  # fmt: skip
        """Refine t c h w frames."""
        q = self.to_q(rearrange(self.norm(x), "t c h w -> t (h w) c"))
        k, v = (repeat(tokens, "1 n c -> t n c", t=len(x)).contiguous() for tokens in prepared)
        out = self.to_out(self.operations.attention(q, k, v, self.heads))
        return x + rearrange(out, "t (h w) c -> t c h w", h=x.shape[2])


class PlainTemporalStack(TemporalStack):
    """Normalises and convolves the whole clip at once."""

    def forward(self, x: Tensor, weight: Tensor, chunk: int, in_place: bool) -> Tensor:
        """Return ``x + weight * stack(x)``, mixed as the paper writes it."""
        h = rearrange(x, "t c h w -> 1 c t h w")
        for layers in (self.in_layers, self.out_layers):
            norm, conv = cast(nn.GroupNorm, layers[0]), cast(nn.Conv3d, layers[-1])
            h = F.silu(F.group_norm(h, norm.num_groups, norm.weight, norm.bias, norm.eps))
            h = F.conv3d(h, conv.weight, conv.bias, padding=(1, 0, 0))
        mixed = x + rearrange(h, "1 c t h w -> t c h w")
        return weight * mixed + (1 - weight) * x


def plain_decoder(network: nn.Module) -> nn.Module:
    """Make a decoder built with ``PlainOperations`` read its references and time plainly too."""
    for module in network.modules():
        if isinstance(module, ReferenceAttention):
            module.__class__ = PlainReferenceAttention
        elif isinstance(module, TemporalStack):
            module.__class__ = PlainTemporalStack
    assert any(isinstance(module, ClipGroupNormMixin) for module in network.modules())
    return network


def per_frame_text(text: Tensor, num_frames: int) -> Tensor:
    """Text tokens copied for every frame, b t l c, so that every frame projects its own."""
    return repeat(text, "b l c -> b t l c", t=num_frames).contiguous()
