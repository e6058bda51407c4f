"""Which predictions guidance asks for, and what it makes of them."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from support.networks import normal
from tooncrafter_core.conditioning.condition import Condition
from tooncrafter_core.diffusion.guidance import guide_text_and_image, rescale_guidance
from tooncrafter_core.interpolation.guided_denoiser import Guidance, GuidedDenoiser

Z = normal(1, 4, 3, 2, 2)
CONDITION = Condition(
    text=torch.full((1, 77, 8), 1.0),
    image_tokens=torch.full((1, 3, 16, 8), 2.0),
    keyframe_latents=normal(1, 4, 3, 2, 2, seed=1),
    motion_fps=torch.tensor([10.0]),
)
UNCONDITIONAL = replace(CONDITION, text=CONDITION.text * 0, image_tokens=CONDITION.image_tokens * 0)


class Recorder(nn.Module):
    """A denoiser whose prediction depends on text and image, and that counts its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, ...]] = []

    def forward(self, x: Tensor, timesteps: Tensor, text: Tensor, image: Tensor, fps: Tensor
                ) -> Tensor:  # fmt: skip
        self.calls.append((x, timesteps, text, image, fps))
        by_text, by_image = (tokens.flatten(1).mean(1)[:, None, None, None, None]
                             for tokens in (text, image))  # fmt: skip
        return x[:, :4] + by_text * x[:, 4:] + by_image * x[:, :4].flip(-1)


def guided(recorder: Recorder, unconditional: Condition | None = UNCONDITIONAL, **options: Any
           ) -> GuidedDenoiser:  # fmt: skip
    return GuidedDenoiser(recorder, CONDITION, unconditional, Guidance(**options))


@pytest.mark.parametrize(
    ("options", "predictions"),
    [
        ({"scale": 7.5}, 2),
        ({"scale": 1.0}, 1),
        ({"scale": 1.0, "image_scale": 1.0}, 1),
        ({"scale": 7.5, "image_scale": 2.0}, 3),
        ({"scale": 1.0, "image_scale": 0.0}, 3),
        ({"scale": 7.5, "unconditional": None}, 1),
    ],
)
def test_only_needed_predictions_are_made(options: dict[str, Any], predictions: int) -> None:
    recorder = Recorder()
    denoise = guided(recorder, **options)
    denoise(Z, 500)
    assert len(recorder.calls) == predictions


def test_without_guidance_the_prediction_is_the_conditional_one() -> None:
    recorder = Recorder()
    v = guided(recorder, scale=1.0, rescale=0.7)(Z, 500)
    assert torch.equal(v, recorder(*recorder.calls[0]))


def test_denoiser_gets_latents_with_keyframes_timestep_and_fps() -> None:
    recorder = Recorder()
    guided(recorder, scale=7.5)(Z, 321)
    x, timesteps, text, _, fps = recorder.calls[0]
    assert torch.equal(x, torch.cat([Z, CONDITION.keyframe_latents], dim=1))
    assert timesteps.tolist() == [321] and fps.tolist() == [10.0]
    assert text is CONDITION.text


@pytest.mark.parametrize("options", [{"scale": 7.5}, {"scale": 7.5, "image_scale": 2.0}])
def test_one_call_gives_what_several_give(options: dict[str, Any]) -> None:
    recorder = Recorder()
    expected = guided(recorder, **options, rescale=0.7)(Z, 500)
    recorder.calls.clear()
    v = guided(recorder, **options, rescale=0.7, batched=True)(Z, 500)
    assert len(recorder.calls) == 1
    torch.testing.assert_close(v, expected)


def test_third_prediction_has_the_image_and_the_unconditional_text() -> None:
    recorder = Recorder()
    v = guided(recorder, scale=7.5, image_scale=2.0, rescale=0.7)(Z, 500)
    conditional, unconditional, image_only = (recorder(*call) for call in recorder.calls[:3])
    assert torch.equal(recorder.calls[2][2], UNCONDITIONAL.text)
    assert torch.equal(recorder.calls[2][3], CONDITION.image_tokens)
    expected = guide_text_and_image(conditional, unconditional, image_only, 7.5, 2.0)
    torch.testing.assert_close(v, rescale_guidance(expected, conditional, 0.7))


def test_prompts_of_other_lengths_are_predicted_one_by_one() -> None:
    recorder = Recorder()
    longer = replace(UNCONDITIONAL, text=torch.zeros(1, 154, 8))
    guided(recorder, longer, scale=7.5, batched=True)(Z, 500)
    assert len(recorder.calls) == 2


def test_network_works_in_its_own_precision_and_guidance_in_the_latents() -> None:
    recorder = Recorder()
    half = CONDITION.to(dtype=torch.bfloat16)
    v = GuidedDenoiser(recorder, half, half, Guidance(scale=2.0))(Z, 500)
    assert recorder.calls[0][0].dtype == torch.bfloat16
    assert v.dtype == torch.float32


class Preparing(Recorder):
    """Reads the tokens once, as the denoiser does."""

    def __init__(self) -> None:
        super().__init__()
        self.prepared = 0

    def prepare_context(self, text: Tensor, image: Tensor) -> tuple[Tensor, Tensor]:
        self.prepared += 1
        return text, image

    def forward(self, x: Tensor, timesteps: Tensor, text: Any, image: None, fps: Tensor) -> Tensor:
        assert image is None
        return super().forward(x, timesteps, *text, fps)


@pytest.mark.parametrize(("options", "times"), [({}, 2), ({"batched": True}, 1)])
def test_tokens_are_read_once_for_all_steps(options: dict[str, Any], times: int) -> None:
    preparing = Preparing()
    denoise, plain = (guided(network, scale=7.5, **options) for network in (preparing, Recorder()))
    for timestep in (999, 500, 1):
        assert torch.equal(denoise(Z, timestep), plain(Z, timestep))
    assert preparing.prepared == times


@pytest.mark.parametrize("batched", [False, True])
@pytest.mark.parametrize("image_scale", [None, 2.0])
def test_outside_of_its_interval_only_the_conditional_prediction_is_made(
    batched: bool, image_scale: float | None
) -> None:
    recorder = Recorder()
    options = {"scale": 7.5, "image_scale": image_scale, "rescale": 0.7, "batched": batched}
    denoise = guided(recorder, **options, is_guided_at=lambda timestep: timestep > 500)
    assert torch.equal(denoise(Z, 501), guided(Recorder(), **options)(Z, 501))
    recorder.calls.clear()
    assert torch.equal(denoise(Z, 500), guided(Recorder(), None, scale=7.5)(Z, 500))
    assert [len(call[0]) for call in recorder.calls] == [1]
