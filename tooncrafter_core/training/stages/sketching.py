"""Stage ``sketch``: trains the sketch encoder through a frozen denoiser (PAPER.md, stage 3).

Legend: b batch, t frames, c channels, h w space.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from einops import rearrange
from torch import Tensor

from ...checkpoints.keys import Component
from ...checkpoints.load import Models
from ...conditioning.condition import Condition
from ...errors import TrainingError
from ...interpolation.session import Session
from ...models.motion.port import Residuals
from ...models.sketch_encoder import SketchEncoder
from ...sketches.guidance import TOKENS_READ, TokensRead, check_sketch_encoder, encoder_context
from ..groups import Group
from ..outputs.previewing import PreviewSettings, draw_between
from ..stage import Batch
from .denoising import DenoisingSettings, DenoisingStage


@dataclass(kw_only=True)
class SketchSettings(DenoisingSettings):
    """Settings of the stage ``sketch``, besides those of every run."""

    tokens: str = "text"
    """What the encoder reads besides sketches, ``text`` or ``all`` tokens: unsettled for the
    published weights (SPEC section 10)."""
    matching: float = 0.0
    """Weight of the matching error of an encoder with ``matches_keyframes``: the distance of the
    keyframe latents it finds for a sketch from the frame's own. It trains the matching directly,
    before the denoiser makes use of it."""


class SketchStage(DenoisingStage):
    """Learns to guide each frame by its sketch; frames without one have an empty hint."""

    sketch_encoder: SketchEncoder

    def __init__(
        self,
        models: Models,
        sketch_encoder: SketchEncoder,
        settings: SketchSettings,
        learn: tuple[Group, ...],
        preview: PreviewSettings,
    ) -> None:
        """``ModelMismatchError`` when the encoder was made for another denoiser."""
        check_sketch_encoder(sketch_encoder.config, models.config.unet)
        if settings.tokens not in TOKENS_READ:
            raise TrainingError(
                f"stage.tokens is one of {', '.join(TOKENS_READ)}; not '{settings.tokens}'."
            )
        super().__init__(
            models, settings, learn, preview, {Component.SKETCH_ENCODER: sketch_encoder}
        )
        if settings.matching < 0 or (
            settings.matching and not sketch_encoder.config.matches_keyframes
        ):
            raise TrainingError(
                "stage.matching is 0 or more, and more only for a sketch encoder that compares "
                f"sketches with the keyframes; not {settings.matching:g}."
            )
        self.tokens: TokensRead = cast(TokensRead, settings.tokens)
        self._matching = settings.matching
        self._hint_features: Tensor | None = None

    def preview(self, batch: Batch) -> Mapping[str, Tensor]:
        """The true frames, the sketches, and what is drawn along them and without them."""
        session = Session.of(self.models, self.sketch_encoder)
        drawn = draw_between(session, batch, self.preview_settings, with_sketches=True)
        alone = draw_between(session, batch, self.preview_settings)
        sketches = (batch["sketches"] * 2 - 1).expand(-1, 3, -1, -1, -1)
        return {"true": batch["video"], "sketches": sketches, "drawn": drawn, "alone": alone}

    def _residuals(
        self, batch: Batch, noisy: Tensor, timesteps: Tensor, condition: Condition
    ) -> Residuals:
        """The residuals of the sketches for the denoiser."""
        hints = rearrange(batch["sketches"], "b 1 t h w -> (b t) 1 h w")
        self._hint_features = self.sketch_encoder.read_hints(hints)
        return self.sketch_encoder(
            noisy,
            self._hint_features,
            timesteps,
            encoder_context(condition.text, condition.image_tokens, self.tokens),
            keyframe_latents=condition.keyframe_latents,
        )

    def _further_losses(
        self, batch: Batch, clean: Tensor, condition: Condition
    ) -> Mapping[str, Tensor]:
        """``matching``: the distance of latents matched to a sketch from the frame's latents."""
        features, self._hint_features = self._hint_features, None
        if not self._matching or features is None:
            return {}
        motion, num_frames = self.sketch_encoder.motion, clean.shape[2]
        found = motion.match(features, condition.keyframe_latents, num_frames)
        if found is None:
            return {}
        has_sketch = rearrange(batch["has_sketch"], "b t -> b 1 t 1 1").expand_as(clean)
        apart = (found.latents - clean).abs() * has_sketch
        return {"matching": self._matching * apart.sum() / has_sketch.sum().clamp(min=1)}
