"""The official program's sampling, step by step, through our nodes for ComfyUI.

Every case found in TOONCRAFTER_GOLDENS is run, whatever its sizes, seeds and configuration.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import comfy.samplers
import pytest
import torch
from tooncrafter_pack.nodes.bridge import sampler as sampler_module
from tooncrafter_pack.nodes.guidance import ToonCrafterGuidanceRescale
from tooncrafter_pack.nodes.sampling import ToonCrafterDDIM, ToonCrafterSigmas
from torch import Tensor

from golden import cases
from golden.cases import golden_id
from support.host_goldens import Golden, assert_close, conditioning, denoiser_of, scaled
from support.host_models import run_sampler
from tooncrafter_core.diffusion.guidance import guide_text_and_image


class RecordedNoise:
    """Stands in for the stream of noise of a seed and gives what the golden has recorded."""

    def __init__(self, golden: Golden) -> None:
        self.golden = golden
        self.drawn = 0

    def start(self) -> Tensor:
        return self.golden["x_T"]

    def step(self, like: Tensor) -> Tensor:
        name = f"noise.{self.drawn}"
        self.drawn += 1
        return self.golden.tensors.get(name, torch.zeros_like(like))


@pytest.fixture
def replay(monkeypatch: pytest.MonkeyPatch) -> Callable[[Golden], None]:
    """Puts a golden's noise in the place of every stream that the sampler opens."""

    def put(golden: Golden) -> None:
        def recorded(_seed: int, shape: torch.Size) -> RecordedNoise:
            assert tuple(shape) == tuple(golden["x_T"].shape)
            return RecordedNoise(golden)

        monkeypatch.setattr(sampler_module, "NoiseStream", recorded)

    return put


def spacing_of(golden: Golden) -> str:
    return "uniform" if golden.case["spacing"] == "uniform" else "trailing"


def is_multi(golden: Golden) -> bool:
    return "cfg_img" in golden.case


def ddim_cases(wanted: Callable[[Golden], bool]) -> list[Path]:
    return [path for path in cases.found("ddim_") if wanted(Golden.read(path))]


@pytest.mark.parametrize(
    "path",
    ddim_cases(lambda golden: spacing_of(golden) == "trailing" and not is_multi(golden)),
    ids=golden_id,
)
def test_sampler_node_repeats_the_official_sampling(
    path: Path, replay: Callable[[Golden], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    golden = Golden.read(path)
    replay(golden)
    latent = run_sampler(
        denoiser_of(golden, monkeypatch),
        conditioning(golden, "context", "context"),
        conditioning(golden, "uncond_context", "uncond_context"),
        {"samples": torch.zeros_like(golden["x_T"])},
        steps=golden.case["steps"],
        cfg=golden.case["cfg"],
        eta=golden.info["eta"],
        guidance_rescale=golden.case["guidance_rescale"],
    )
    assert_close(scaled(latent["samples"]), golden["x_final"])


def sample_by_parts(golden: Golden, patcher: Any, guider: Any) -> None:
    """Sample with SAMPLER and SIGMAS as SamplerCustom does, and compare every step."""
    case = golden.case
    sampling = patcher.get_model_object("model_sampling")
    sigmas = ToonCrafterSigmas.execute(patcher, case["steps"], spacing_of(golden)).args[0]
    assert sampling.timestep(sigmas[:-1]).tolist() == golden.info["timesteps"][::-1]

    def compare(step: int, _clean: Tensor, x: Tensor, _total: int) -> None:
        z = sampling.to_network(sigmas[step : step + 1], x)
        assert_close(z, golden[f"x_inter.{step}"])

    samples = guider.sample(
        golden["x_T"],
        torch.zeros_like(golden["x_T"]),
        ToonCrafterDDIM.execute(golden.info["eta"]).args[0],
        sigmas,
        callback=compare,
        disable_pbar=True,
        seed=case["seed"],
    )
    assert_close(scaled(samples), golden["x_final"])


@pytest.mark.parametrize("path", ddim_cases(lambda golden: not is_multi(golden)), ids=golden_id)
def test_parts_for_sampler_custom_repeat_every_step(
    path: Path, replay: Callable[[Golden], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    golden = Golden.read(path)
    replay(golden)
    rescale = golden.case["guidance_rescale"]
    plain = denoiser_of(golden, monkeypatch)
    patcher = ToonCrafterGuidanceRescale.execute(plain, rescale).args[0]
    guider = comfy.samplers.CFGGuider(patcher)
    guider.set_conds(
        conditioning(golden, "context", "context"),
        conditioning(golden, "uncond_context", "uncond_context"),
    )
    guider.set_cfg(golden.case["cfg"])
    sample_by_parts(golden, patcher, guider)


class TextAndImageGuider(comfy.samplers.CFGGuider):
    """Guidance with two scales, of ComfyUI's predictions by the core's formula.

    ComfyUI's own DualCFGGuider lets other nodes change the prediction before its last term is
    added, so that guidance rescale would see the wrong one.
    """

    def set_scales(self, text: float, image: float) -> None:
        self.scales = text, image

    def predict_noise(
        self,
        x: Tensor,
        timestep: Tensor,
        model_options: dict[str, Any] | None = None,
        seed: int | None = None,
    ) -> Tensor:
        options = model_options or {}
        conds = [self.conds[name] for name in ("positive", "negative", "image_only")]
        predictions = comfy.samplers.calc_cond_batch(self.inner_model, conds, x, timestep, options)
        # Clean latents are v times a number plus x times a number, so the formula fits them too.
        guided = guide_text_and_image(*predictions, *self.scales)
        for change in options.get("sampler_post_cfg_function", []):
            guided = change(
                {"denoised": guided, "cond_denoised": predictions[0], "input": x, "sigma": timestep}
            )
        return guided


@pytest.mark.parametrize("path", ddim_cases(is_multi), ids=golden_id)
def test_guidance_by_text_and_image_repeats_every_step(
    path: Path, replay: Callable[[Golden], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    golden = Golden.read(path)
    replay(golden)
    rescale = golden.case["guidance_rescale"]
    plain = denoiser_of(golden, monkeypatch)
    patcher = ToonCrafterGuidanceRescale.execute(plain, rescale).args[0]
    guider = TextAndImageGuider(patcher)
    guider.inner_set_conds(
        {
            "positive": conditioning(golden, "context", "context"),
            "negative": conditioning(golden, "uncond_context", "uncond_context"),
            "image_only": conditioning(golden, "uncond_context", "context"),
        }
    )
    guider.set_scales(golden.case["cfg"], golden.case["cfg_img"] or golden.case["cfg"])
    sample_by_parts(golden, patcher, guider)


@cases.own_goldens_only
def test_there_are_goldens_of_sampling() -> None:
    assert cases.found("ddim_")
