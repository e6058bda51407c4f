"""The block that the denoiser's transformers are made of: attention, and what stands around it.

Legend: b batch, t frames, c channels, h w space, n query tokens, l context tokens.
"""

from typing import TYPE_CHECKING, NamedTuple

from einops import rearrange
from torch import Tensor, nn

from ..layers.operations import Factory, Operations, Options

if TYPE_CHECKING:
    from typing_extensions import Unpack


class GatedGELU(nn.Module):
    """A linear layer whose second half gates the first (SPEC section 2.6, GEGLU)."""

    def __init__(
        self, dim: int, inner: int, operations: Operations, **factory: "Unpack[Factory]"
    ) -> None:
        super().__init__()
        self.operations = operations
        self.proj = operations.Linear(dim, inner * 2, **factory)

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., dim) to (..., inner)."""
        return self.operations.gated_gelu(self.proj(x))


class FeedForward(nn.Module):
    """The transformer's token-wise network, four times as wide inside."""

    def __init__(self, dim: int, operations: Operations, **factory: "Unpack[Factory]") -> None:
        super().__init__()
        self.net = nn.Sequential(
            GatedGELU(dim, dim * 4, operations, **factory),
            nn.Identity(),  # the checkpoint counts a dropout here
            operations.Linear(dim * 4, dim, **factory),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., dim) to (..., dim)."""
        return self.net(x)


class ContextKeys(NamedTuple):
    """What one attention reads of the context: the same in every step, whatever is denoised."""

    text: tuple[Tensor, Tensor]
    """Keys and values of the text, b l c: one for all frames."""
    image: tuple[Tensor, Tensor] | None = None
    """Keys and values of the image tokens, b t l c with each frame's own, or b l c."""


class Attention(nn.Module):
    """Attention to the tokens themselves, or to text and image tokens (SPEC section 2.6).

    Text and image tokens have keys and values of their own and two separate softmaxes, whose
    results are added.
    """

    def __init__(
        self,
        dim: int,
        heads: int,
        dim_head: int,
        operations: Operations,
        *,
        context_dim: int | None = None,
        has_image_tokens: bool = False,
        **factory: "Unpack[Factory]",
    ) -> None:
        super().__init__()
        self.heads = heads
        self.operations = operations
        inner = heads * dim_head
        source = dim if context_dim is None else context_dim
        self.to_q = operations.Linear(dim, inner, bias=False, **factory)
        self.to_k = operations.Linear(source, inner, bias=False, **factory)
        self.to_v = operations.Linear(source, inner, bias=False, **factory)
        self.to_out = nn.Sequential(operations.Linear(inner, dim, **factory))
        if has_image_tokens:
            self.to_k_ip = operations.Linear(source, inner, bias=False, **factory)
            self.to_v_ip = operations.Linear(source, inner, bias=False, **factory)

    def prepare(self, context: Tensor, image_context: Tensor | None = None) -> ContextKeys:
        """Compute from the context what ``forward`` reads of it.

        ``context`` is b l c and shared by the frames of a batch item. ``image_context`` is b l c,
        shared likewise, or b t l c with each frame's own.
        """
        text = self.to_k(context), self.to_v(context)
        if image_context is None:
            return ContextKeys(text)
        return ContextKeys(text, (self.to_k_ip(image_context), self.to_v_ip(image_context)))

    def forward(
        self,
        x: Tensor,
        context: Tensor | ContextKeys | None = None,
        image_context: Tensor | None = None,
        options: Options = None,
    ) -> Tensor:
        """Attend from (b t) n c tokens, to themselves without a context.

        The contexts are those of ``prepare``, or ``context`` is what it returned.
        """
        q = self.to_q(x)
        if context is None:
            out = self.operations.attention(q, self.to_k(x), self.to_v(x), self.heads, options)
            return self.to_out(out)
        if isinstance(context, Tensor):
            context = self.prepare(context, image_context)
        out = self._attend(q, *context.text, options)
        if context.image is not None:
            out = out + self._attend(q, *context.image, options)
        return self.to_out(out)

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, options: Options) -> Tensor:
        """Attend to keys per frame (b t l c) or shared by a batch item's frames (b l c)."""
        if k.ndim == 4:
            k, v = (rearrange(x, "b t l c -> (b t) l c") for x in (k, v))
            return self.operations.attention(q, k, v, self.heads, options)
        # Frames folded into the queries: the shared keys are neither copied nor projected again.
        num_tokens = q.shape[1]
        q = rearrange(q, "(b t) n c -> b (t n) c", b=k.shape[0])
        out = self.operations.attention(q, k, v, self.heads, options)
        return rearrange(out, "b (t n) c -> (b t) n c", n=num_tokens)


class TransformerBlock(nn.Module):
    """Self-attention, a second attention, feed-forward, each added to its input."""

    def __init__(
        self,
        dim: int,
        heads: int,
        dim_head: int,
        operations: Operations,
        *,
        context_dim: int | None = None,
        has_image_tokens: bool = False,
        **factory: "Unpack[Factory]",
    ) -> None:
        super().__init__()
        self.attn1 = Attention(dim, heads, dim_head, operations, **factory)
        self.ff = FeedForward(dim, operations, **factory)
        self.attn2 = Attention(
            dim,
            heads,
            dim_head,
            operations,
            context_dim=context_dim,
            has_image_tokens=has_image_tokens,
            **factory,
        )
        self.norm1 = operations.LayerNorm(dim, **factory)
        self.norm2 = operations.SummedLayerNorm(dim, **factory)
        self.norm3 = operations.SummedLayerNorm(dim, **factory)

    def forward(
        self,
        x: Tensor,
        context: Tensor | ContextKeys | None = None,
        image_context: Tensor | None = None,
        options: Options = None,
    ) -> Tensor:
        """Transform (b t) n c tokens; see ``Attention`` for the contexts."""
        x, normed = self.norm2(x, self.attn1(self.norm1(x), options=options))
        x, normed = self.norm3(x, self.attn2(normed, context, image_context, options))
        return x + self.ff(normed)
