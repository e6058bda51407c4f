"""The dual-reference video decoder (SPEC section 6.2).

Legend: b batch, t frames, c channels, h w space, r references (2). Inside, one clip travels as
t c h w. The work is cut where frames meet: between two temporal stacks everything is done frame by
frame, ``chunk`` frames at a time, more of them where they are smaller, so only the tensors at the
cuts ever exist for the whole clip.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, cast

import torch
from einops import rearrange
from torch import Tensor, nn

from ...config.model import AutoencoderConfig
from ...layers.operations import Factory, Operations
from ..initialization import zero
from ..motion.port import ClipWarp, WarpListener, reference_warp
from ..residual import Upsample
from .chunks import map_frames
from .layers import Middle, TemporalStack, VideoResBlock
from .references import ReferenceAttention, ReferenceResidual

if TYPE_CHECKING:
    from typing_extensions import Unpack

FrameStep = Callable[[Tensor, int], Tensor]
"""Transforms frames t c h w that begin at the given frame of the clip."""


class Stretch(NamedTuple):
    """Work between two places where frames meet."""

    steps: list[FrameStep]
    """Frame by frame."""
    block: VideoResBlock | None
    """Joins the frames then."""
    gain: int = 1
    """How many times as many frames as at full size may be worked on at a time."""


class DecoderLevel(nn.Module):
    """The blocks of one resolution, and the way to the next."""

    def __init__(self, blocks: list[VideoResBlock], upsample: Upsample | None) -> None:
        super().__init__()
        self.block = nn.ModuleList(blocks)
        self.upsample = upsample


class DualReferenceDecoder(nn.Module):
    """Decodes a clip of latents with the detail of its first and last image."""

    def __init__(
        self, config: AutoencoderConfig, operations: Operations, **factory: "Unpack[Factory]"
    ) -> None:
        super().__init__()
        self.operations = operations
        groups, base = config.norm_groups, config.channels
        full = config.channel_mult[0]
        # Frames at a level that are as many values as one at full size.
        self.gains = [max(1, 4**i * full // mult) for i, mult in enumerate(config.channel_mult)]
        channels = base * config.channel_mult[-1]
        self.conv_in = operations.Conv2d(config.z_channels, channels, 3, padding=1, **factory)
        self.mid = Middle(VideoResBlock, channels, groups, operations, **factory)
        stages, refinements = [], []
        for level, mult in reversed(list(enumerate(config.channel_mult))):
            blocks = []
            for _ in range(config.num_res_blocks + 1):
                blocks.append(VideoResBlock(channels, base * mult, groups, operations, **factory))
                channels = base * mult
            upsample = Upsample(channels, operations, **factory) if level else None
            stages.append(DecoderLevel(blocks, upsample))
            reads_by_attention = level in config.reference_attention_levels
            refinements.append(
                ReferenceAttention(channels, config, operations, **factory)
                if reads_by_attention
                else ReferenceResidual(channels, operations, **factory)
            )
        last = ReferenceResidual(channels, operations, **factory)
        self.up = nn.ModuleList(reversed(stages))
        self.attn_refinement = nn.ModuleList([*reversed(refinements), last])
        self.norm_out = operations.ActivatedGroupNorm(groups, channels, eps=1e-6, **factory)
        self.conv_out = operations.Conv2d(channels, config.out_channels, 3, padding=1, **factory)
        # The checkpoint keeps the temporal convolution inside the spatial one.
        self.conv_out.time_mix_conv = operations.TemporalConv3d(
            config.out_channels, config.out_channels, (3, 1, 1), padding=(1, 0, 0), **factory
        )
        self.warp = reference_warp(config, operations, **factory)
        self.is_warping = self.warp is not None
        """Whether the warp takes part; see ``ablation``."""

    def forward(
        self,
        z: Tensor,
        references: Sequence[Tensor] | None = None,
        chunk: int = 4,
        listener: WarpListener | None = None,
    ) -> Tensor:
        """Decode b c t h w latents of the autoencoder's own scale.

        Args:
            z: latents; any number of frames.
            references: the encoder's features of the first and last image, each b c r h w, in the
                encoder's order; None leaves every refinement out.
            chunk: frames to compute at a time at full size, more where they are smaller. Fewer
                need less memory and give the same video.
            listener: hears what the warp does, in training.

        Returns:
            b 3 t 8h 8w, about [-1, 1], not clamped.
        """
        clips = [
            self._decode_clip(
                rearrange(clip, "c t h w -> t c h w"),
                None if references is None else [reference[index] for reference in references],
                max(1, chunk),
                listener,
            )
            for index, clip in enumerate(z)
        ]
        return rearrange(torch.stack(clips), "b t c h w -> b c t h w")

    def decode_images(self, z: Tensor) -> Tensor:
        """Decode n c h w latents to n 3 8h 8w, each alone: the plain image decoder.

        No layer over time and no refinement takes part; see ``init_video_parts``.
        """
        for stretch in self._stretches(None, z.shape[0], None):
            z = _run(stretch.steps, z, 0, z.shape[0])
        return z

    @property
    def time_mix(self) -> nn.Conv3d:
        """The last convolution, over time."""
        return cast(nn.Conv3d, self.conv_out.time_mix_conv)

    @torch.no_grad()
    def init_video_parts(self) -> None:
        """Let what reads the references and what joins frames add nothing, as training begins.

        The decoder then decodes a clip as ``decode_images`` does, and learns from there (PAPER,
        decoder stage). All other weights stay as they are.
        """
        for layer in self.modules():
            if isinstance(layer, TemporalStack | ReferenceAttention | ReferenceResidual):
                zero(*layer.last_of_branch())
            elif isinstance(layer, VideoResBlock):
                layer.mix_factor.zero_()
        if self.warp is not None:
            self.warp.init_weights()
        zero(self.time_mix)
        nn.init.dirac_(self.time_mix.weight)

    def _decode_clip(
        self,
        z: Tensor,
        references: list[Tensor] | None,
        chunk: int,
        listener: WarpListener | None,
    ) -> Tensor:
        num_frames = z.shape[0]
        z = self.operations.arrange(z)
        in_place = _is_disposable()
        motion = None
        if self.warp is not None and self.is_warping and references is not None:
            motion = self.warp.of_clip(z, references, listener)
        x = z
        for steps, block, gain in self._stretches(references, num_frames, motion):
            # The warp hands its maps from level to level by the chunks they are of.
            reuse, size = in_place and x is not z, chunk * (gain if motion is None else 1)
            x = map_frames(partial(_run, steps, x), num_frames, size, into=x if reuse else None)
            if block is not None:
                x = block.mix_over_time(x, size, in_place)
        x = self.time_mix(rearrange(x, "t c h w -> 1 c t h w"))
        x = rearrange(x, "1 c t h w -> t c h w")
        if motion is None:
            return x
        return map_frames(
            lambda start, stop: motion.compose(x[start:stop], start), num_frames, chunk
        )

    def _stretches(
        self,
        references: list[Tensor] | None,
        num_frames: int,
        motion: ClipWarp | None,
    ) -> Iterator[Stretch]:
        """Cut the network where frames meet.

        Made one at a time, so that what a refinement prepares lives no longer than its stretch.
        """
        first, second = self.mid.block_1, self.mid.block_2
        yield Stretch([_per_frame(self.conv_in), _per_frame_over(first)], first, self.gains[-1])
        # Where no fused kernel serves so large a head, each frame has a matrix of scores.
        yield Stretch([_per_frame(self.mid.attn_1), _per_frame_over(second)], second)
        steps: list[FrameStep] = []
        for level, stage in reversed(list(enumerate(cast(list[DecoderLevel], self.up)))):
            for block in cast(list[VideoResBlock], stage.block):
                yield Stretch([*steps, _per_frame_over(block)], block, self.gains[level])
                steps = []
            steps = self._refinement(level, references, num_frames)
            if motion is not None:
                steps.append(partial(motion.at_level, level))
            if stage.upsample is not None:
                steps.append(_per_frame(stage.upsample))
        steps.append(_per_frame(self.norm_out))
        steps += self._refinement(len(self.up), references, num_frames)
        yield Stretch([*steps, _per_frame(self.conv_out)], None)

    def _refinement(
        self, level: int, references: list[Tensor] | None, num_frames: int
    ) -> list[FrameStep]:
        if references is None:
            return []
        refinement = cast(ReferenceAttention | ReferenceResidual, self.attn_refinement[level])
        prepared, in_place = refinement.prepare(references[level]), _is_disposable()
        return [lambda x, start: refinement(x, prepared, start, num_frames, in_place=in_place)]


def _run(steps: list[FrameStep], x: Tensor, start: int, stop: int) -> Tensor:
    h = x[start:stop]
    for step in steps:
        h = step(h, start)
    return h


def _is_disposable() -> bool:
    """Whether frames may be written over by what is computed from them.

    Training needs every intermediate.
    """
    return not torch.is_grad_enabled()


def _per_frame(layer: nn.Module) -> FrameStep:
    return lambda x, start: layer(x)


def _per_frame_over(block: VideoResBlock) -> FrameStep:
    in_place = _is_disposable()
    return lambda x, start: block(x, in_place=in_place)
