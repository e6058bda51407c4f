"""How the decoder reads the two keyframes (SPEC section 6.2, hybrid attention-residual).

Legend: t frames of one clip, c channels, h w space, r references (2), l tokens.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from einops import rearrange
from torch import Tensor, nn

from ...config.model import AutoencoderConfig
from ...layers.operations import Factory, Operations

if TYPE_CHECKING:
    from typing_extensions import Unpack


class ReferenceResidual(nn.Module):
    """Adds the references to the first and last frame only (SPEC section 6.2, Combiner)."""

    def __init__(self, channels: int, operations: Operations, **factory: "Unpack[Factory]") -> None:
        super().__init__()
        self.conv = operations.Conv2d(channels, channels, 1, **factory)

    def last_of_branch(self) -> Iterable[nn.Module]:
        """Zero when training begins; see ``init_layers``."""
        return (self.conv,)

    def prepare(self, reference: Tensor) -> Tensor:
        """Compute from a c r h w reference what every chunk of frames needs."""
        return self.conv(rearrange(reference, "c r h w -> r c h w"))

    def forward(
        self, x: Tensor, prepared: Tensor, start: int, num_frames: int, *, in_place: bool = False
    ) -> Tensor:
        """Refine frames ``start`` onwards, t c h w, of a clip of ``num_frames``.

        ``in_place`` allows the result to be written over ``x``.
        """
        ends = zip((-start, num_frames - 1 - start), prepared, strict=True)
        found = [(place, residual) for place, residual in ends if 0 <= place < len(x)]
        # Most chunks hold neither end and pass as they are.
        out = x.clone() if found and not in_place else x
        for place, residual in found:
            out[place] += residual
        return out


class ReferenceAttention(nn.Module):
    """Every pixel of every frame attends to the pixels of both references (SPEC section 6.2)."""

    def __init__(
        self,
        channels: int,
        config: AutoencoderConfig,
        operations: Operations,
        **factory: "Unpack[Factory]",
    ) -> None:
        super().__init__()
        inner = config.reference_heads * config.reference_dim_head
        self.heads = config.reference_heads
        self.operations = operations
        self.norm = operations.GroupNorm(config.norm_groups, channels, eps=1e-6, **factory)
        self.to_q = operations.Linear(channels, inner, bias=False, **factory)
        self.to_k = operations.Linear(channels, inner, bias=False, **factory)
        self.to_v = operations.Linear(channels, inner, bias=False, **factory)
        self.to_out = nn.Sequential(operations.Linear(inner, channels, **factory))

    def last_of_branch(self) -> Iterable[nn.Module]:
        """Zero when training begins; see ``init_layers``."""
        return (self.to_out,)

    def prepare(self, reference: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of a c r h w reference; the same for all frames."""
        tokens = rearrange(reference, "c r h w -> 1 (r h w) c")
        return self.to_k(tokens), self.to_v(tokens)

    def forward(
        self, x: Tensor, prepared: tuple[Tensor, Tensor], start: int, num_frames: int,
        *, in_place: bool = False,
    ) -> Tensor:  # fmt: skip
        """Refine t c h w frames of a clip; ``in_place`` as in ``ReferenceResidual``."""
        size = {"t": x.shape[0], "h": x.shape[2]}
        # The frames are folded into the queries: keys and values are never copied per frame.
        q = self.to_q(rearrange(self.norm(x), "t c h w -> 1 (t h w) c"))
        out = self.to_out(self.operations.attention(q, *prepared, self.heads))
        refined = rearrange(out, "1 (t h w) c -> t c h w", **size)
        return self.operations.add(x, refined, in_place=in_place)
