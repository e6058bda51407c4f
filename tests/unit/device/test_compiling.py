"""The denoiser under torch.compile: the same graphs for every step, frame count and size."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from support.networks import deviation, filled, normal
from tooncrafter_core.conditioning.condition import Condition
from tooncrafter_core.config.presets import TINY
from tooncrafter_core.device.compiling import compile_denoiser, warn_where_it_loses
from tooncrafter_core.interpolation.guided_denoiser import Guidance, GuidedDenoiser
from tooncrafter_core.models.denoiser import Denoiser

SMALL = replace(TINY.unet, channel_mult=(1,), attention_resolutions=(1,))
"""One level: tracing takes most of the test's time, and every kind of layer is in it."""


def condition(frames: int, height: int, width: int, seed: int) -> Condition:
    return Condition(
        text=normal(1, 77, 64, seed=seed),
        image_tokens=normal(1, frames, 16, 64, seed=seed + 1),
        keyframe_latents=normal(1, 4, frames, height, width, seed=seed + 2),
        motion_fps=torch.tensor([10.0]),
    )


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Operators of every graph that is compiled; nothing is made of them."""
    made: list[int] = []

    def backend(module: torch.fx.GraphModule, inputs: list[Tensor]) -> object:
        made.append(len(module.graph.nodes))
        return module.forward

    torch._dynamo.reset()
    monkeypatch.setattr("tooncrafter_core.device.compiling.BACKEND", backend)
    return made


@torch.no_grad()
def test_steps_frames_and_sizes_share_their_graphs_and_the_result_is_the_same(
    graphs: list[int],
) -> None:
    network = filled(Denoiser(SMALL, device="meta"))
    compiled = compile_denoiser(filled(Denoiser(SMALL, device="meta")))
    counts = []
    for frames, height, width in ((3, 4, 10), (5, 4, 10), (7, 6, 14)):
        conditions = condition(frames, height, width, 1), condition(frames, height, width, 5)
        ours, plain = (
            GuidedDenoiser(model, *conditions, Guidance(scale=7.5, rescale=0.7))
            for model in (compiled, network)
        )
        for timestep in (999, 19):
            z = normal(1, 4, frames, height, width, seed=timestep)
            assert deviation(ours(z, timestep), plain(z, timestep)) < 1e-4
            counts.append(len(graphs))
    assert set(counts) == {len(graphs)} and len(graphs) > 0


def test_it_is_reported_where_compiling_makes_steps_slower(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cpu = torch.device("cpu")
    warn_where_it_loses(cpu, torch.float16)
    assert not caplog.records
    monkeypatch.setattr("tooncrafter_core.device.compiling.likes_channels_last", lambda x: True)
    warn_where_it_loses(cpu, torch.float16)
    (record,) = caplog.records
    assert "quicker" in record.getMessage() and "--compile" in record.getMessage()
