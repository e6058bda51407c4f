"""Sketches that guide the denoiser step by step, without ComfyUI (SPEC section 10).

Legend: b batch, t frames, n sketches, l tokens, c channels, h w space.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, get_args

import torch
from einops import rearrange
from torch import Tensor

from ..checkpoints.detect import detect_sketch_encoder
from ..checkpoints.files.read import Checkpoint
from ..checkpoints.keys import Component
from ..checkpoints.load import load_component
from ..config.model import SketchEncoderConfig, UNetConfig
from ..errors import ModelMismatchError
from ..models.motion.port import Residuals
from ..models.sketch_encoder import SketchEncoder
from ..pictures.fitting import FitMode
from .frames import MissingMode, SketchLayer, gather_hint_features, plan_frames, scale_residuals
from .hints import fit_hints

TokensRead = Literal["text", "all"]
"""Which tokens the sketch encoder attends to; not documented for the published weights."""

TOKENS_READ: tuple[TokensRead, ...] = get_args(TokensRead)

_SHARED_SIZES = ("context_dim", "model_channels", "channel_mult", "num_res_blocks")
"""Sizes that a sketch encoder has in common with the denoiser that it guides."""


class SketchGuidance:
    """A sketch encoder bound to the sketches of one clip, for one sampling run.

    What does not depend on the step is computed once, here: the features of every hint, and those
    of the empty hint that frames without a sketch share.
    """

    def __init__(
        self,
        encoder: SketchEncoder,
        layers: Sequence[SketchLayer],
        *,
        num_timesteps: int,
        tokens: TokensRead = "text",
        missing: MissingMode = "empty",
    ) -> None:
        """Bind sketches whose hints have the clip's size; see ``fit_sketches``."""
        self._encoder, self._layers = encoder, tuple(layers)
        self._num_timesteps = num_timesteps
        self._tokens: TokensRead = tokens
        self._missing: MissingMode = missing
        weight = next(encoder.parameters())
        self._home = {"device": weight.device, "dtype": weight.dtype}
        hints = [layer.hints.to(**self._home) for layer in self._layers]
        self._features = [encoder.read_hints(hint) for hint in hints]
        self._empty = encoder.read_hints(torch.zeros_like(hints[0][:1]))

    def residuals(
        self,
        z: Tensor,
        timestep: int,
        text: Tensor,
        image_tokens: Tensor,
        keyframe_latents: Tensor,
    ) -> Residuals | None:
        """What the denoiser adds at this step, ``(b t) c h w``; None when no sketch is active.

        ``z`` is ``b 4 t h w``. The rest is the condition that ``z`` is denoised for; several
        conditions joined to a longer batch take one pass of the encoder.
        """
        percent = percent_done(timestep, self._num_timesteps)
        plan = plan_frames(self._layers, z.shape[2], percent, self._missing)
        if plan is None:
            return None
        features = gather_hint_features(self._features, self._empty, plan)
        context = encoder_context(text, image_tokens, self._tokens).to(**self._home)
        timesteps = torch.full(z.shape[:1], timestep, device=self._home["device"])
        residuals = self._encoder(
            z.to(**self._home),
            features,
            timesteps,
            context,
            keyframe_latents=keyframe_latents.to(**self._home),
        )
        return scale_residuals(residuals, plan).changed(lambda residual: residual.to(z))


def percent_done(timestep: float, num_timesteps: int) -> float:
    """How much of sampling is done when a timestep is reached: 0 at the first, 1 at the last."""
    return 1 - timestep / (num_timesteps - 1)


def encoder_context(text: Tensor, image_tokens: Tensor, tokens: TokensRead) -> Tensor:
    """What the sketch encoder attends to, ``b l c``: the text, or image tokens after it.

    ``image_tokens`` is ``b t l c`` or ``b l c``; every frame reads those of all frames.
    """
    if tokens == "text":
        return text
    if image_tokens.ndim == 4:
        image_tokens = rearrange(image_tokens, "b t l c -> b (t l) c")
    return torch.cat([text, image_tokens.to(text)], dim=1)


def fit_sketches(
    layers: Sequence[SketchLayer], width: int, height: int, fit: FitMode, multiple: int
) -> list[SketchLayer]:
    """The same sketches at the size that the model draws, brought to it as the keyframes are."""
    return [
        replace(layer, hints=fit_hints(layer.hints, width, height, fit, multiple)[0])
        for layer in layers
    ]


def check_sketch_encoder(encoder: SketchEncoderConfig, denoiser: UNetConfig) -> None:
    """``ModelMismatchError`` when a sketch encoder was made for a denoiser of other sizes."""
    for name in _SHARED_SIZES:
        found, needed = getattr(encoder, name), getattr(denoiser, name)
        if found != needed:
            what = {"context_dim": "reads text tokens of width"}.get(name, f"has {name}")
            raise ModelMismatchError(
                f"The sketch encoder belongs to another model: it {what} {found}, the denoiser has "
                f"{needed}. Load the sketch encoder that was made for this ToonCrafter."
            )
    if encoder.matches_keyframes and not denoiser.warps_keyframes:
        raise ModelMismatchError(
            "The sketch encoder compares sketches with the keyframes for a denoiser that moves "
            "them (warps_keyframes), which this one does not. Load the sketch encoder that was "
            "made for this ToonCrafter."
        )


def load_sketch_encoder(
    checkpoint: Checkpoint,
    *,
    dtype: torch.dtype | None = None,
    device: torch.device | str = "cpu",
) -> SketchEncoder:
    """Build the network of a sketch encoder's file, frozen; strict.

    ``CheckpointError`` when the file is something else or does not fit. SPEC section 10.
    """
    encoder = SketchEncoder(detect_sketch_encoder(checkpoint), dtype=dtype, device="meta")
    component = Component.SKETCH_ENCODER
    load_component(encoder, checkpoint, component, dtype=dtype, device=device)
    return encoder.eval().requires_grad_(False)
