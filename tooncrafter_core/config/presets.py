"""Named configurations: the published model, a tiny one for tests, a mini one to train."""

from dataclasses import replace

from .model import (
    AutoencoderConfig,
    DiffusionConfig,
    ImageEncoderConfig,
    ModelConfig,
    ResamplerConfig,
    SketchEncoderConfig,
    TextEncoderConfig,
    UNetConfig,
)

TOONCRAFTER_512 = ModelConfig()
"""The published model: 512x320, 16 frames (SPEC section 1)."""

TINY = replace(
    TOONCRAFTER_512,
    unet=UNetConfig(model_channels=32, channel_mult=(1, 2, 2, 2), num_res_blocks=1,
                    num_head_channels=16, context_dim=64),
    resampler=ResamplerConfig(dim=64, depth=2, heads=1, embedding_dim=64, output_dim=64),
    autoencoder=AutoencoderConfig(channels=32, channel_mult=(1, 2, 2, 2), num_res_blocks=1),
    text_encoder=TextEncoderConfig(width=64, heads=1, layers=3, embed_dim=32),
    image_encoder=ImageEncoderConfig(width=64, head_width=64, layers=2, patch_size=32,
                                     embed_dim=32),
)  # fmt: skip
"""A tiny model for tests: all parts, same layout and size rules; its pictures mean nothing."""

MINI = replace(
    TOONCRAFTER_512,
    unet=UNetConfig(in_channels=16, model_channels=32, channel_mult=(1, 2, 4), num_res_blocks=1,
                    attention_resolutions=(2, 4), num_head_channels=32, init_attention_heads=1,
                    context_dim=64, norm_groups=8, warps_keyframes=True),
    resampler=ResamplerConfig(dim=64, depth=2, dim_head=32, heads=2, num_queries=4,
                              embedding_dim=64, output_dim=64),
    autoencoder=AutoencoderConfig(channels=16, channel_mult=(1, 2, 4, 6), num_res_blocks=1,
                                  reference_attention_levels=(3,), reference_heads=4,
                                  reference_dim_head=16, norm_groups=2, warps_references=True),
    text_encoder=TextEncoderConfig(width=64, heads=1, layers=3, vocab_size=1, embed_dim=64),
    image_encoder=ImageEncoderConfig(width=64, head_width=64, layers=1, patch_size=32,
                                     mlp_ratio=1.0, embed_dim=64),
    # Its own autoencoder's latents have a standard deviation of about 3; this brings them near 1.
    # No dynamic rescale, which the published sampler does not undo in few steps.
    diffusion=DiffusionConfig(latent_scale=0.28, base_scale=1.0),
)  # fmt: skip
"""A model to train from scratch on one machine; without prompts: its vocabulary has one entry."""

MINI_SKETCH = SketchEncoderConfig(
    model_channels=32, channel_mult=(1, 2, 4), num_res_blocks=1, attention_resolutions=(2, 4),
    num_head_channels=32, context_dim=64, norm_groups=8, matches_keyframes=True,
)  # fmt: skip
"""A sketch encoder for the mini model."""

TINY_SKETCH = SketchEncoderConfig(
    model_channels=32, channel_mult=(1, 2, 2, 2), num_res_blocks=1, num_head_channels=32,
    context_dim=64,
)  # fmt: skip
"""A sketch encoder for the tiny model."""

PRESETS: dict[str, ModelConfig] = {"tooncrafter_512": TOONCRAFTER_512, "tiny": TINY, "mini": MINI}

SKETCH_PRESETS: dict[str, SketchEncoderConfig] = {
    "tooncrafter_512": SketchEncoderConfig(),
    "tiny": TINY_SKETCH,
    "mini": MINI_SKETCH,
}
"""The sketch encoder of each preset; it has a file of its own."""
