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
from .motion.sketch_matching import SketchMatches, SketchMatching


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
        if config.matches_keyframes:
            conv, channels = operations.Conv2d, config.model_channels
            self.matching = SketchMatching(
                channels, config.in_channels, operations, **self._factory
            )
            self.tell = conv(self.matching.num_told, channels, 3, padding=1, **self._factory)
            seen = channels + self.matching.num_told
            self.certainty = conv(seen, 1, 3, padding=1, **self._factory)

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
        if self.config.matches_keyframes:
            self.matching.init_weights(generator)

    def read_hints(self, hints: Tensor) -> Tensor:
        """Features n c h/8 w/8 of sketches n 1 h w, white lines on black in [0, 1].

        They do not depend on the timestep: once a run is enough. With ``matches_keyframes`` a
        channel more, 1 for sketches that show anything.
        """
        features = self.input_hint_block(self.operations.arrange(hints))
        if not self.config.matches_keyframes:
            return features
        shows = (hints.amax((1, 2, 3), keepdim=True) > 0).to(features)
        return torch.cat([features, shows.expand_as(features[:, :1])], dim=1)

    def forward(
        self,
        x: Tensor,
        hint_features: Tensor,
        timesteps: Tensor,
        context: Tensor,
        options: Options = None,
        keyframe_latents: Tensor | None = None,
    ) -> list[Tensor]:
        """Compute the residuals of a clip.

        Args:
            x: noisy latents b 4 t h w.
            hint_features: of ``read_hints``, t c h w and the same for every batch item, or
                (b t) c h w.
            timesteps: (b,).
            context: b l c, read by every frame; the text tokens, or all tokens (SPEC section 10).
            options: handed to the attention untouched.
            keyframe_latents: what the denoiser reads after the noisy latents, for an encoder with
                ``matches_keyframes``; the last two are the keyframes' own, in every frame.

        Returns:
            One residual for each of the denoiser's input blocks, then the middle block's; each
            (b t) c h w. What a frame gets depends on no other frame. With ``matches_keyframes``
            before them what ``models.sketched_frames`` takes.
            ``ValueError`` when the keyframes are needed and missing.
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
        residuals: list[Tensor] = []
        told = None
        if self.config.matches_keyframes:
            matches = self.match(hint_features, keyframe_latents, num_frames)
            told = rearrange(matches.told.to(x), "b c t h w -> (b t) c h w")
            hint_features, shows = hint_features[:, :-1], hint_features[:, -1:]
            seen = torch.cat([hint_features, told], dim=1)
            certainty = shows * self.certainty(seen).sigmoid()
            latents = rearrange(matches.latents.to(x), "b c t h w -> (b t) c h w")
            residuals.append(torch.cat([certainty * latents, certainty], dim=1))
        blocks = zip(self.input_blocks, self.zero_convs, strict=True)
        for index, (block, output) in enumerate(blocks):
            h = run_block(block, h, inputs)
            if index == 0:
                h = h + hint_features
                h = h if told is None else h + self.tell(told)
            residuals.append(output(h))
        h = run_block(self.middle_block, h, inputs)
        residuals.append(self.middle_block_out(h))
        return residuals

    def match(
        self, hint_features: Tensor, keyframe_latents: Tensor | None, num_frames: int
    ) -> SketchMatches:
        """What the sketches show of the keyframes; arguments and errors as ``forward``'s."""
        if keyframe_latents is None:
            raise ValueError(
                "This sketch encoder compares sketches with the keyframes: hand it the latents of "
                "both (keyframe_latents)."
            )
        channels, batch = self.config.in_channels, keyframe_latents.shape[0]
        first = keyframe_latents[:, -2 * channels : -channels, 0]
        last = keyframe_latents[:, -channels:, 0]
        if hint_features.shape[0] == num_frames:
            hint_features = repeat(hint_features, "t c h w -> (b t) c h w", b=batch)
        hints = hint_features[:, :-1].unflatten(0, (batch, num_frames))
        return self.matching(hints, first.to(hints), last.to(hints))
