"""Transformers of the denoiser: over the pixels of a frame, and over the frames of a pixel.

Legend: b batch, t frames, c channels, h w space.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

from einops import rearrange
from torch import Tensor, nn

from ..layers.operations import Factory, Operations
from .attention import ContextKeys, Options, TransformerBlock

if TYPE_CHECKING:
    from typing_extensions import Unpack


class TransformerLayout(NamedTuple):
    """The sizes of a transformer."""

    heads: int
    dim_head: int
    """Channels of a head."""
    depth: int
    """Blocks."""
    norm_groups: int


class SpatialTransformer(nn.Module):
    """Every frame's pixels attend to each other and to the context (SPEC section 2.6)."""

    def __init__(
        self,
        channels: int,
        layout: TransformerLayout,
        operations: Operations,
        *,
        context_dim: int,
        has_image_tokens: bool,
        **factory: "Unpack[Factory]",
    ) -> None:
        super().__init__()
        heads, dim_head, depth, norm_groups = layout
        self.norm = operations.GroupNorm(norm_groups, channels, eps=1e-6, **factory)
        self.proj_in = operations.Linear(channels, channels, **factory)
        self.transformer_blocks = nn.ModuleList(
            TransformerBlock(
                channels,
                heads,
                dim_head,
                operations,
                context_dim=context_dim,
                has_image_tokens=has_image_tokens,
                **factory,
            )
            for _ in range(depth)
        )
        self.proj_out = operations.Linear(channels, channels, **factory)

    def last_of_branch(self) -> Iterable[nn.Module]:
        """Zero when training begins; see ``init_layers``."""
        return (self.proj_out,)

    def prepare(self, context: Tensor, image_context: Tensor | None = None) -> list[ContextKeys]:
        """What each block reads of the context; see ``Attention.prepare``."""
        blocks = cast(list[TransformerBlock], self.transformer_blocks)
        return [block.attn2.prepare(context, image_context) for block in blocks]

    def forward(
        self,
        x: Tensor,
        context: Tensor | Sequence[ContextKeys],
        image_context: Tensor | None = None,
        options: Options = None,
    ) -> Tensor:
        """Transform (b t) c h w; ``context`` may be what ``prepare`` made of both."""
        height = x.shape[2]
        tokens = self.proj_in(rearrange(self.norm(x), "b c h w -> b (h w) c"))
        for index, block in enumerate(self.transformer_blocks):
            block_context = context if isinstance(context, Tensor) else context[index]
            tokens = block(tokens, block_context, image_context, options)
        return x + rearrange(self.proj_out(tokens), "b (h w) c -> b c h w", h=height)


class TemporalTransformer(nn.Module):
    """Every pixel attends over the frames, in both attentions (SPEC section 2.7)."""

    def __init__(
        self,
        channels: int,
        layout: TransformerLayout,
        operations: Operations,
        *,
        projects_by_convolution: bool = False,
        **factory: "Unpack[Factory]",
    ) -> None:
        super().__init__()
        heads, dim_head, depth, norm_groups = layout
        inner = heads * dim_head
        self.operations = operations
        self.norm = operations.TemporalGroupNorm(norm_groups, channels, eps=1e-6, **factory)
        projection = operations.TokenConv1d if projects_by_convolution else operations.Linear
        sizes = (1,) if projects_by_convolution else ()
        self.proj_in = projection(channels, inner, *sizes, **factory)
        self.proj_out = projection(inner, channels, *sizes, **factory)
        self.transformer_blocks = nn.ModuleList(
            TransformerBlock(inner, heads, dim_head, operations, **factory) for _ in range(depth)
        )

    def last_of_branch(self) -> Iterable[nn.Module]:
        """Zero when training begins; see ``init_layers``."""
        return (self.proj_out,)

    def forward(self, x: Tensor, num_frames: int, options: Options = None) -> Tensor:
        """Transform (b t) c h w, the t frames of each clip together."""
        tokens = self.proj_in(self.norm(x, num_frames))
        for block in self.transformer_blocks:
            tokens = block(tokens, options=options)
        return self.operations.add_over_time(x, self.proj_out(tokens), num_frames)
