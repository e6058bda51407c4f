"""ComfyUI's samplers and ours on a tiny model with made-up weights: guidance, and its batches."""

from typing import Any

import comfy.conds
import comfy.sample
import comfy.samplers
import pytest
import torch
from tooncrafter_pack.nodes.bridge.denoiser import HostDenoiser
from tooncrafter_pack.nodes.guidance import ToonCrafterGuidanceRescale
from torch import Tensor

import nodes as host_nodes
from support.host_models import HostModels, relative, run_keyframes, run_sampler
from support.host_sampling import LATENT_SCALE, Ready, sample_by_parts, sigmas_of
from tooncrafter_core.diffusion.guidance import rescale_guidance

SCHEDULERS = ["simple", "normal", "karras", "exponential", "sgm_uniform", "ddim_uniform", "beta"]

# ComfyUI's own samplers


@pytest.mark.parametrize("scheduler", SCHEDULERS)
@pytest.mark.parametrize("sampler", ["ddim", "euler", "dpmpp_2m", "uni_pc"])
def test_stock_ksampler_draws_a_finite_clip(
    tiny: HostModels, ready: Ready, sampler: str, scheduler: str
) -> None:
    (out,) = host_nodes.common_ksampler(tiny.model, 5, 3, 2.0, sampler, scheduler, *ready)
    assert out["samples"].shape == ready[2]["samples"].shape
    assert torch.isfinite(out["samples"]).all()
    assert 0.1 < out["samples"].std() * LATENT_SCALE < 10


# Guidance


def test_guidance_rescale_is_the_core_formula_on_v(tiny: HostModels, ready: Ready) -> None:
    seen: list[dict[str, Any]] = []
    watched = tiny.model.clone()
    watched.set_model_sampler_post_cfg_function(lambda args: seen.append(args) or args["denoised"])
    patched = ToonCrafterGuidanceRescale.execute(watched, 0.7).args[0]
    results: list[Tensor] = []
    patched.set_model_sampler_post_cfg_function(
        lambda args: results.append(args["denoised"]) or args["denoised"]
    )
    sample_by_parts(patched, ready, sigmas_of(patched, 3))
    sampling = tiny.model.get_model_object("model_sampling")
    assert len(seen) == len(results) == 3
    for args, found in zip(seen, results, strict=True):
        x, sigma = args["input"], args["sigma"]
        guided, cond = (
            sampling.to_v(sigma, x, args[name]) for name in ("denoised", "cond_denoised")
        )
        expected = rescale_guidance(guided, cond, 0.7)
        assert relative(sampling.to_v(sigma, x, found), expected) < 1e-5


def test_guidance_rescale_of_zero_changes_nothing(tiny: HostModels, ready: Ready) -> None:
    with_node = run_sampler(tiny.model, *ready, guidance_rescale=0.0)
    without = sample_by_parts(tiny.model, ready, sigmas_of(tiny.model, 2))
    assert torch.equal(with_node["samples"], without)


@pytest.fixture
def batches(tiny: HostModels, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Batch size of every forward pass."""
    sizes: list[int] = []

    def counted(self: HostDenoiser, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        sizes.append(x.shape[0])
        return predict(self, x, *args, **kwargs)

    predict = HostDenoiser._predict
    monkeypatch.setattr(HostDenoiser, "_predict", counted)
    return sizes


def test_without_guidance_each_step_is_one_forward_pass(
    tiny: HostModels, ready: Ready, batches: list[int]
) -> None:
    run_sampler(tiny.model, *ready, steps=3, cfg=1.0)
    assert batches == [1, 1, 1]
    batches.clear()
    run_sampler(tiny.model, *ready, steps=3, cfg=7.5)
    assert sum(batches) == 6


def test_long_prompt_against_a_short_negative_is_the_same_in_one_batch_as_apart(
    tiny: HostModels, keyframes: tuple[Tensor, Tensor], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    long_prompt = tiny.prompt("a girl walks through the rain " * 20)
    assert long_prompt[0][0].shape[1] == 2 * 77
    ready = run_keyframes(tiny, *keyframes, positive=long_prompt)
    together = run_sampler(tiny.model, *ready)["samples"]
    monkeypatch.setattr(comfy.conds.CONDCrossAttn, "can_concat", lambda self, other: False)
    apart = run_sampler(tiny.model, *ready)["samples"]
    assert relative(together, apart) < 2e-3
