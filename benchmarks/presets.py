"""What the approximate ways of drawing cost in quality, on the mini model, which is trained.

    python dev.py bench presets [--clips 6] [--out FILE]

Drawn clips that no training has seen, 256x160, 16 frames; both ends are keyframes. Each way is
compared with the true frames between (LPIPS, PSNR) and with what the exact way of the same guidance
draws (PSNR). Guidance is the published 7.5, and 1, for which the mini model is made; predictions of
the denoiser count the work.
"""

import sys
from copy import deepcopy
from dataclasses import replace
from functools import cache
from statistics import mean
from typing import Any, NamedTuple

import torch
from einops import rearrange
from torch import Tensor

from benchmarks._learned import psnr
from benchmarks._results import Report, clip_options
from tooncrafter_core.checkpoints.files.read import Checkpoint, read_checkpoint
from tooncrafter_core.checkpoints.load import Models, build_models
from tooncrafter_core.config.embedded import MINI, embedded_file, mini_absent
from tooncrafter_core.data.procedural import render_clip
from tooncrafter_core.interpolation.pipeline import interpolate
from tooncrafter_core.interpolation.settings import SPEED_PRESETS, InterpolationSettings
from tooncrafter_core.metrics.perceptual import PerceptualDistance, load_perceptual_distance
from tooncrafter_core.pictures.keyframes import Keyframes
from tooncrafter_core.pictures.levels import from_levels

CPU = torch.device("cpu")
WIDTH, HEIGHT, FRAMES = 256, 160, 16
FIRST_SEED = 500_000_000
"""Seeds of clips that are measured and never used for training."""
GUIDED, UNGUIDED = {"guidance_scale": 7.5}, {"guidance_scale": 1.0}


class Way(NamedTuple):
    """Of drawing a clip."""

    predictions: int
    """Of the denoiser: the work."""
    settings: dict[str, Any]
    has_fp8_weights: bool = False
    """Rounded to fp8_e4m3fn, arithmetic in float32."""


WAYS = {
    "50 steps": Way(100, GUIDED),
    "fast: dpmpp_2m, 25 steps": Way(50, GUIDED | SPEED_PRESETS["fast"]),
    "draft: dpmpp_2m, 12 steps": Way(24, GUIDED | SPEED_PRESETS["draft"]),
    "50 steps, guidance to 0.6": Way(81, GUIDED | {"guidance_end": 0.6}),
    "50 steps, fp8 weights": Way(100, GUIDED, has_fp8_weights=True),
    "50 steps, guidance 1": Way(50, UNGUIDED),
    "fast, guidance 1": Way(25, UNGUIDED | SPEED_PRESETS["fast"]),
    "draft, guidance 1": Way(12, UNGUIDED | SPEED_PRESETS["draft"]),
    "fp8 weights, guidance 1": Way(50, UNGUIDED, has_fp8_weights=True),
    "1 step, guidance 1": Way(1, UNGUIDED | {"steps": 1}),
}
EXACT = ("50 steps", "50 steps, guidance 1")
"""What the ways after each are compared with."""


def in_fp8(models: Models) -> Models:
    """The same with a denoiser whose weights were rounded as for ComfyUI's fp8."""
    denoiser = deepcopy(models.denoiser)
    denoiser.load_state_dict(
        {key: value.to(torch.float8_e4m3fn).float() for key, value in denoiser.state_dict().items()}
    )
    return replace(models, denoiser=denoiser)


def mini_checkpoint() -> Checkpoint:
    """The mini model's file."""
    file = embedded_file(MINI)
    if file is None:
        raise SystemExit(mini_absent())
    return read_checkpoint(file)


def true_clip(seed: int) -> Tensor:
    """A drawn clip ``t 3 h w`` in [-1, 1]."""
    pixels = torch.from_numpy(render_clip(seed, WIDTH, HEIGHT, FRAMES).frames)
    return from_levels(rearrange(pixels, "t h w c -> t c h w"))


def draw(models: Models, clip: Tensor, settings: dict[str, Any]) -> Tensor:
    """The frames ``t 3 h w`` between the ends of a clip, in [-1, 1]."""
    settings = InterpolationSettings(
        width=WIDTH, height=HEIGHT, num_frames=FRAMES, second_pass=False, **settings
    )
    video = interpolate(models, Keyframes.at_ends(clip[0], clip[-1]), settings)
    return rearrange(video[0], "c t h w -> t c h w")


def measure(report: Report, seeds: range) -> None:
    """Draw every clip in every way."""
    models = build_models(mini_checkpoint(), torch.float32)
    clips = [true_clip(seed) for seed in seeds]
    exact: list[Tensor] = []
    rounded = in_fp8(models)
    for name, way in WAYS.items():
        used = rounded if way.has_fp8_weights else models
        drawn = [draw(used, clip, way.settings).float()[1:-1].clamp(-1, 1) for clip in clips]
        exact = drawn if name in EXACT else exact
        add_row(report, name, way.predictions, clips, drawn, None if name in EXACT else exact)


@cache
def lpips() -> PerceptualDistance:
    """The distance to the true frames."""
    return load_perceptual_distance("alexnet")


def add_row(
    report: Report, name: str, predictions: int, clips: list[Tensor], drawn: list[Tensor],
    exact: list[Tensor] | None,
) -> None:  # fmt: skip
    """Note how far drawn frames are from the true ones and, for an approximate way, the exact."""
    distance = lpips()
    pairs = list(zip(drawn, (clip[1:-1] for clip in clips), strict=True))
    to_exact = None
    if exact is not None:
        to_exact = round(mean(psnr(d, e) for d, e in zip(drawn, exact, strict=True)), 2)
    report.add(
        name, suite="presets", size="mini", dtype="float32", device=CPU, clips=len(clips),
        predictions=predictions,
        lpips=round(mean(float(distance(d, t).mean()) for d, t in pairs), 4),
        true_db=round(mean(psnr(d, t) for d, t in pairs), 2),
        exact_db=to_exact,
    )  # fmt: skip


@torch.no_grad()
def main() -> int:
    """Measure the ways; they have no limit."""
    options = clip_options(main.__doc__, clips=6)
    measure(Report(options.out), range(FIRST_SEED, FIRST_SEED + options.clips))
    return 0


if __name__ == "__main__":
    sys.exit(main())
