"""Typed configuration of every part; the defaults are the published ToonCrafter 512x320 model."""

import math
from dataclasses import dataclass, field

from .dtypes import DtypeName


def _freeze_sequences(config: object, *names: str) -> None:
    """Turn lists, as configuration files give them, into tuples so that configs stay hashable."""
    for name in names:
        object.__setattr__(config, name, tuple(getattr(config, name)))


@dataclass(frozen=True, kw_only=True)
class UNetConfig:
    """The video denoiser (SPEC sections 1 and 2)."""

    in_channels: int = 8
    """Noisy latents and keyframe latents, concatenated on channels; 16 with
    ``warps_keyframes``."""
    out_channels: int = 4
    model_channels: int = 320
    channel_mult: tuple[int, ...] = (1, 2, 4, 4)
    num_res_blocks: int = 2
    attention_resolutions: tuple[int, ...] = (1, 2, 4)
    """Downsampling factors at which the levels carry transformers."""
    num_head_channels: int = 64
    transformer_depth: int = 1
    context_dim: int = 1024
    init_attention_heads: int = 8
    """Heads of the temporal transformer after the first convolution."""
    norm_groups: int = 32
    default_fps: int = 24
    """Motion fps used when none is given."""
    warps_keyframes: bool = False
    """Whether the denoiser is conditioned on both keyframes and their blend in every frame, and
    its v starts as a weighted sum of the noisy latents and of keyframe latents warped by flow. The
    published model computes all of v from features instead. With warping a small network learns
    where things go and need not learn to draw them."""

    def __post_init__(self) -> None:
        _freeze_sequences(self, "channel_mult", "attention_resolutions")

    @property
    def trained_in(self) -> DtypeName:
        """The number format that its values fit: what moves keyframes goes beyond fp16."""
        return "bf16" if self.warps_keyframes else "fp16"

    @property
    def size_multiple(self) -> int:
        """Latent height and width must be a multiple of this."""
        return 2 ** (len(self.channel_mult) - 1)


@dataclass(frozen=True, kw_only=True)
class ResamplerConfig:
    """The projector from image-encoder tokens to image context tokens (SPEC section 3)."""

    dim: int = 1024
    depth: int = 4
    dim_head: int = 64
    heads: int = 12
    num_queries: int = 16
    """Image tokens per frame."""
    video_length: int = 16
    """Frames the queries were trained for."""
    embedding_dim: int = 1280
    output_dim: int = 1024
    ff_mult: int = 4


@dataclass(frozen=True, kw_only=True)
class AutoencoderConfig:
    """The autoencoder: its encoder for pictures and its dual-reference decoder (SPEC section 6)."""

    in_channels: int = 3
    out_channels: int = 3
    channels: int = 128
    channel_mult: tuple[int, ...] = (1, 2, 4, 4)
    num_res_blocks: int = 2
    """Blocks a level in the encoder; the decoder has one more."""
    z_channels: int = 4
    embed_dim: int = 4
    reference_attention_levels: tuple[int, ...] = (2, 3)
    """Levels that attend to the references; the others add them to the first and last frame."""
    warps_references: bool = False
    """Whether the decoder also warps the keyframes' features and pixels by a flow that it
    estimates, which the published one does not; see ``models/motion/reference_warp.py``."""
    reference_heads: int = 8
    reference_dim_head: int = 64
    norm_groups: int = 32

    def __post_init__(self) -> None:
        _freeze_sequences(self, "channel_mult", "reference_attention_levels")

    @property
    def trained_in(self) -> DtypeName:
        """The number format that its values fit: what moves keyframes goes beyond fp16."""
        return "bf16" if self.warps_references else "fp16"

    @property
    def downsampling(self) -> int:
        """Pixels a latent cell spans on each side."""
        return 2 ** (len(self.channel_mult) - 1)


HINT_LAYERS = ((16, 1), (16, 1), (32, 2), (32, 1), (96, 2), (96, 1), (256, 2))
"""Channels and stride of the convolutions that read a hint, before the last."""


@dataclass(frozen=True, kw_only=True)
class SketchEncoderConfig:
    """The control network that reads sketches (SPEC section 10)."""

    hint_channels: int = 1
    in_channels: int = 4
    """The noisy latents alone, without the keyframe latents."""
    matches_keyframes: bool = False
    """Whether sketches are matched to the keyframe latents, which the published encoder does not
    get; for a denoiser with ``warps_keyframes``. See ``models/motion/sketch_matching.py``."""
    model_channels: int = 320
    channel_mult: tuple[int, ...] = (1, 2, 4, 4)
    num_res_blocks: int = 2
    attention_resolutions: tuple[int, ...] = (1, 2, 4)
    num_head_channels: int = 64
    transformer_depth: int = 1
    context_dim: int = 1024
    norm_groups: int = 32

    def __post_init__(self) -> None:
        _freeze_sequences(self, "channel_mult", "attention_resolutions")

    @property
    def trained_in(self) -> DtypeName:
        """The number format that its values fit: what moves keyframes goes beyond fp16."""
        return "bf16" if self.matches_keyframes else "fp16"

    @property
    def downsampling(self) -> int:
        """Pixels of a hint that a latent cell spans on each side."""
        return math.prod(stride for _, stride in HINT_LAYERS)


@dataclass(frozen=True, kw_only=True)
class TextEncoderConfig:
    """The OpenCLIP text encoder; its last-but-one layer is used (SPEC section 5)."""

    width: int = 1024
    heads: int = 16
    layers: int = 24
    context_length: int = 77
    vocab_size: int = 49408
    """Rows of the token embedding. Tokens past its end use the last row: with 1, all are equal."""
    embed_dim: int = 1024


@dataclass(frozen=True, kw_only=True)
class ImageEncoderConfig:
    """The OpenCLIP image encoder; all its tokens are used (SPEC section 4)."""

    width: int = 1280
    head_width: int = 80
    layers: int = 32
    patch_size: int = 14
    image_size: int = 224
    mlp_ratio: float = 4.0
    embed_dim: int = 1024


@dataclass(frozen=True, kw_only=True)
class DiffusionConfig:
    """The noise schedule and the scale of the latents (SPEC section 8)."""

    num_timesteps: int = 1000
    linear_start: float = 0.00085
    linear_end: float = 0.012
    base_scale: float = 0.7
    """The last value of the dynamic rescale of the clean latents."""
    scale_steps: int = 400
    """Timesteps over which the dynamic rescale falls from 1 to ``base_scale``."""
    latent_scale: float = 0.18215
    """Autoencoder latents times this are the denoiser's latents."""


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """A complete ToonCrafter; the encoders are None when a checkpoint comes without them."""

    unet: UNetConfig = field(default_factory=UNetConfig)
    resampler: ResamplerConfig = field(default_factory=ResamplerConfig)
    autoencoder: AutoencoderConfig = field(default_factory=AutoencoderConfig)
    text_encoder: TextEncoderConfig | None = field(default_factory=TextEncoderConfig)
    image_encoder: ImageEncoderConfig | None = field(default_factory=ImageEncoderConfig)
    diffusion: DiffusionConfig = field(default_factory=DiffusionConfig)

    @property
    def size_multiple(self) -> int:
        """Image height and width must be a multiple of this, in pixels."""
        return self.autoencoder.downsampling * self.unet.size_multiple

    @property
    def trained_in(self) -> DtypeName:
        """The number format that the values of every part fit."""
        parts = self.unet, self.autoencoder
        return "bf16" if any(part.trained_in == "bf16" for part in parts) else "fp16"

    @property
    def num_frames(self) -> int:
        """Frames of a clip the model was trained on."""
        return self.resampler.video_length
