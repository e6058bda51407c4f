"""CLIP_img and CLIP_txt: how alike frames are to the true ones and to the prompt.

Cosines of OpenCLIP's image and text embeddings, from the encoders of a ToonCrafter checkpoint or of
a CLIP file. ToonCrafter itself reads tokens before the last norm and projection; here both are
applied, as CLIP was trained.

Legend: t frames, c channels, h w space, d embedding; videos in [-1, 1].
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from ..checkpoints import Component, read_checkpoint
from ..checkpoints.convert_encoders import encoder_checkpoint
from ..checkpoints.detect import component_shapes, detect_component_files
from ..checkpoints.load import build_network, load_component
from ..checkpoints.shapes import detect_image_encoder, detect_text_encoder
from ..conditioning.encoders import ImageEncoder, TextEncoder, _run_blocks, tokenize
from ..conditioning.preprocess import preprocess_for_image_encoder
from ..config import ModelConfig, ResamplerConfig, UNetConfig
from ..weight_packages import MissingWeightsError, describe_file
from .clips import check_pair

CHUNK = 4
"""Frames at a time."""


@dataclass(frozen=True)
class ClipEncoders:
    """CLIP's two towers and where they are from."""

    image_encoder: ImageEncoder
    text_encoder: TextEncoder | None
    """None when the file has no whole one; then there is no CLIP_txt."""
    weights: str

    @torch.no_grad()
    def embed_frames(self, frames: Tensor) -> Tensor:
        """Embeddings of ``t 3 h w`` pictures, ``t d``, of length 1."""
        visual = self.image_encoder.visual
        found = []
        for chunk in frames.split(CHUNK):
            size = self.image_encoder.image_size
            tokens = self.image_encoder(preprocess_for_image_encoder(chunk, size))
            found.append(visual.ln_post(tokens[:, 0]) @ visual.proj)
        return F.normalize(torch.cat(found).float(), dim=-1)

    @torch.no_grad()
    def embed_prompts(self, prompts: list[str]) -> Tensor:
        """Embeddings of prompts, ``b d``, of length 1; all layers, read at the end mark.

        ``MissingWeightsError`` without a text encoder.
        """
        encoder = self.text_encoder
        if encoder is None:
            raise MissingWeightsError(
                f"{self.weights} has no whole CLIP text encoder, which CLIP_txt needs."
            )
        ids = tokenize(prompts, encoder.context_length).to(encoder.text_projection.device)
        x = _all_layers(encoder, ids)
        at_end = x[torch.arange(x.shape[0]), ids.argmax(-1)]
        return F.normalize((at_end @ encoder.text_projection).float(), dim=-1)


def clip_image_similarity(video: Tensor, truth: Tensor, encoders: ClipEncoders) -> Tensor:
    """CLIP_img: cosine of each frame's embedding with the true frame's.

    Shapes: both ``t 3 h w``; the result is ``t``, in [-1, 1]. ``EvaluationError`` for videos that
    cannot be compared.
    """
    check_pair(video, truth)
    return (encoders.embed_frames(video) * encoders.embed_frames(truth)).sum(-1)


def clip_text_similarity(video: Tensor, prompt: str, encoders: ClipEncoders) -> Tensor:
    """CLIP_txt: cosine of each frame's embedding with the prompt's.

    Shapes: ``t 3 h w`` to ``t``, in [-1, 1]. ``EvaluationError`` for a video that is none,
    ``MissingWeightsError`` without a text encoder.
    """
    check_pair(video, video)
    return encoders.embed_frames(video) @ encoders.embed_prompts([prompt])[0]


def load_clip_encoders(path: str | Path) -> ClipEncoders:
    """CLIP's towers from a ToonCrafter checkpoint or a CLIP file (OpenCLIP or Hugging Face).

    ``CheckpointError`` for a file that cannot be read; ``MissingWeightsError`` when it has no image
    encoder, or one without its final projection.
    """
    path = Path(path)
    file = read_checkpoint(path)
    found = {f.component: f.width for f in detect_component_files(file)}
    if Component.IMAGE_ENCODER not in found:
        raise MissingWeightsError(
            f"'{path.name}' holds no CLIP image encoder, which CLIP_img and CLIP_txt need. Name "
            "ToonCrafter's model.ckpt or CLIP-ViT-H-14-laion2B-s32B-b79K.safetensors."
        )
    networks = {component: _load(file, component, width) for component, width in found.items()}
    image_encoder = cast(ImageEncoder, networks[Component.IMAGE_ENCODER])
    if not image_encoder.visual.proj.any():
        raise MissingWeightsError(
            f"The CLIP image encoder of '{path.name}' has no final projection (visual.proj); "
            "name a file of the whole CLIP model."
        )
    text_encoder = cast(TextEncoder | None, networks.get(Component.TEXT_ENCODER))
    if text_encoder is not None and not _is_whole(text_encoder):
        text_encoder = None
    return ClipEncoders(image_encoder, text_encoder, f"CLIP of {describe_file(path)}")


def _load(file: Any, component: Component, width: int) -> Any:
    """One tower, frozen; any width will do, as it need not fit a ToonCrafter."""
    any_size = ModelConfig(
        unet=UNetConfig(context_dim=width), resampler=ResamplerConfig(embedding_dim=width)
    )
    encoder = encoder_checkpoint(file, component, any_size)
    shapes = component_shapes(encoder.shapes, component)
    if component is Component.TEXT_ENCODER:
        config = ModelConfig(text_encoder=detect_text_encoder(shapes, None))
    else:
        config = ModelConfig(image_encoder=detect_image_encoder(shapes, None))
    network = build_network(component, config, encoder)
    load_component(network, encoder, component)
    return network.eval().requires_grad_(False)


def _is_whole(encoder: TextEncoder) -> bool:
    """Whether the last layer and the projection are there, which ToonCrafter does not use."""
    last = list(encoder.transformer.resblocks)[-1]
    return bool(encoder.text_projection.any()) and bool(last.attn.in_proj_weight.any())


def _all_layers(encoder: TextEncoder, ids: Tensor) -> Tensor:
    """``b l`` token numbers through every layer, to ``b l c``."""
    weight = encoder.token_embedding.weight
    x = encoder.token_embedding(ids)
    length = x.shape[1]
    x = x + encoder.positional_embedding[:length].to(x)
    mask = torch.full((length, length), float("-inf"), dtype=weight.dtype, device=x.device).triu(1)
    return encoder.ln_final(_run_blocks(encoder.transformer.resblocks, x, mask))
