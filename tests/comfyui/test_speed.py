"""What makes sampling faster, exactly or approximately, on a tiny model in the test process."""

from typing import Any

import comfy_extras.nodes_easycache as easycache
import pytest
import torch
from comfy_api.torch_helpers import set_torch_compile_wrapper
from tooncrafter_pack.nodes.bridge.denoiser import HostDenoiser
from tooncrafter_pack.nodes.guidance import ToonCrafterGuidanceInterval
from tooncrafter_pack.nodes.sampling import PRESET_OPTIONS, SOLVER_SPACING, ToonCrafterSigmas
from torch import Tensor

import nodes as host_nodes
from support.host_models import HostModels, relative, run_keyframes, run_sampler
from tooncrafter_core.diffusion.multistep import (
    multistep_steps,
    multistep_timesteps,
    sample_dpmpp_2m,
)
from tooncrafter_core.diffusion.noise import NoiseStream
from tooncrafter_core.diffusion.schedule import make_schedule
from tooncrafter_core.errors import ToonCrafterError

Ready = tuple[Any, Any, dict[str, Any]]


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Clips of every forward pass."""
    sizes: list[int] = []
    predict = HostDenoiser._predict

    def counted(self: HostDenoiser, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        sizes.append(x.shape[0])
        return predict(self, x, *args, **kwargs)

    monkeypatch.setattr(HostDenoiser, "_predict", counted)
    return sizes


# Exact


def test_the_picture_that_stands_for_none_is_encoded_once_for_a_clip_vision(
    tiny: HostModels, keyframes: tuple[Tensor, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_keyframes(tiny, *keyframes)
    seen: list[Tensor] = []
    encode = tiny.clip_vision.model.forward

    def watched(*args: Any, **kwargs: Any) -> Any:
        seen.append(kwargs["pixel_values"])
        return encode(*args, **kwargs)

    monkeypatch.setattr(tiny.clip_vision.model, "forward", watched)
    first = run_keyframes(tiny, *keyframes)
    again = run_keyframes(tiny, *keyframes)
    # Of both runs the drawing alone.
    assert len(seen) == 2 and all(float(pixels.std()) > 0 for pixels in seen)
    key = "tooncrafter_image_features"
    assert torch.equal(first[1][0][1][key], again[1][0][1][key])
    assert not torch.equal(first[0][0][1][key], first[1][0][1][key])


@pytest.mark.slow
def test_comfyuis_compile_node_gives_the_same_clip(tiny: HostModels, ready: Ready) -> None:
    compiled = tiny.model.clone()
    # What its node does; the node's own choices need a compiler or a GPU.
    set_torch_compile_wrapper(model=compiled, backend="eager")
    expected = run_sampler(tiny.model, *ready, cfg=1.0)["samples"]
    assert relative(run_sampler(compiled, *ready, cfg=1.0)["samples"], expected) < 1e-4


# Approximate


@pytest.mark.parametrize(("preset", "steps"), zip(list(PRESET_OPTIONS)[1:], (25, 12), strict=True))
def test_presets_take_their_own_number_of_steps(
    tiny: HostModels, ready: Ready, rows: list[int], preset: str, steps: int
) -> None:
    out = run_sampler(tiny.model, *ready, steps=50, cfg=1.0, preset=preset)["samples"]
    assert len(rows) == steps
    assert torch.isfinite(out).all()


def test_a_preset_draws_what_the_core_draws(
    tiny: HostModels, ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    def velocity(z: Tensor, timestep: int) -> Tensor:
        return 0.7 * torch.sin(1.3 * z) - 0.4 * z.roll(1, dims=2) * (timestep / 1000)

    def predict(x: Tensor, timesteps: Tensor, *_: Any, **__: Any) -> Tensor:
        return velocity(x[:, :4], int(timesteps[0]))

    monkeypatch.setattr(tiny.model.model.diffusion_model, "_predict", predict)
    draft = list(PRESET_OPTIONS)[2]
    out = run_sampler(tiny.model, *ready, seed=7, cfg=1.0, preset=draft)["samples"]
    start = NoiseStream(7, out.shape).start()
    schedule = make_schedule(tiny.config.diffusion)
    expected = sample_dpmpp_2m(velocity, start, multistep_steps(schedule, 12))
    assert relative(out * tiny.config.diffusion.latent_scale, expected) < 1e-4


def test_an_unknown_preset_is_reported(tiny: HostModels, ready: Ready) -> None:
    with pytest.raises(ToonCrafterError, match="preset is one of: published; fast"):
        run_sampler(tiny.model, *ready, preset="turbo")


def test_sigmas_for_the_solver_are_those_of_the_preset(tiny: HostModels, ready: Ready) -> None:
    sigmas = ToonCrafterSigmas.execute(tiny.model, 12, SOLVER_SPACING).args[0]
    sampling = tiny.model.get_model_object("model_sampling")
    assert sampling.timestep(sigmas[:-1]).tolist() == multistep_timesteps(1000, 12)
    assert sigmas[-1] == 0 and (sigmas.diff() < 0).all()


@pytest.mark.parametrize("sampler", ["ours", "euler"])
def test_guidance_interval_makes_one_prediction_outside_and_two_inside(
    tiny: HostModels, ready: Ready, rows: list[int], sampler: str
) -> None:
    patched = ToonCrafterGuidanceInterval.execute(tiny.model, 0.0, 0.5).args[0]

    def draw(model: Any) -> Tensor:
        rows.clear()
        if sampler == "ours":
            return run_sampler(model, *ready, steps=4)["samples"]
        (latent,) = host_nodes.common_ksampler(model, 5, 4, 7.5, sampler, "sgm_uniform", *ready)
        return latent["samples"]

    changed = draw(patched)
    assert sum(rows) == 3 * 2 + 1 if sampler == "ours" else 4 < sum(rows) < 8
    full = draw(tiny.model)
    assert sum(rows) == 8
    assert relative(changed, full) > 1e-3
    everywhere = ToonCrafterGuidanceInterval.execute(tiny.model, 0.0, 1.0).args[0]
    assert relative(draw(everywhere), full) < 1e-5


def test_an_interval_that_ends_before_it_begins_is_reported(tiny: HostModels) -> None:
    with pytest.raises(ToonCrafterError, match="the start before the end"):
        ToonCrafterGuidanceInterval.execute(tiny.model, 0.7, 0.3)


@pytest.mark.parametrize("node", ["EasyCacheNode", "LazyCacheNode"])
@pytest.mark.parametrize("sampler", ["ours", "dpmpp_2m"])
def test_comfyuis_step_caches_skip_steps_of_this_model(
    tiny: HostModels, ready: Ready, rows: list[int], node: str, sampler: str
) -> None:
    cached = getattr(easycache, node).execute(tiny.model, 3.0, 0.15, 0.95, False).args[0]

    def draw(model: Any) -> Tensor:
        rows.clear()
        if sampler == "ours":
            return run_sampler(model, *ready, steps=12, eta=0.0)["samples"]
        (latent,) = host_nodes.common_ksampler(model, 5, 12, 7.5, sampler, "sgm_uniform", *ready)
        return latent["samples"]

    out = draw(cached)
    assert sum(rows) < 24
    assert torch.isfinite(out).all()
    draw(tiny.model)
    assert sum(rows) == 24
