"""The one way from the networks to the motion of keyframes, which the mini model alone has.

The rest of ``models`` imports nothing else of this folder. A configuration without motion gets a
stand-in without weights, which changes nothing, so that the networks need not ask.
"""

from typing import TYPE_CHECKING

from ...config.model import AutoencoderConfig, SketchEncoderConfig, UNetConfig
from ...layers.operations import Factory, Operations
from .keyframe_warp import KeyframeWarp, StillKeyframes
from .reference_warp import ClipWarp, ReferenceWarp
from .sketch_motion import PlainSketches, SketchMotion
from .values import KeyframeLatents, Residuals, WarpListener

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = [
    "ClipWarp",
    "KeyframeLatents",
    "Residuals",
    "WarpListener",
    "hands_out_pictures",
    "keyframe_warp",
    "reference_warp",
    "sketch_motion",
]


def keyframe_warp(
    config: UNetConfig,
    channels: int,
    embed_dim: int,
    operations: Operations,
    **factory: "Unpack[Factory]",
) -> KeyframeWarp | StillKeyframes:
    """What moves the keyframes' latents in a denoiser with features of ``channels``."""
    if not config.warps_keyframes:
        return StillKeyframes()
    return KeyframeWarp(channels, embed_dim, config.out_channels, operations, **factory)


def reference_warp(
    config: AutoencoderConfig, operations: Operations, **factory: "Unpack[Factory]"
) -> ReferenceWarp | None:
    """What moves the references in a decoder, if anything does."""
    if not config.warps_references:
        return None
    widths = [config.channels * mult for mult in config.channel_mult]
    return ReferenceWarp(config.z_channels, widths, config.out_channels, operations, **factory)


def hands_out_pictures(config: AutoencoderConfig) -> bool:
    """Whether the pictures themselves are among the references, for a decoder that moves them."""
    return config.warps_references


def sketch_motion(
    config: SketchEncoderConfig, operations: Operations, **factory: "Unpack[Factory]"
) -> SketchMotion | PlainSketches:
    """What compares sketches with the keyframes in a sketch encoder."""
    if not config.matches_keyframes:
        return PlainSketches()
    return SketchMotion(config.model_channels, config.in_channels, operations, **factory)
