"""Whether the caption fits the pictures: CLIP on the first, middle and last frame."""

from functools import cached_property
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from .stages import ClipPixels, Identity, Scores


class ClipAgreement:
    """Cosine of caption and frames, by the two encoders of a ToonCrafter checkpoint."""

    name = "agreement"

    def __init__(self, checkpoint: str | Path) -> None:
        self.checkpoint = Path(checkpoint)

    def identity(self) -> Identity:
        """Which weights."""
        return {"model": f"OpenCLIP of {self.checkpoint.name}"}

    @cached_property
    def _encoders(self) -> tuple[Any, Any]:
        from ..checkpoints import detect, read_checkpoint
        from ..checkpoints.keys import Component
        from ..checkpoints.load import build_network, load_component

        checkpoint = read_checkpoint(self.checkpoint)
        config = detect(checkpoint)
        encoders = []
        for component in (Component.IMAGE_ENCODER, Component.TEXT_ENCODER):
            network = build_network(component, config, checkpoint)
            load_component(network, checkpoint, component, dtype=torch.float32)
            encoders.append(network.eval())
        return encoders[0], encoders[1]

    @torch.no_grad()
    def score(self, clip: ClipPixels, known: Scores) -> Scores:
        """``agreement``, the least of the three frames' cosines; None without a caption."""
        names = ("agreement_first", "agreement_middle", "agreement_last")
        caption = known.get("caption")
        if not caption:
            return dict.fromkeys(("agreement", *names))
        image_encoder, text_encoder = self._encoders
        pictures = torch.from_numpy(clip.stills).float() / 127.5 - 1
        images = embed_images(image_encoder, rearrange(pictures, "t h w c -> t c h w"))
        cosines = (images @ embed_text(text_encoder, str(caption))).tolist()
        return {"agreement": min(cosines), **dict(zip(names, cosines, strict=True))}


def embed_images(encoder: Any, pictures: Tensor) -> Tensor:
    """``t 3 h w`` in [-1, 1] to ``t d`` of length 1: the class token, normalised and projected."""
    tokens = encoder.encode(pictures)
    return F.normalize(encoder.visual.ln_post(tokens[:, 0]) @ encoder.visual.proj, dim=-1)


def embed_text(encoder: Any, text: str) -> Tensor:
    """A caption to ``d`` of length 1: all layers, the end mark's token, projected."""
    from ..conditioning.encoders import tokenize

    ids = tokenize([text], encoder.context_length)
    # The encoder stops one layer early, as ToonCrafter wants it: the last is run here.
    x = encoder.token_embedding(ids) + encoder.positional_embedding
    length = x.shape[1]
    mask = torch.full((length, length), float("-inf")).triu(1)
    for block in encoder.transformer.resblocks:
        if block.attn.batch_first:
            x = block(x, attn_mask=mask)
        else:
            x = rearrange(block(rearrange(x, "b l c -> l b c"), attn_mask=mask), "l b c -> b l c")
    end = encoder.ln_final(x)[0, int(ids[0].argmax())]
    return F.normalize(end @ encoder.text_projection, dim=-1)
