"""The video denoiser (SPEC section 2).

Legend: b batch, t frames, c channels, h w space, l tokens. Frames travel as a batch, (b t) c h w.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from einops import rearrange
from torch import Tensor, nn

from ..config.model import UNetConfig
from ..layers.operations import TORCH_OPERATIONS, Operations
from .attention import ContextKeys, Options
from .denoiser_blocks import BlockInputs, FrameNetwork, run_block
from .initialization import init_layers, zero
from .motion.port import Residuals, keyframe_warp
from .residual import Upsample
from .transformers import SpatialTransformer, TemporalTransformer, TransformerLayout


@dataclass(frozen=True, kw_only=True, eq=False)
class PreparedContext:
    """The context as the denoiser reads it: computed once, read in every step.

    It belongs to the weights that made it and must be made again when they change.
    """

    transformers: tuple[list[ContextKeys], ...]
    """One for each spatial transformer, in the order of ``Denoiser.modules``."""
    num_frames: int | None
    """Frames whose own image tokens these are; None when all share the tokens."""


class BlockHooks(Protocol):
    """Looks at the features between blocks, and may change them; frames are (b t) c h w."""

    def after_input(self, h: Tensor, index: int) -> Tensor:
        """What goes on from an input block, and into its skip connection."""
        ...

    def before_output(self, h: Tensor, skip: Tensor, index: int) -> tuple[Tensor, Tensor]:
        """What an output block joins: the features below it and the skip connection."""
        ...


class Denoiser(FrameNetwork):
    """Predicts v of noisy video latents from keyframe latents, text and image tokens, fps."""

    def __init__(
        self,
        config: UNetConfig,
        *,
        operations: Operations = TORCH_OPERATIONS,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__(
            config,
            has_time_layers=True,
            has_image_tokens=True,
            operations=operations,
            dtype=dtype,
            device=device,
        )
        self.config = config
        base = config.model_channels

        self.time_embed = self._embedding_network()
        self.fps_embedding = self._embedding_network()
        self.input_blocks = nn.ModuleList([self._first_block(config.in_channels)])
        self.init_attn = nn.ModuleList(
            [
                TemporalTransformer(
                    base,
                    TransformerLayout(
                        config.init_attention_heads,
                        config.num_head_channels,
                        config.transformer_depth,
                        config.norm_groups,
                    ),
                    operations,
                    projects_by_convolution=True,
                    **self._factory,
                )
            ]
        )

        channels, skips = base, [base]
        for channels, encoder_block in self._encoder_blocks():
            self.input_blocks.append(encoder_block)
            skips.append(channels)

        self.middle_block = self._middle_block(channels)

        self.output_blocks = nn.ModuleList()
        for level, mult in reversed(list(enumerate(config.channel_mult))):
            for index in range(config.num_res_blocks + 1):
                block = [
                    self._res_block(channels + skips.pop(), base * mult),
                    *self._transformers(level),
                ]
                channels = base * mult
                if level and index == config.num_res_blocks:
                    block.append(Upsample(channels, operations, **self._factory))
                self.output_blocks.append(nn.ModuleList(block))

        self.out = nn.Sequential(
            operations.ActivatedGroupNorm(config.norm_groups, channels, eps=1e-5, **self._factory),
            nn.Identity(),  # the checkpoint counts the activation here
            operations.Conv2d(channels, config.out_channels, 3, padding=1, **self._factory),
        )

        self.keyframe_warp = keyframe_warp(
            config, channels, self._embed_dim, operations, **self._factory
        )

    @torch.no_grad()
    def init_weights(self, generator: torch.Generator) -> None:
        """Fill the network to train it from nothing, predicting zero; CPU ``generator``."""
        init_layers(self, generator)
        zero(self.out[-1])
        self.keyframe_warp.init_weights(generator)

    def prepare_context(self, context: Tensor, image_context: Tensor) -> PreparedContext:
        """Keys and values of text and image tokens for every layer; see ``forward``."""
        return PreparedContext(
            transformers=tuple(
                layer.prepare(context, image_context) for layer in self._spatial_transformers()
            ),
            num_frames=image_context.shape[1] if image_context.ndim == 4 else None,
        )

    def _spatial_transformers(self) -> Iterator[SpatialTransformer]:
        """In the order in which they run."""
        return (layer for layer in self.modules() if isinstance(layer, SpatialTransformer))

    def forward(
        self,
        x: Tensor,
        timesteps: Tensor,
        context: Tensor | PreparedContext,
        image_context: Tensor | None = None,
        fps: Tensor | None = None,
        control: Sequence[Tensor] | None = None,
        options: Options = None,
        hooks: BlockHooks | None = None,
    ) -> Tensor:
        """Predict v.

        Args:
            x: noisy latents and keyframe latents, b 8 t h w; h and w multiples of
                ``config.size_multiple``.
            timesteps: (b,), 0 to 999.
            context: text tokens, b l c, any number of them; or what ``prepare_context`` made of
                them and the image tokens.
            image_context: image tokens, b t l c with each frame's own, or b l c shared by all;
                None when they were prepared.
            fps: motion fps (b,); None takes ``config.default_fps``.
            control: residuals for the skip connections in the order of ``input_blocks``, the
                middle block's last, each (b t) c h w (SPEC section 10). A sketch encoder's
                ``Residuals`` also say what sketches show of the keyframes.
            options: handed to the attention untouched.
            hooks: called between blocks.

        Returns:
            b 4 t h w.
        """
        self._check(x, context, image_context)
        num_frames = x.shape[2]
        embedding = self._embedding(x, timesteps, fps)
        inputs = BlockInputs(
            embedding=embedding.repeat_interleave(num_frames, dim=0),
            num_frames=num_frames,
            contexts=(
                iter(context.transformers)
                if isinstance(context, PreparedContext)
                else itertools.repeat(context)
            ),
            image_context=image_context,
            options=options,
        )
        residuals = list(control) if control is not None else None

        motion = self.keyframe_warp.look(x)
        h = self.operations.arrange(rearrange(x, "b c t h w -> (b t) c h w"))
        skips = []
        for index, block in enumerate(self.input_blocks):
            h = run_block(block, h, inputs)
            if index == 0:
                h = motion.shown(h)
                h = run_block(self.init_attn, h, inputs)
            if hooks is not None:
                h = hooks.after_input(h, index)
            skips.append(h)
        h = run_block(self.middle_block, h, inputs)
        if residuals is not None:
            h = h + residuals.pop()
        for index, block in enumerate(self.output_blocks):
            skip = skips.pop()
            if residuals is not None:
                skip = skip + residuals.pop()
            if hooks is not None:
                h, skip = hooks.before_output(h, skip, index)
            h = run_block(block, torch.cat([h, skip], dim=1), inputs)
            del skip
        h = self.out[0](h)
        v = rearrange(self.out[2](h), "(b t) c h w -> b c t h w", t=num_frames)
        sketched = control.sketched if isinstance(control, Residuals) else None
        return motion.corrected(v, h, embedding, sketched)

    def _embedding(self, x: Tensor, timesteps: Tensor, fps: Tensor | None) -> Tensor:
        """Of the timesteps and the motion fps, b c."""
        if fps is None:
            fps = timesteps.new_full((x.shape[0],), self.config.default_fps)
        time = self.time_embed(self._embed(timesteps, x))
        return time + self.fps_embedding(self._embed(fps, x))

    def _check(
        self, x: Tensor, context: Tensor | PreparedContext, image_context: Tensor | None
    ) -> None:
        multiple = self.config.size_multiple
        if x.shape[3] % multiple or x.shape[4] % multiple:
            raise ValueError(
                f"The latents are {x.shape[4]}x{x.shape[3]} cells, but both sides must be "
                f"multiples of {multiple}. Fit the keyframes to such a size: "
                "ModelConfig.size_multiple has it in pixels."
            )
        if isinstance(context, PreparedContext):
            frames = context.num_frames
        elif image_context is None:
            raise ValueError("The denoiser needs image tokens besides the text tokens.")
        else:
            frames = image_context.shape[1] if image_context.ndim == 4 else None
        if frames not in (None, x.shape[2]):
            raise ValueError(
                f"The image tokens are for {frames} frames, the latents have "
                f"{x.shape[2]}. Build the conditioning for the same number of frames."
            )
