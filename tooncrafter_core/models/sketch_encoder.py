"""The frame-independent sketch encoder (SPEC section 10).

Legend: b batch, t frames, n sketches, c channels, h w space, l tokens. Frames travel as a batch.
"""

import itertools
from collections.abc import Iterator

import torch
from einops import rearrange, repeat
from torch import Tensor, nn

from ..config.model import HINT_LAYERS, SketchEncoderConfig
from ..layers.operations import TORCH_OPERATIONS, Operations
from .attention import Options
from .denoiser_blocks import BlockInputs, FrameNetwork, run_block
from .initialization import init_layers, zero
from .motion.port import Residuals, sketch_motion


class SketchEncoder(FrameNetwork):
    """Turns sketches into residuals for the denoiser's skip connections, frame by frame."""

    def __init__(
        self,
        config: SketchEncoderConfig,
        *,
        operations: Operations = TORCH_OPERATIONS,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__(
            config,
            has_time_layers=False,
            has_image_tokens=False,
            operations=operations,
            dtype=dtype,
            device=device,
        )
        self.config = config
        channels = config.model_channels
        self.time_embed = self._embedding_network()
        self.input_hint_block = nn.Sequential(*self._hint_layers())
        self.input_blocks = nn.ModuleList([self._first_block(config.in_channels)])
        self.zero_convs = nn.ModuleList([self._output(channels)])
        for channels, block in self._encoder_blocks():
            self.input_blocks.append(block)
            self.zero_convs.append(self._output(channels))
        self.middle_block = self._middle_block(channels)
        self.middle_block_out = self._output(channels)
        self.motion = sketch_motion(config, operations, **self._factory)
        for name, layer in self.motion.layers().items():
            self.add_module(name, layer)

    def _hint_layers(self) -> Iterator[nn.Module]:
        conv = self.operations.Conv2d
        channels = self.config.hint_channels
        for width, stride in HINT_LAYERS:
            yield conv(channels, width, 3, stride=stride, padding=1, **self._factory)
            yield nn.SiLU()
            channels = width
        yield conv(channels, self.config.model_channels, 3, padding=1, **self._factory)

    def _output(self, channels: int) -> nn.Sequential:
        # Zero when training begins, hence the checkpoint's name for it.
        return nn.Sequential(self.operations.Conv2d(channels, channels, 1, **self._factory))

    @torch.no_grad()
    def init_weights(self, generator: torch.Generator) -> None:
        """Fill the network to train it from nothing, adding zero; CPU ``generator``."""
        init_layers(self, generator)
        zero(self.zero_convs, self.middle_block_out)
        self.motion.init_weights(generator)

    def read_hints(self, hints: Tensor) -> Tensor:
        """Features n c h/8 w/8 of sketches n 1 h w, white lines on black in [0, 1].

        They do not depend on the timestep: once a run is enough. An encoder that compares sketches
        with the keyframes gives a channel more, 1 for sketches that show anything.
        """
        features = self.input_hint_block(self.operations.arrange(hints))
        return self.motion.marked(features, hints)

    def forward(
        self,
        x: Tensor,
        hint_features: Tensor,
        timesteps: Tensor,
        context: Tensor,
        options: Options = None,
        keyframe_latents: Tensor | None = None,
    ) -> Residuals:
        """Compute the residuals of a clip.

        Args:
            x: noisy latents b 4 t h w.
            hint_features: of ``read_hints``, t c h w and the same for every batch item, or
                (b t) c h w.
            timesteps: (b,).
            context: b l c, read by every frame; the text tokens, or all tokens (SPEC section 10).
            options: handed to the attention untouched.
            keyframe_latents: what the denoiser reads after the noisy latents, for an encoder that
                compares sketches with the keyframes; ``ValueError`` when that misses them.

        Returns:
            Residuals for the denoiser's blocks. What a frame gets depends on no other frame.
        """
        batch, num_frames = x.shape[0], x.shape[2]
        embedding = self.time_embed(self._embed(timesteps, x))
        inputs = BlockInputs(
            embedding=embedding.repeat_interleave(num_frames, dim=0),
            num_frames=num_frames,
            contexts=itertools.repeat(context),
            image_context=None,
            options=options,
        )
        if hint_features.shape[0] == num_frames:
            hint_features = repeat(hint_features, "t c h w -> (b t) c h w", b=batch)

        h = self.operations.arrange(rearrange(x, "b c t h w -> (b t) c h w"))
        compared = self.motion.compare(hint_features, keyframe_latents, x)
        residuals: list[Tensor] = []
        blocks = zip(self.input_blocks, self.zero_convs, strict=True)
        for index, (block, output) in enumerate(blocks):
            h = run_block(block, h, inputs)
            if index == 0:
                h = h + compared.features
                h = h if compared.shown is None else h + compared.shown
            residuals.append(output(h))
        h = run_block(self.middle_block, h, inputs)
        residuals.append(self.middle_block_out(h))
        return Residuals(residuals, compared.sketched)
