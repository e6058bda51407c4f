"""Guided DDIM, step by step, against the official sampler on the same denoiser."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from golden.cases import (
    assert_close,
    condition,
    found,
    golden_id,
    load_part,
    own_goldens_only,
    read,
    unet_config,
    weights,
)
from tooncrafter_core.config.model import DiffusionConfig
from tooncrafter_core.diffusion.samplers import SamplingProgress, sample_ddim
from tooncrafter_core.diffusion.schedule import DDIMStep, ddim_steps, make_schedule, steps_through
from tooncrafter_core.interpolation.guided_denoiser import Guidance, GuidedDenoiser
from tooncrafter_core.models.denoiser import Denoiser


@own_goldens_only
def test_there_are_goldens_to_run() -> None:
    assert len(found("ddim_")) >= 4


def recorded_noise(tensors: dict[str, Tensor]) -> Callable[[Tensor], Tensor]:
    """The noise of each step as the case recorded it, none where there is none."""
    drawn: Iterator[int] = iter(range(10_000))
    return lambda like: tensors.get(f"noise.{next(drawn)}", torch.zeros_like(like))


def steps_of(data: dict[str, Any]) -> list[DDIMStep]:
    """The official steps of a case, which are ours wherever they are as many as were asked for."""
    case, official = data["case"], data["timesteps"]
    spacing = "uniform" if case["spacing"] == "uniform" else "trailing"
    schedule = make_schedule(DiffusionConfig())
    ours = ddim_steps(schedule, case["steps"], eta=data["eta"], spacing=spacing)
    assert len(ours) == case["steps"]
    steps = steps_through(schedule, official[::-1], data["eta"])
    if len(official) == case["steps"]:
        assert ours == steps
    return steps


@pytest.mark.parametrize("batched", [False, True], ids=["one-by-one", "batched"])
@pytest.mark.parametrize("path", found("ddim_"), ids=golden_id)
def test_every_step_matches_the_official_sampler(path: Path, batched: bool) -> None:
    data, tensors = read(path)
    case = data["case"]
    denoiser = load_part(
        Denoiser(unet_config(data["config"]), device="meta"),
        weights(data),
        "model.diffusion_model.",
    )
    keyframes = tensors["concat"]
    fps = torch.full((keyframes.shape[0],), case["fs"])
    conditional, unconditional = (
        condition(tensors[name], keyframes, fps) if name in tensors else None
        for name in ("context", "uncond_context")
    )
    assert conditional is not None
    denoise = GuidedDenoiser(
        denoiser,
        conditional,
        unconditional,
        Guidance(
            scale=case["cfg"],
            image_scale=case.get("cfg_img"),
            rescale=case["guidance_rescale"],
            batched=batched,
        ),
    )
    walked: list[SamplingProgress] = []
    out = sample_ddim(
        denoise, tensors["x_T"], steps_of(data), recorded_noise(tensors), walked.append
    )
    for progress in walked:
        number = progress.step
        assert_close(progress.latents, tensors[f"x_inter.{number}"], data, f"step {number}")
        assert_close(progress.clean, tensors[f"pred_x0.{number}"], data, f"estimate {number}")
    assert f"x_inter.{len(walked) + 1}" not in tensors
    assert_close(out, tensors["x_final"], data)
