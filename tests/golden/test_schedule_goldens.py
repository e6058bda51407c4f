"""The noise schedule and the sampler's timesteps against the official program's."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from golden.cases import found, from_config, golden_id, own_goldens_only, read
from tooncrafter_core.config.model import DiffusionConfig
from tooncrafter_core.diffusion.schedule import (
    Spacing,
    ddim_steps,
    make_schedule,
    schedule_buffers,
    select_timesteps,
    steps_through,
)

SPACINGS: dict[str, Spacing] = {"uniform": "uniform", "uniform_trailing": "trailing"}
NOT_OURS = {"lvlb_weights"}
"""A weight of the loss that the official program stores with the schedule and never uses."""


def walks_in(path: Path) -> list[tuple[str, int]]:
    """The spacings and step counts that a case holds."""
    matches = (re.match(r"(uniform|uniform_trailing)\.(\d+)\.", key) for key in read(path)[1])
    return sorted({(match[1], int(match[2])) for match in matches if match})


WALKS = [
    pytest.param(path, spacing, steps, id=f"{path.stem}-{spacing}-{steps}")
    for path in found("schedule")
    for spacing, steps in walks_in(path)
]


def diffusion_config(data: dict[str, Any]) -> DiffusionConfig:
    return from_config(DiffusionConfig, data.get("config", {}))


def assert_within(actual: Tensor, golden: Tensor, data: dict[str, Any]) -> None:
    assert actual.shape == golden.shape
    assert (actual.double() - golden.double()).abs().max() <= data["tolerance"]["atol"]


@own_goldens_only
def test_there_are_goldens_to_run() -> None:
    assert len(WALKS) >= 8


@pytest.mark.parametrize("path", found("schedule"), ids=golden_id)
def test_buffers_match_the_official_ones(path: Path) -> None:
    data, tensors = read(path)
    buffers = schedule_buffers(diffusion_config(data))
    golden = {key: value for key, value in tensors.items() if "." not in key}
    assert set(golden) - NOT_OURS == set(buffers)
    for name, buffer in buffers.items():
        assert_within(buffer, golden[name], data)
    schedule = make_schedule(diffusion_config(data))
    assert torch.equal(schedule.alphas_cumprod, buffers["alphas_cumprod"])
    assert torch.equal(schedule.scales, buffers["scale_arr"][: schedule.num_timesteps])


@pytest.mark.parametrize(("path", "spacing", "steps"), WALKS)
def test_timesteps_and_weights_match_the_official_ones(
    path: Path, spacing: str, steps: int
) -> None:
    data, tensors = read(path)
    prefix = f"{spacing}.{steps}."
    golden = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    schedule = make_schedule(diffusion_config(data))
    ours = select_timesteps(schedule.num_timesteps, steps, SPACINGS[spacing])
    assert len(ours) == steps
    official = golden["timesteps"].tolist()
    if len(official) == steps:
        assert ours == official
    # Where the official program takes more steps than it was asked for, the weights of its own
    # steps must be ours all the same. Its timestep -1 is none, and nothing can land there.
    real = [i for i, t in enumerate(official) if t >= 0 and (i == 0 or official[i - 1] >= 0)]

    for key in (key for key in golden if key.startswith("sigmas_eta")):
        eta = float(key.removeprefix("sigmas_eta"))
        walk = steps_through(schedule, official[::-1], eta)[::-1]
        assert (
            len(walk) > steps
            or walk == ddim_steps(schedule, steps, eta=eta, spacing=SPACINGS[spacing])[::-1]
        )
        found_values = {
            key: [step.sigma for step in walk],
            "ddim_alphas": [step.alpha for step in walk],
            "ddim_sqrt_one_minus_alphas": [(1 - step.alpha) ** 0.5 for step in walk],
            "ddim_alphas_prev": [step.previous_alpha for step in walk],
        }
        # Ours are float64 and are compared as such: the official program has rounded its own, and
        # the tolerance is less than two bits of float32.
        for name, values in found_values.items():
            assert_within(torch.tensor(values, dtype=torch.float64)[real], golden[name][real], data)
        rescale = torch.tensor([step.rescale for step in walk], dtype=torch.float64)[real]
        scales = golden["ddim_scale_arr"].double()[real]
        assert_within(rescale * scales, golden["ddim_scale_arr_prev"][real], data)
