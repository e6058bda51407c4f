"""Networks visit a device in their own stage only, and go in batches where those fit."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from support.networks import normal
from support.tiny import tiny_models
from tooncrafter_core.config.model import ModelConfig
from tooncrafter_core.config.presets import TINY
from tooncrafter_core.interpolation import offloading, pipeline
from tooncrafter_core.interpolation.offloading import job_bytes, visiting
from tooncrafter_core.interpolation.settings import InterpolationSettings
from tooncrafter_core.pictures.keyframes import Keyframes

CPU = torch.device("cpu")
NETWORKS = ("text_encoder", "image_encoder", "projector", "denoiser", "autoencoder")
"""Of the tiny model; visiting the CPU copies them there."""


def addresses() -> dict[str, list[int]]:
    """Where every network's weights are at the moment."""
    models = tiny_models()
    return {
        name: [tensor.data_ptr() for tensor in getattr(models, name).state_dict().values()]
        for name in NETWORKS
    }


def test_every_network_visits_the_device_in_its_own_stage_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waiting = addresses()
    seen: dict[str, set[str]] = {}

    def watch(stage: str) -> None:
        compute = getattr(pipeline, stage)

        def watched(*args: Any) -> Any:
            seen[stage] = {name for name, now in addresses().items() if now != waiting[name]}
            return compute(*args)

        monkeypatch.setattr(pipeline, stage, watched)

    for stage in ("encode_keyframes", "condition_on", "sample", "decode"):
        watch(stage)
    settings = InterpolationSettings(width=64, height=64, num_frames=4, steps=1)
    pictures = [normal(3, 64, 64, seed=seed).clamp(-1, 1) for seed in (1, 2)]

    def draw(device: torch.device | None) -> Tensor:
        return pipeline.interpolate(
            tiny_models(), Keyframes.at_ends(*pictures), settings, device=device
        )

    expected = draw(None)
    assert set().union(*seen.values()) == set()
    assert torch.equal(draw(CPU), expected)
    assert seen == {
        "encode_keyframes": {"autoencoder"},
        "condition_on": {"text_encoder", "image_encoder", "projector"},
        "sample": {"denoiser"},
        "decode": {"autoencoder"},
    }
    assert addresses() == waiting


def test_weights_are_the_waiting_ones_again_even_after_an_error() -> None:
    network = nn.BatchNorm2d(4)

    def places() -> list[int]:
        return [tensor.data_ptr() for tensor in network.state_dict().values()]

    def interrupted() -> None:
        with visiting(CPU, network, None):
            assert not set(places()) & set(before)
            raise KeyboardInterrupt

    before = places()
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert places() == before


def test_a_job_takes_the_weights_and_its_greatest_stage() -> None:
    settings = InterpolationSettings()
    alone = job_bytes(ModelConfig(), settings, 0, 2)
    assert 2.1 * 2**30 < alone < 3 * 2**30
    assert job_bytes(ModelConfig(), settings, 10**9, 2) == alone + 10**9


@pytest.mark.parametrize(
    ("wish", "free", "expected"),
    [(None, None, False), (None, 10**12, True), (None, 10**5, False), (True, 10**5, True),
     (False, 10**12, False)],
)  # fmt: skip
def test_guidance_is_predicted_at_once_where_there_is_the_memory(
    monkeypatch: pytest.MonkeyPatch, wish: bool | None, free: int | None, expected: bool
) -> None:
    monkeypatch.setattr(offloading, "free_memory", lambda device: free)
    settings = InterpolationSettings(batch_guidance=wish)
    found = offloading.batches_guidance(
        TINY.unet, settings, (1, 4, 16, 40, 64), torch.device("cuda"), torch.float16
    )
    assert found is expected
