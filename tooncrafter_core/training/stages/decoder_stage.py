"""Stage ``decoder``: trains the dual-reference decoder to keep the keyframes' detail (PAPER).

The encoder is frozen. The decoder begins with the weights of the plain image decoder, which are a
part of its own. The loss is L1, LPIPS and a critic whose weight adapts to them (Esser et al.,
"Taming Transformers", CVPR 2021).

Legend: b batch, n images, r references (2), c channels, t frames, h w space.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from typing import cast

import torch
from einops import rearrange
from torch import Tensor, nn

from ...checkpoints.keys import COMPONENT_KEYS, Component
from ...checkpoints.load import Models
from ...interpolation.loading import require_encoders
from ...models.autoencoder.ablation import OF_PARTS, P3D, PARTS, only_parts
from ...models.autoencoder.autoencoder import Autoencoder, references_from
from ...models.motion.port import WarpListener
from ..groups import Group
from ..inputs.drawing import TrueEnds, drawn_latents
from ..inputs.draws import Draws
from ..inputs.windows import Window, cut_windows, moving_windows
from ..losses.chosen import chosen_loss
from ..losses.discriminator import PatchDiscriminator, adaptive_weight, critic_loss, generator_loss
from ..losses.moved import drawn_loss, moved_loss
from ..losses.reconstruction import ReconstructionLoss, mean_psnr
from ..stage import Batch, Losses, Stage
from .autoencoder_stage import UNUSED
from .decoder_settings import DecoderSettings, check_parts, check_settings, check_warp_losses

MODEL, CRITIC = "model", "critic"
DRAWING = (Group.SPATIAL, Group.TEMPORAL, Group.PROJECTOR, Group.OTHER)
"""Groups of the networks that draw latents."""


class DecoderStage(Stage):
    """Learns to decode clips with the features of their first and last frames."""

    autoencoder: Autoencoder

    def __init__(
        self,
        models: Models,
        settings: DecoderSettings,
        learn: tuple[Group, ...] = (Group.DECODER,),
        seed: int = 0,
    ) -> None:
        """``seed`` is for the critic's first weights. Errors as ``ReconstructionLoss``."""
        check_parts(settings.parts)
        self._left_out = [OF_PARTS[part] for part in PARTS if part not in settings.parts]
        super().__init__(_networks(models, settings), learn)
        self._draws_to_learn = any(group in DRAWING for group in learn)
        check_settings(settings, self._draws_to_learn, models.config.autoencoder.downsampling)
        self.models, self.settings = models, settings
        # Permanently: recomputed activations and the published file must be without them, too.
        self._without = ExitStack()
        self._without.enter_context(only_parts(self.autoencoder, settings.parts))
        self.loss = ReconstructionLoss(settings)
        if settings.critic:
            self.players = (MODEL, CRITIC)
            self.critic = PatchDiscriminator(settings.critic_channels)
            self.critic.init_weights(torch.Generator().manual_seed(seed))
        self._decoded: Tensor | None = None
        check_warp_losses(settings, self.autoencoder.decoder.warp is not None)

    def learners(self, player: str) -> Iterator[tuple[str, nn.Parameter]]:
        """The decoder's weights that are used; the critic's."""
        if player == CRITIC:
            for name, parameter in self.critic.named_parameters():
                yield f"{CRITIC}.{name}", parameter
            return
        prefix = COMPONENT_KEYS[Component.AUTOENCODER].prefix
        for key, parameter in super().learners(player):
            own = key.removeprefix(prefix)
            if not (own.startswith(UNUSED) or any(of.search(own) for of in self._left_out)):
                yield key, parameter

    def forward(self, player: str, batch: Batch, step: int) -> Losses:
        """See ``Stage``; the critic judges what the decoder made in its turn."""
        draws = Draws(batch["seeds"])
        whole = cast(Tensor, batch["video"])
        windows = self._windows(whole, draws)
        video = cut_windows(whole, windows)
        truth = rearrange(video, "b c t h w -> (b t) c h w")
        if player == CRITIC:
            return self._judge(truth)
        heard = self._listener()
        decoded = self._decode(batch, video, windows, draws, heard)
        total, parts = self.loss(decoded, truth, step)
        if heard.flows and heard.drawn:
            alone = {
                "moved": moved_loss(heard.flows, video),
                "drawn": drawn_loss(heard.drawn, video),
            }
            parts |= {name: value.detach() for name, value in alone.items()}
            total = total + self.settings.moved * sum(alone.values())
        if heard.chosen and self.loss.distance is not None:
            expected = chosen_loss(heard.chosen, video, self.loss.distance)
            parts["chosen"] = expected.detach()
            total = total + self.settings.chosen * expected
        parts["psnr"] = mean_psnr(decoded.detach(), truth)
        if self.settings.critic:
            self._decoded = decoded.detach()
            if step >= self.settings.critic_from:
                judged = generator_loss(self.critic(decoded))
                decoder = self.autoencoder.decoder
                last = decoder.time_mix if P3D in self.settings.parts else decoder.conv_out
                weight = adaptive_weight(total, judged, cast(Tensor, last.weight))
                parts |= {"generator": judged.detach(), "critic_weight": weight}
                total = total + self.settings.critic * weight * judged
        return Losses(total=total, parts=parts)

    def preview(self, batch: Batch) -> Mapping[str, Tensor]:
        """The true frames, and those decoded with and without references."""
        video = cast(Tensor, batch["video"])
        mean, _ = self._encode(video)
        references = self._references(video)
        with_references = self.autoencoder.decode(mean, references, chunk=video.shape[2])
        plain = self.autoencoder.decode(mean, None, chunk=video.shape[2])
        rows = {
            "true": video,
            "decoded": with_references.float().clamp(-1, 1),
            "without references": plain.float().clamp(-1, 1),
        }
        if self.settings.drawn:
            drawn = self._draw(batch, list(range(len(video)))).to(video)
            decoded = self.autoencoder.decode(drawn, references, chunk=video.shape[2])
            rows["drawn and decoded"] = decoded.float().clamp(-1, 1)
        return rows

    def _listener(self) -> WarpListener:
        """Keeps what the losses read of the warp, clip by clip."""
        keeps_motion = bool(self.settings.moved)
        return WarpListener(
            flows=[] if keeps_motion else None,
            drawn=[] if keeps_motion else None,
            chosen=[] if self.settings.chosen else None,
        )

    def _judge(self, truth: Tensor) -> Losses:
        if self._decoded is None:
            raise RuntimeError("The critic's turn comes after the model's on the same batch.")
        of_true, of_decoded = self.critic(truth), self.critic(self._decoded)
        self._decoded = None
        loss = critic_loss(of_true, of_decoded)
        return Losses(
            total=loss,
            parts={
                "critic": loss.detach(),
                "of_true": of_true.detach().mean(),
                "of_decoded": of_decoded.detach().mean(),
            },
        )

    def _windows(self, video: Tensor, draws: Draws) -> list[Window]:
        cell = self.models.config.autoencoder.downsampling
        return moving_windows(
            video, self.settings.crop_width, self.settings.crop_height, cell, draws
        )

    def _decode(
        self,
        batch: Batch,
        video: Tensor,
        windows: list[Window],
        draws: Draws,
        listener: WarpListener,
    ) -> Tensor:
        """Frames ``(b t) 3 h w`` decoded from samples of their posterior, or from drawn latents.

        ``video`` is the part of the batch inside the windows.
        """
        if self.settings.drawn == 1:
            latents = self._drawn_windows(batch, windows, range(len(windows)))
        else:
            mean, deviation = self._encode(video)
            latents = mean + deviation * draws.normal(*mean.shape[1:]).to(mean)
            if self.settings.drawn:
                chosen = (draws.uniform() < self.settings.drawn).nonzero()[:, 0]
                if len(chosen):
                    drawn = self._drawn_windows(batch, windows, chosen.tolist())
                    latents = latents.index_copy(0, chosen.to(latents.device), drawn.to(latents))
        references = self._references(video)
        frames = video.shape[2]
        decoded = self.autoencoder.decode(latents, references, frames, listener)
        return rearrange(decoded, "b c t h w -> (b t) c h w").to(video)

    def _drawn_windows(
        self, batch: Batch, windows: Sequence[Window], chosen: Sequence[int]
    ) -> Tensor:
        """The windows of the latents drawn for the chosen clips, ``b 4 t h w``."""
        cell = self.models.config.autoencoder.downsampling
        drawn = self._draw(batch, chosen)
        return cut_windows(drawn, [windows[i].in_cells(cell) for i in chosen]).to(batch["video"])

    def _draw(self, batch: Batch, chosen: Sequence[int]) -> Tensor:
        """Latents that the denoiser draws between the ends of the chosen clips, ``b 4 t h w``."""
        chosen = list(chosen)
        video = cast(Tensor, batch["video"])[chosen]
        with torch.no_grad():
            ends = rearrange(video[:, :, [0, -1]], "b c r h w -> (b r) c h w")
            means = self.autoencoder.encode(ends).mean
        with nullcontext() if self._draws_to_learn else torch.no_grad():
            clips = zip(
                video[:, :, 0],
                rearrange(means, "(b r) c h w -> b c r h w", r=2).float(),
                batch["fps"][chosen].tolist(),
                batch["seeds"][chosen].tolist(),
                strict=True,
            )
            drawn = [TrueEnds(*clip) for clip in clips]
            return drawn_latents(self.models, drawn, video.shape[2], self.settings.drawn_steps)

    @torch.no_grad()
    def _encode(self, video: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and deviation of the latents ``b 4 t h w``."""
        batch, frames = video.shape[0], rearrange(video, "b c t h w -> (b t) c h w")
        parts = [
            self.autoencoder.encode(some)[:2] for some in frames.split(self.settings.encode_chunk)
        ]
        mean, log_variance = (
            rearrange(torch.cat(values), "(b t) c h w -> b c t h w", b=batch).to(video)
            for values in zip(*parts, strict=True)
        )
        return mean, torch.exp(0.5 * log_variance)

    @torch.no_grad()
    def _references(self, video: Tensor) -> list[Tensor]:
        """The references of the ends of ``b 3 t h w``."""
        ends = rearrange(video[:, :, [0, -1]], "b c r h w -> (b r) c h w")
        return references_from(self.autoencoder.encode(ends).features, video.shape[0])


def _networks(models: Models, settings: DecoderSettings) -> dict[Component, nn.Module]:
    """The networks a run needs; denoiser and projector only if some latents are drawn."""
    networks: dict[Component, nn.Module] = {Component.AUTOENCODER: models.autoencoder}
    if settings.drawn:
        text_encoder, image_encoder = require_encoders(models)
        networks |= {
            Component.DENOISER: models.denoiser,
            Component.PROJECTOR: models.projector,
            Component.TEXT_ENCODER: text_encoder,
            Component.IMAGE_ENCODER: image_encoder,
        }
    return networks
