"""CLIP as it was trained: pictures and sentences as directions that can be compared.

ToonCrafter itself reads tokens before the last norm and projection; here both are applied.

Legend: n pictures or sentences, c channels, h w space, l tokens, d embedding.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ...errors import CheckpointError
from .encoders import ImageEncoder, TextEncoder, run_blocks
from .preprocess import preprocess_for_image_encoder
from .tokens import tokenize

CHUNK = 4
"""Pictures at a time."""


@dataclass(frozen=True)
class ClipModel:
    """CLIP's two towers; the cosine of two embeddings is their dot product."""

    image_encoder: ImageEncoder
    text_encoder: TextEncoder | None
    """None when there is no whole one."""
    name: str
    """Of the file it is from."""

    @torch.no_grad()
    def embed_images(self, pictures: Tensor) -> Tensor:
        """Embeddings of ``n 3 h w`` pictures in [-1, 1], any size: ``n d``, of length 1."""
        visual = self.image_encoder.visual
        found = []
        for chunk in pictures.split(CHUNK):
            size = self.image_encoder.image_size
            tokens = self.image_encoder(preprocess_for_image_encoder(chunk, size))
            found.append(visual.ln_post(tokens[:, 0]) @ visual.proj)
        return F.normalize(torch.cat(found).float(), dim=-1)

    @torch.no_grad()
    def embed_prompts(self, prompts: list[str]) -> Tensor:
        """Embeddings of sentences, ``n d``, of length 1; all layers, read at the end mark.

        ``CheckpointError`` without a text encoder.
        """
        encoder = self.text_encoder
        if encoder is None:
            raise CheckpointError(
                f"{self.name} has no whole CLIP text encoder, which comparing with a sentence "
                "needs. Name ToonCrafter's model.ckpt or a file of the whole CLIP model."
            )
        ids = tokenize(prompts, encoder.context_length).to(encoder.text_projection.device)
        x = _all_layers(encoder, ids)
        at_end = x[torch.arange(x.shape[0]), ids.argmax(-1)]
        return F.normalize((at_end @ encoder.text_projection).float(), dim=-1)


def has_every_layer(encoder: TextEncoder) -> bool:
    """Whether the last layer and the projection are there, which ToonCrafter does not use."""
    last = list(encoder.transformer.resblocks)[-1]
    return bool(encoder.text_projection.any()) and bool(last.attn.in_proj_weight.any())


def _all_layers(encoder: TextEncoder, ids: Tensor) -> Tensor:
    """``n l`` token numbers through every layer, to ``n l c``."""
    weight = encoder.token_embedding.weight
    x = encoder.token_embedding(ids)
    length = x.shape[1]
    x = x + encoder.positional_embedding[:length].to(x)
    mask = torch.full((length, length), float("-inf"), dtype=weight.dtype, device=x.device).triu(1)
    return encoder.ln_final(run_blocks(encoder.transformer.resblocks, x, mask))
