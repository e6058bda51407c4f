"""OpenCLIP's text and image encoders, as ToonCrafter reads them (SPEC sections 4 and 5).

State-dict keys are the checkpoint's without ``cond_stage_model.model.`` and ``embedder.model.``.
Only the attributes of open_clip that name checkpoint tensors are used, so its releases may
rearrange everything else. Both encoders are frozen: evaluation mode, no gradients.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from itertools import product
from typing import Any

import torch
from einops import rearrange, repeat
from torch import Tensor, nn

from ...config.model import ImageEncoderConfig, TextEncoderConfig
from ..initialization import draw_normal, init_layers, zero
from .preprocess import preprocess_for_image_encoder
from .tokens import tokenize

# b batch, c channels, h w space, l tokens


def own_precision(weight: Tensor) -> AbstractContextManager[object]:
    """Compute in the precision of a frozen network's weights, whatever training has around it.

    Autocast would hand float32 to norms whose weights are half.
    """
    kind = weight.device.type
    if not torch.amp.is_autocast_available(kind):
        return nullcontext()
    return torch.autocast(kind, enabled=False)


class _TextTensors(nn.Module):
    """The text tensors that both checkpoint parts hold outside their blocks."""

    token_embedding: nn.Embedding
    positional_embedding: nn.Parameter
    ln_final: nn.Module
    text_projection: nn.Parameter

    def __init__(self, tower: Any) -> None:
        super().__init__()
        self.token_embedding = tower.token_embedding
        self.positional_embedding = tower.positional_embedding
        self.ln_final = tower.ln_final
        self.text_projection = tower.text_projection
        self.logit_scale = nn.Parameter(torch.zeros(()))

    def _init_text_tensors(self, generator: torch.Generator) -> None:
        init_layers(self.ln_final, generator)
        self.logit_scale.zero_()
        for weight in (
            self.token_embedding.weight, self.positional_embedding, self.text_projection
        ):  # fmt: skip
            draw_normal(weight, 1.0, generator)


class TextEncoder(_TextTensors):
    """The text encoder; its last layer is loaded but not used."""

    transformer: Any

    def __init__(
        self,
        config: TextEncoderConfig,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        with torch.device(device or "cpu"):
            tower = _text_tower(config)
            super().__init__(tower)
        self.transformer = tower.transformer
        self.context_length = config.context_length
        self.to(dtype=dtype).requires_grad_(False).eval()

    @torch.no_grad()
    def init_weights(self, generator: torch.Generator) -> None:
        """Fill the network for training from nothing, in which it stays as it is.

        A token is then its row and its place, whatever stands around it. CPU ``generator``.
        """
        self._init_text_tensors(generator)
        _init_blocks(self.transformer.resblocks, generator)

    def encode(self, prompts: list[str]) -> Tensor:
        """Tokens of prompts, ``b context_length width``; long prompts as ``tokenize`` says.

        The last but one layer's output, normalised by the final norm. SPEC section 5.
        """
        return self(tokenize(prompts, self.context_length))

    def forward(self, token_ids: Tensor) -> Tensor:
        """``b l`` token numbers to ``b l c``, in the weights' precision. SPEC section 5."""
        weight = self.token_embedding.weight
        with own_precision(weight):
            return self._read(token_ids, weight)

    def _read(self, token_ids: Tensor, weight: Tensor) -> Tensor:
        x = self.token_embedding(token_ids.to(weight.device).clamp(max=weight.shape[0] - 1))
        length = x.shape[1]
        x = x + self.positional_embedding[:length].to(x)
        # Built here and not kept: a buffer outside the checkpoint would stay on the meta device.
        mask = torch.full((length, length), float("-inf"), dtype=x.dtype, device=x.device).triu(1)
        blocks = list(self.transformer.resblocks)
        return self.ln_final(run_blocks(blocks[:-1], x, mask))


class ImageEncoder(_TextTensors):
    """The image encoder, with the unused text tensors the checkpoint keeps with it."""

    visual: Any

    def __init__(
        self,
        config: ImageEncoderConfig,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
        text: TextEncoderConfig | None = None,
    ) -> None:
        """``text`` gives the shapes of the leftovers; the published text encoder's by default."""
        with torch.device(device or "cpu"):
            super().__init__(_text_tower(text or TextEncoderConfig(), layers=1))
            self.visual = _image_tower(config)
        self.image_size = config.image_size
        self.to(dtype=dtype).requires_grad_(False).eval()

    @torch.no_grad()
    def init_weights(self, generator: torch.Generator) -> None:
        """Fill the network for training from nothing, in which it stays as it is.

        A token is then the lowest frequencies of the colours of its patch, and its place: what a
        small model can read without a trained image encoder. CPU ``generator``.
        """
        self._init_text_tensors(generator)
        visual = self.visual
        init_layers(visual, generator)
        _init_blocks(visual.transformer.resblocks, generator)
        for weight in (visual.class_embedding, visual.positional_embedding):
            draw_normal(weight, 1.0, generator)
        draw_normal(visual.proj, visual.proj.shape[0] ** -0.5, generator)
        visual.conv1.weight.copy_(_lowest_frequencies(*visual.conv1.weight.shape[::3]))

    def encode(self, images: Tensor) -> Tensor:
        """Tokens of ``b 3 h w`` pictures in [-1, 1], any size: ``b l width``, class token first.

        All tokens, without the last norm and the projection. SPEC section 4.
        """
        return self(preprocess_for_image_encoder(images, self.image_size))

    def forward(self, pictures: Tensor) -> Tensor:
        """``b 3 size size`` preprocessed pictures to ``b l c``, in the weights' precision."""
        with own_precision(self.visual.conv1.weight):
            return self._look(pictures)

    def _look(self, pictures: Tensor) -> Tensor:
        visual = self.visual
        x = visual.conv1(pictures.to(visual.conv1.weight))
        x = rearrange(x, "b c h w -> b (h w) c")
        class_token = repeat(visual.class_embedding, "c -> b 1 c", b=x.shape[0])
        x = torch.cat([class_token.to(x), x], dim=1) + visual.positional_embedding.to(x)
        return run_blocks(visual.transformer.resblocks, visual.ln_pre(x))


def _text_tower(config: TextEncoderConfig, layers: int | None = None) -> Any:
    """open_clip's text transformer; ``layers=1``, its least, where the blocks do not matter."""
    from open_clip.transformer import TextTransformer

    return TextTransformer(
        context_length=config.context_length,
        vocab_size=config.vocab_size,
        width=config.width,
        heads=config.heads,
        layers=config.layers if layers is None else layers,
        output_dim=config.embed_dim,
    )


def _image_tower(config: ImageEncoderConfig) -> Any:
    """open_clip's vision transformer."""
    from open_clip.transformer import VisionTransformer

    return VisionTransformer(
        image_size=config.image_size,
        patch_size=config.patch_size,
        width=config.width,
        layers=config.layers,
        heads=config.width // config.head_width,
        mlp_ratio=config.mlp_ratio,
        output_dim=config.embed_dim,
    )


def _init_blocks(blocks: Iterable[Any], generator: torch.Generator) -> None:
    """Fill transformer blocks so that they add nothing."""
    for block in blocks:
        init_layers(block, generator)
        draw_normal(block.attn.in_proj_weight, block.attn.embed_dim**-0.5, generator)
        block.attn.in_proj_bias.zero_()
        zero(block.attn.out_proj, block.mlp.c_proj)


def _lowest_frequencies(count: int, size: int) -> Tensor:
    """Filters ``count 3 size size`` of a cosine transform, three colours for each frequency."""
    number = -(-count // 3)
    orders = sorted(product(range(size), repeat=2), key=lambda yx: (sum(yx), yx))[:number]
    places = (torch.arange(size) + 0.5) * (torch.pi / size)
    waves = torch.stack([torch.outer((places * y).cos(), (places * x).cos()) for y, x in orders])
    waves = waves / waves.square().sum((1, 2), keepdim=True).sqrt() / size**0.5
    filters = torch.einsum("n h w, a b -> n a b h w", waves, torch.eye(3))
    return rearrange(filters, "n a b h w -> (n a) b h w")[:count]


def run_blocks(blocks: Iterable[Any], x: Tensor, mask: Tensor | None = None) -> Tensor:
    """Run ``b l c`` tokens through blocks; some open_clip releases want them as ``l b c``."""
    for block in blocks:
        if block.attn.batch_first:
            x = block(x, attn_mask=mask)
        else:
            x = rearrange(x, "b l c -> l b c")
            x = rearrange(block(x, attn_mask=mask), "l b c -> b l c")
    return x
