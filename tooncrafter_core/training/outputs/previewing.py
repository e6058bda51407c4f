"""Draws clips between their true ends with the networks in training, through the pipeline."""

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor

from ...checkpoints.load import Models
from ...interpolation.pipeline import interpolate
from ...interpolation.settings import InterpolationSettings
from ...models.sketch_encoder import SketchEncoder
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
    models: Models,
    batch: Batch,
    settings: PreviewSettings,
    sketch_encoder: SketchEncoder | None = None,
) -> Tensor:
    """Videos ``b 3 t h w`` in [-1, 1] from the ends of the batch's, guided by its sketches."""
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
        layers = None if sketch_encoder is None else sketch_layers(batch, index)
        ends = video[index, :, 0], video[index, :, -1]
        drawn.append(
            interpolate(models, *ends, asked, sketches=layers, sketch_encoder=sketch_encoder)
        )
    return torch.cat(drawn).to(video)


def sketch_layers(batch: Batch, index: int) -> list[SketchLayer]:
    """The sketches of one clip of the batch, none when it has none."""
    frames = batch["has_sketch"][index].nonzero()[:, 0].tolist()
    if not frames:
        return []
    hints = rearrange(batch["sketches"][index][:, frames], "1 n h w -> n 1 h w")
    return [SketchLayer(hints=hints, frames=tuple(frames), strength=1.0)]
