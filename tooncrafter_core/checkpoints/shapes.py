"""Reads a configuration off tensor shapes, one function per component.

What shapes do not show (head counts, norm groups, frame rate) comes from the ``base`` that each
function is given: the file's own metadata or the published values (SPEC section 1).
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from math import gcd, isqrt
from typing import Any

from ..config.model import (
    AutoencoderConfig,
    ImageEncoderConfig,
    ResamplerConfig,
    SketchEncoderConfig,
    TextEncoderConfig,
    UNetConfig,
)
from ..errors import CheckpointError, UnknownCountError
from .keys import COMPONENT_KEYS, Component, where_to_get

CLIP_HEAD_WIDTH = 64
"""Width of a head in every CLIP text encoder and in the image encoders not listed below."""

IMAGE_HEAD_WIDTHS = {1280: 80, 1408: 88, 1664: 104}
"""Width of a head in OpenCLIP's larger image encoders, by the width of the encoder."""


class Shapes:
    """The shapes of one component's tensors, with errors that name it."""

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], component: Component) -> None:
        self._shapes = shapes
        self._component = component

    def __contains__(self, key: str) -> bool:
        return key in self._shapes

    def of(self, key: str, rank: int) -> tuple[int, ...]:
        """Shape of a tensor of ``rank`` dimensions, none of them zero; else ``CheckpointError``."""
        shape = self._shapes.get(key)
        if shape is None:
            raise self.error(f"it has no '{key}'")
        if len(shape) != rank:
            raise self.error(f"'{key}' has {len(shape)} dimensions instead of {rank}")
        if 0 in shape:
            raise self.error(f"'{key}' is empty")
        return shape

    def count(self, pattern: str) -> int:
        """How many numbers from 0 on the ``#`` in ``pattern`` takes at the start of a key."""
        before, after = map(re.escape, pattern.split("#"))
        numbers = {
            int(match[1])
            for key in self._shapes
            if (match := re.match(rf"{before}(\d+){after}", key))
        }
        return next(i for i in range(len(numbers) + 1) if i not in numbers)

    def divide(self, size: int, by: int, what: str) -> int:
        """A whole-number quotient; ``CheckpointError`` when ``by`` does not divide ``size``."""
        if by < 1 or size % by or size == 0:
            raise self.error(f"{what} {size} is not a multiple of {by}")
        return size // by

    def share(self, size: int, count: int, what: str) -> int:
        """As ``divide``, by a count that comes from elsewhere; then ``UnknownCountError``."""
        try:
            return self.divide(size, count, what)
        except CheckpointError as error:
            raise UnknownCountError(*error.args) from None

    def error(self, reason: str) -> CheckpointError:
        """The error for a component whose sizes make no sense."""
        title = COMPONENT_KEYS[self._component].title
        return CheckpointError(
            f"The sizes of the {title} cannot be found: {reason}. {where_to_get(self._component)}"
        )


def detect_unet(shapes: Shapes, base: UNetConfig) -> UNetConfig:
    """Sizes of the denoiser; needs ``init_attention_heads``. SPEC section 2.4."""
    heads_inner = shapes.of("init_attn.0.proj_in.weight", 3)[0]
    return replace(
        base,
        **_encoder_sizes(shapes),
        out_channels=shapes.of("out.2.weight", 4)[0],
        warps_keyframes="keyframe_warp.flow.weight" in shapes,
        num_head_channels=shapes.share(
            heads_inner, base.init_attention_heads, "first attention's width"
        ),
    )


def sketch_encoder_config(
    shapes: Shapes, stored: SketchEncoderConfig | None = None
) -> SketchEncoderConfig:
    """Sizes of the sketch encoder; heads of ``stored``, else of Stable Diffusion 2's width.

    SPEC section 10.
    """
    sizes = _encoder_sizes(shapes)
    base = stored or SketchEncoderConfig()
    # Narrower encoders than any published one have a single head, or as near as it gets.
    heads = gcd(base.num_head_channels, sizes["model_channels"])
    return replace(
        base,
        **sizes,
        hint_channels=shapes.of("input_hint_block.0.weight", 4)[1],
        matches_keyframes="matching.weights" in shapes,
        num_head_channels=base.num_head_channels if stored else heads,
    )


def _encoder_sizes(shapes: Shapes) -> dict[str, Any]:
    """Sizes that the encoders of the denoiser and of sketches have in common."""
    channels, in_channels = shapes.of("input_blocks.0.0.weight", 4)[:2]
    levels: list[list[int]] = [[]]
    attention: set[int] = set()
    for index in range(1, shapes.count("input_blocks.#.")):
        block = f"input_blocks.{index}"
        if f"{block}.0.op.weight" in shapes:
            levels.append([])
            continue
        levels[-1].append(shapes.of(f"{block}.0.in_layers.2.weight", 4)[0])
        if f"{block}.1.proj_in.weight" in shapes:
            attention.add(len(levels) - 1)
    blocks = {len(level) for level in levels}
    if len(blocks) != 1 or 0 in blocks or any(len(set(level)) != 1 for level in levels):
        raise shapes.error(f"its levels differ in layout {levels}")
    middle = "middle_block.1.transformer_blocks"
    return {
        "in_channels": in_channels,
        "model_channels": channels,
        "channel_mult": tuple(shapes.divide(level[0], channels, "width") for level in levels),
        "num_res_blocks": blocks.pop(),
        "attention_resolutions": tuple(2**level for level in sorted(attention)),
        "transformer_depth": shapes.count(f"{middle}.#."),
        "context_dim": shapes.of(f"{middle}.0.attn2.to_k.weight", 2)[1],
    }


def detect_resampler(shapes: Shapes, base: ResamplerConfig) -> ResamplerConfig:
    """Sizes of the image projector; needs ``dim_head``, ``num_queries``. SPEC section 3."""
    _, tokens, dim = shapes.of("latents", 3)
    inner = shapes.of("layers.0.0.to_q.weight", 2)[0]
    return replace(
        base,
        dim=dim,
        depth=shapes.count("layers.#."),
        heads=shapes.share(inner, base.dim_head, "attention's width"),
        video_length=shapes.share(tokens, base.num_queries, "token count"),
        embedding_dim=shapes.of("proj_in.weight", 2)[1],
        output_dim=shapes.of("proj_out.weight", 2)[0],
        ff_mult=shapes.divide(shapes.of("layers.0.1.1.weight", 2)[0], dim, "feed-forward width"),
    )


def detect_autoencoder(shapes: Shapes, base: AutoencoderConfig) -> AutoencoderConfig:
    """Sizes of the autoencoder; needs ``reference_dim_head``. SPEC section 6."""
    channels, in_channels = shapes.of("encoder.conv_in.weight", 4)[:2]
    levels = range(shapes.count("encoder.down.#."))
    widths = [shapes.of(f"encoder.down.{i}.block.0.conv1.weight", 4)[0] for i in levels]
    attention = tuple(i for i in levels if f"decoder.attn_refinement.{i}.to_q.weight" in shapes)
    heads = base.reference_heads
    if attention:
        inner = shapes.of(f"decoder.attn_refinement.{attention[0]}.to_q.weight", 2)[0]
        heads = shapes.share(inner, base.reference_dim_head, "reference attention's width")
    return replace(
        base,
        in_channels=in_channels,
        out_channels=shapes.of("decoder.conv_out.weight", 4)[0],
        channels=channels,
        channel_mult=tuple(shapes.divide(width, channels, "width") for width in widths),
        num_res_blocks=shapes.count("encoder.down.0.block.#."),
        z_channels=shapes.of("decoder.conv_in.weight", 4)[1],
        embed_dim=shapes.of("post_quant_conv.weight", 4)[1],
        reference_attention_levels=attention,
        reference_heads=heads,
        warps_references="decoder.warp.match.weight" in shapes,
    )


def detect_text_encoder(shapes: Shapes, stored: TextEncoderConfig | None) -> TextEncoderConfig:
    """Sizes of the text encoder; heads of ``stored``, else CLIP's 64 wide ones. SPEC section 5."""
    vocab_size, width = shapes.of("token_embedding.weight", 2)
    return TextEncoderConfig(
        width=width,
        heads=stored.heads if stored else shapes.share(width, CLIP_HEAD_WIDTH, "width"),
        layers=shapes.count("transformer.resblocks.#."),
        context_length=shapes.of("positional_embedding", 2)[0],
        vocab_size=vocab_size,
        embed_dim=shapes.of("text_projection", 2)[1],
    )


def detect_image_encoder(shapes: Shapes, stored: ImageEncoderConfig | None) -> ImageEncoderConfig:
    """Sizes of the image encoder; head width of ``stored``, else OpenCLIP's. SPEC section 4."""
    width, _, patch_size, _ = shapes.of("visual.conv1.weight", 4)
    tokens = shapes.of("visual.positional_embedding", 2)[0] - 1
    head_width = IMAGE_HEAD_WIDTHS.get(width, CLIP_HEAD_WIDTH)
    if stored:
        head_width = stored.head_width
    shapes.share(width, head_width, "width")
    hidden = shapes.of("visual.transformer.resblocks.0.mlp.c_fc.weight", 2)[0]
    return ImageEncoderConfig(
        width=width,
        head_width=head_width,
        layers=shapes.count("visual.transformer.resblocks.#."),
        patch_size=patch_size,
        image_size=isqrt(tokens) * patch_size,
        mlp_ratio=hidden / width,
        embed_dim=shapes.of("visual.proj", 2)[1],
    )
