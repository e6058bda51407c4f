"""Draws clips between their true ends with the networks in training, through the pipeline."""

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor

from ...interpolation.session import Session
from ...interpolation.settings import InterpolationSettings
from ...pictures.keyframes import Keyframes
from ...sketches.frames import SketchLayer
from ..stage import Batch

# b batch, c channels, t frames, h w space, n sketches


@dataclass(frozen=True, kw_only=True)
class PreviewSettings:
    """How sample sheets are drawn."""

    steps: int = 20
    guidance_scale: float = 7.5
    guidance_rescale: float = 0.7
    seed: int = 123


def draw_between(
    session: Session, batch: Batch, settings: PreviewSettings, with_sketches: bool = False
) -> Tensor:
    """Videos ``b 3 t h w`` in [-1, 1] from the ends of the batch's, along its sketches or not."""
    video = batch["video"]
    drawn = []
    for index in range(len(video)):
        asked = InterpolationSettings(
            prompt=batch["caption"][index],
            width=video.shape[4],
            height=video.shape[3],
            num_frames=video.shape[2],
            motion_fps=float(batch["fps"][index]),
            steps=settings.steps,
            guidance_scale=settings.guidance_scale,
            guidance_rescale=settings.guidance_rescale,
            seed=settings.seed,
            # Training sees the frames as they lie in the clip: nothing is cut twice.
            fit="stretch",
        )
        layers = sketch_layers(batch, index) if with_sketches else ()
        ends = Keyframes.at_ends(video[index, :, 0], video[index, :, -1])
        drawn.append(session.interpolate(ends, asked, sketches=layers))
    return torch.cat(drawn).to(video)


def sketch_layers(batch: Batch, index: int) -> list[SketchLayer]:
    """The sketches of one clip of the batch, none when it has none."""
    frames = batch["has_sketch"][index].nonzero()[:, 0].tolist()
    if not frames:
        return []
    hints = rearrange(batch["sketches"][index][:, frames], "1 n h w -> n 1 h w")
    return [SketchLayer(hints=hints, frames=tuple(frames), strength=1.0)]
