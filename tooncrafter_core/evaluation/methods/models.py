"""ToonCrafter itself as one of the methods: interpolation, and reconstruction by its autoencoder.

Legend: r references (2), t frames, c channels, h w space; values in [-1, 1].
"""

from collections.abc import Collection
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import torch
from einops import rearrange
from torch import Tensor

from ...checkpoints.weight_packages import describe_file
from ...interpolation.decoding import DecodePlan, decode_with_references
from ...interpolation.session import Session
from ...interpolation.settings import InterpolationSettings
from ...metrics.metric import Clip
from ...models.autoencoder.ablation import HAR, PARTS, WARP, only_parts, without_references
from ...models.autoencoder.autoencoder import references_from
from ...pictures.fitting import fit
from ...pictures.keyframes import Keyframes
from .guided import SketchGuide


class Interpolator:
    """A ToonCrafter checkpoint; its networks are loaded when the first clip needs them."""

    def __init__(
        self,
        name: str,
        checkpoint: Path,
        session: Session,
        settings: InterpolationSettings,
        has_plain_decoder: bool = False,
        guide: SketchGuide | None = None,
    ) -> None:
        """``has_plain_decoder`` decodes without references, as the paper's Table 3 does.

        ``guide`` shows it sketches of each clip.
        """
        self.name = name
        self.weights = (
            f"{describe_file(checkpoint)}; {settings.steps} steps, guidance "
            f"{settings.guidance_scale:g}, motion fps {settings.motion_fps:g}, seed {settings.seed}"
        )
        if has_plain_decoder:
            self.weights += "; decoded without references"
        if guide is not None:
            self.weights += f"; {guide.weights}, frames without one: {settings.sketch_missing}"
        self._guide = guide
        self._session = session
        self._settings = settings
        self._has_plain_decoder = has_plain_decoder

    @torch.no_grad()
    def __call__(self, first: Tensor, last: Tensor, num_frames: int, clip: Clip) -> Tensor:
        """See ``Peer``; the clip's prompt is the model's."""
        settings = replace(
            self._settings, prompt=clip.prompt, num_frames=num_frames,
            width=first.shape[-1], height=first.shape[-2],
        )  # fmt: skip
        keyframes, sketches = Keyframes.at_ends(first, last), ()
        session = self._session
        if self._guide is not None:
            session = Session.of(session.models, self._guide.encoder)
            sketches = self._guide.layers(clip, settings.width, settings.height)
        autoencoder = session.models.autoencoder
        with without_references(autoencoder) if self._has_plain_decoder else nullcontext():
            video = session.interpolate(keyframes, settings, sketches=sketches)
        return rearrange(video, "1 c t h w -> t c h w").float().cpu()


class Reconstructor:
    """The autoencoder: every frame encoded, decoded with the first and last as references."""

    def __init__(
        self, name: str, weights: str, session: Session, parts: Collection[str] = PARTS
    ) -> None:
        """``parts`` are those of ``ablation.PARTS`` that stay on."""
        self.name = name
        self.weights = weights
        self._session = session
        self._parts = parts

    @torch.no_grad()
    def reconstruct(self, frames: Tensor) -> Tensor:
        """``t 3 h w`` through the autoencoder and back, by the posterior's mean."""
        models = self._session.models
        autoencoder = models.autoencoder
        height, width = frames.shape[-2:]
        fitted, placement = fit(
            frames, width, height, "crop", models.config.autoencoder.downsampling
        )
        home = next(autoencoder.parameters())
        posteriors = [autoencoder.encode(frame[None].to(home)) for frame in fitted]
        latents = rearrange(torch.cat([p.mean for p in posteriors]), "t c h w -> 1 c t h w")
        pairs = zip(posteriors[0].features, posteriors[-1].features, strict=True)
        references = references_from([torch.cat(pair) for pair in pairs])
        with only_parts(autoencoder, self._parts):
            plan = DecodePlan(second_pass=False)
            video = decode_with_references(autoencoder, latents, references, plan)
        return placement.restore(rearrange(video, "1 c t h w -> t c h w").float().cpu())


def variants(name: str, checkpoint: Path, session: Session) -> list[Reconstructor]:
    """The rows of Table 4 that one checkpoint can show, with its parts switched off in turn."""
    weights = describe_file(checkpoint)
    return [
        Reconstructor(name, weights, session),
        Reconstructor(f"{name}, without P3D", f"{weights}; P3D off", session, (HAR, WARP)),
        Reconstructor(f"{name}, without HAR and P3D", f"{weights}; both off", session, ()),
    ]
