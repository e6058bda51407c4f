"""Training the denoiser and the projector: the stages ``base`` and ``rectify``.

Legend: b batch, t frames, c channels, h w space, l tokens.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import cast

import torch
from einops import rearrange
from torch import Tensor, nn

from ...checkpoints.keys import Component
from ...checkpoints.load import Models
from ...conditioning.build import frame_image_tokens, place_keyframes
from ...conditioning.condition import Condition
from ...diffusion.schedule import make_schedule
from ...diffusion.training import training_pair
from ...errors import TrainingError
from ...interpolation.loading import require_encoders
from ...interpolation.session import Session
from ...models.autoencoder.autoencoder import Autoencoder
from ...models.clip.encoders import ImageEncoder
from ...models.motion.port import Residuals
from ..groups import Group
from ..inputs.draws import Draws
from ..inputs.encoding import EncodedClips, TextCache, encoded_clips
from ..outputs.previewing import PreviewSettings, draw_between
from ..stage import Batch, Losses, Stage
from ..start.lora import LoraAdapters
from .bypass import without_temporal_layers

ERRORS = ("squared", "absolute")


@dataclass(kw_only=True)
class DenoisingSettings:
    """Settings of the stages ``base`` and ``rectify``, besides those of every run."""

    condition_dropout: float = 0.05
    """Share of clips without text, share without picture, and share without both: each is this
    number. PAPER.md gives the number, not how it is divided."""
    bypass_temporal: bool = False
    """Leave the temporal layers out in training; Table 3, variant III."""
    last_timestep: float = 0.0
    """Share of clips trained at the last timestep, where the input is pure noise. There a small
    model decides what goes where; see the recipes."""
    last_error: str = "squared"
    """Error of those clips: ``squared``, as elsewhere, or ``absolute``. If something may be in two
    places, the squared error leads to both faintly, the absolute one to the likelier place."""


class DenoisingStage(Stage):
    """Predicts v of noisy clips, conditioned on their ends, as in sampling (SPEC section 9)."""

    denoiser: torch.nn.Module
    projector: torch.nn.Module

    def __init__(
        self,
        models: Models,
        settings: DenoisingSettings,
        learn: tuple[Group, ...],
        preview: PreviewSettings,
        others: Mapping[Component, torch.nn.Module] | None = None,
    ) -> None:
        """``others`` are networks besides the models'.

        ``CheckpointError`` when the models have no text or image encoder, ``TrainingError`` for a
        share outside its range.
        """
        if not 0 <= settings.condition_dropout <= 1 / 3:
            raise TrainingError(
                "stage.condition_dropout lies between 0 and 1/3, as it is dealt out three times; "
                f"not {settings.condition_dropout:g}."
            )
        if not 0 <= settings.last_timestep <= 1 or settings.last_error not in ERRORS:
            raise TrainingError(
                "stage.last_timestep lies between 0 and 1 and stage.last_error is one of "
                f"{', '.join(ERRORS)}; not {settings.last_timestep:g} and '{settings.last_error}'."
            )
        text_encoder, image_encoder = require_encoders(models)
        super().__init__(
            {
                Component.DENOISER: models.denoiser,
                Component.PROJECTOR: models.projector,
                Component.AUTOENCODER: models.autoencoder,
                Component.TEXT_ENCODER: text_encoder,
                Component.IMAGE_ENCODER: image_encoder,
                **(others or {}),
            },
            learn,
        )
        self.models, self.settings, self.preview_settings = models, settings, preview
        self._schedule = make_schedule(models.config.diffusion)
        self._read_texts = TextCache(text_encoder)
        self._grey: Tensor | None = None

    def learners(self, player: str) -> Iterator[tuple[str, nn.Parameter]]:
        """The parameters of the groups that learn, or the LoRA products instead."""
        adapters = self._modules.get("lora")
        if isinstance(adapters, LoraAdapters):
            yield from adapters.learners()
        else:
            yield from super().learners(player)

    def learn_only(self, adapters: LoraAdapters) -> None:
        """Freeze every weight; only the LoRA products learn from now on."""
        self.requires_grad_(False)
        self.lora = adapters.requires_grad_(True)

    def forward(self, player: str, batch: Batch, step: int) -> Losses:
        """Mean squared error of v; ``mse`` is the same for the log."""
        draws = Draws(batch["seeds"])
        clips = self.encode(batch)
        clean = clips.sample(draws, self.models.config.diffusion.latent_scale)
        timesteps = self._timesteps(draws).to(clean.device)
        noise = draws.normal(*clean.shape[1:]).to(clean)
        pair = training_pair(self._schedule, clean, noise, timesteps)
        condition = self._condition(batch, clips, clean, draws.uniform())
        with self._mode():
            v = self._predict(batch, pair.noisy, timesteps, condition)
        difference = (v.float() - pair.target).flatten(1)
        squared = difference.square().mean(1)
        losses = squared
        if self.settings.last_error == "absolute":
            is_last = timesteps == self._schedule.num_timesteps - 1
            losses = torch.where(is_last, difference.abs().mean(1), squared)
        further = self._further_losses(batch, clean, condition)
        logged = {"mse": squared.mean(), **further}
        return Losses(
            total=losses.mean() + sum(further.values()),
            parts={name: value.detach() for name, value in logged.items()},
        )

    def preview(self, batch: Batch) -> Mapping[str, Tensor]:
        """The true frames, and those that the pipeline draws between their ends."""
        drawn = draw_between(Session.of(self.models), batch, self.preview_settings)
        return {"true": batch["video"], "drawn": drawn}

    def _predict(
        self, batch: Batch, noisy: Tensor, timesteps: Tensor, condition: Condition
    ) -> Tensor:
        """The denoiser's v, ``b 4 t h w``."""
        return self.denoiser(
            torch.cat([noisy, condition.keyframe_latents], dim=1),
            timesteps,
            condition.text,
            condition.image_tokens,
            condition.motion_fps,
            control=self._residuals(batch, noisy, timesteps, condition),
        )

    def _residuals(
        self, batch: Batch, noisy: Tensor, timesteps: Tensor, condition: Condition
    ) -> Residuals | None:
        """Residuals for the denoiser's skip connections; none here."""
        return None

    def _further_losses(
        self, batch: Batch, clean: Tensor, condition: Condition
    ) -> Mapping[str, Tensor]:
        """Losses besides that of v, by name; none here."""
        return {}

    def encode(self, batch: Batch) -> EncodedClips:
        """The batch's video encoded by the frozen networks, unless it is prepared already."""
        return encoded_clips(
            batch, cast(Autoencoder, self.autoencoder), cast(ImageEncoder, self.image_encoder)
        )

    def _timesteps(self, draws: Draws) -> Tensor:
        """One for each clip, ``b``."""
        timesteps = draws.integers(self._schedule.num_timesteps)
        if self.settings.last_timestep:
            is_last = draws.uniform() < self.settings.last_timestep
            timesteps = timesteps.masked_fill(is_last, self._schedule.num_timesteps - 1)
        return timesteps

    def _mode(self) -> AbstractContextManager[None]:
        if self.settings.bypass_temporal:
            return without_temporal_layers(self.denoiser)
        return nullcontext()

    def _condition(
        self, batch: Batch, clips: EncodedClips, clean: Tensor, chance: Tensor
    ) -> Condition:
        """The denoiser's condition; ``chance`` ``b`` in [0, 1) decides what is left out.

        The keyframe latents are those of the clip, and never left out (SPEC section 7).
        """
        share = self.settings.condition_dropout
        without_text = (chance < 2 * share).tolist()
        without_image = ((chance >= share) & (chance < 3 * share)).to(clean.device)
        captions = zip(batch["caption"], without_text, strict=True)
        embedding = torch.where(
            rearrange(without_image, "b -> b 1 1"), self._grey_embedding(), clips.image_embedding
        )
        tokens = self.projector(embedding.to(next(self.projector.parameters()).dtype))
        num_queries = self.models.config.resampler.num_queries
        return Condition(
            text=self._read_texts(["" if dropped else text for text, dropped in captions]).to(
                clean
            ),
            image_tokens=frame_image_tokens(tokens, num_queries, clean.shape[2]),
            keyframe_latents=place_keyframes(
                clean[:, :, [0, -1]], clean.shape[2], self.models.config.unet
            ),
            motion_fps=batch["fps"].float(),
        )

    @torch.no_grad()
    def _grey_embedding(self) -> Tensor:
        """The image encoder's tokens of no picture, ``1 l c``: the same in every step."""
        encoder = cast(ImageEncoder, self.image_encoder)
        home = next(encoder.parameters())
        if self._grey is None or self._grey.device != home.device:
            grey = torch.zeros(1, 3, 224, 224, device=home.device)
            self._grey = encoder.encode(grey).float()
        return self._grey
