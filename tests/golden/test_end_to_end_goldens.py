"""Two pictures to a video: every intermediate of the official program, and its frames."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from einops import rearrange, repeat
from torch import Tensor

from golden.cases import (
    assert_close,
    autoencoder_config,
    encoder_configs,
    found,
    golden_id,
    load_part,
    own_goldens_only,
    read,
    resampler_config,
    unet_config,
    weights,
)
from tooncrafter_core.checkpoints.keys import COMPONENT_KEYS, OPTIONAL, REQUIRED
from tooncrafter_core.checkpoints.load import Models, build_network
from tooncrafter_core.config.model import ModelConfig
from tooncrafter_core.diffusion.noise import NoiseStream
from tooncrafter_core.interpolation import pipeline
from tooncrafter_core.interpolation.decoding import second_pass_frames
from tooncrafter_core.interpolation.keyframes import FittedKeyframes, fit_keyframes
from tooncrafter_core.interpolation.settings import InterpolationSettings
from tooncrafter_core.models.autoencoder.autoencoder import Posterior
from tooncrafter_core.pictures.keyframes import Keyframes

LATENT_WIDTH_OF_ANOTHER_SAMPLER = 32
"""At this latent width the official program changes spacing and rescale (SPEC section 9)."""


@dataclass(frozen=True)
class Case:
    """One end-to-end golden with its networks."""

    data: dict[str, Any]
    tensors: dict[str, Tensor]
    models: Models
    settings: InterpolationSettings

    @property
    def keyframes(self) -> tuple[Tensor, Tensor]:
        """The pictures as they came, 3 h w in [-1, 1]."""
        first, last = ((self.tensors[n].float() / 255 - 0.5) * 2 for n in ("img1", "img2"))
        return first, last

    @property
    def decoded_again(self) -> list[int]:
        """Frames of the published program's second pass (SPEC section 6.3)."""
        frames = self.settings.num_frames
        return [index for index in range(frames) if index not in (1, frames - 2)]

    @property
    def expected_video(self) -> Tensor:
        """The published video where its middle frames are no keyframes, else that of one pass."""
        has_middle = self.settings.num_frames > 4
        return self.tensors["final" if has_middle else "decoded_once"].clamp(-1, 1)

    @property
    def fitted(self) -> FittedKeyframes:
        """The pictures at the video's size, as the published program resized them."""
        given = Keyframes.at_ends(*self.keyframes)
        size = self.settings.width, self.settings.height
        pixels = torch.stack([self.tensors["resized1"], self.tensors["resized2"]])
        return replace(fit_keyframes(given, size, self.settings.fit, multiple=1), pixels=pixels)


class RecordedNoise(NoiseStream):
    """The noise that a case recorded, in place of the seed's."""

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        self._tensors = tensors
        self._drawn = 0

    def keyframes(self) -> Tensor:
        return rearrange(self._tensors["enc_noise"][[0, -1]], "r c h w -> 1 c r h w")

    def start(self) -> Tensor:
        return self._tensors["x_T"]

    def step(self, like: Tensor) -> Tensor:
        self._drawn += 1
        return self._tensors[f"noise.{self._drawn - 1}"]


def build_models(data: dict[str, Any]) -> Models:
    image_encoder, text_encoder = encoder_configs(data["clip"])
    config = ModelConfig(
        unet=unet_config(data["unet"]),
        resampler=resampler_config(data["resampler"]),
        autoencoder=autoencoder_config(data["vae"]),
        text_encoder=text_encoder,
        image_encoder=image_encoder,
    )
    networks = {
        component.value: load_part(
            build_network(component, config), weights(data), COMPONENT_KEYS[component].prefix
        )
        for component in (*REQUIRED, *OPTIONAL)
    }
    return Models(config=config, **networks)


def build_settings(data: dict[str, Any]) -> InterpolationSettings:
    case = data["case"]
    other_sampler = case["W"] // 8 == LATENT_WIDTH_OF_ANOTHER_SAMPLER
    return InterpolationSettings(
        prompt=data["prompt"],
        width=case["W"],
        height=case["H"],
        fit="official",
        num_frames=case["t"],
        motion_fps=case["fs"],
        steps=case["steps"],
        guidance_scale=case["cfg"],
        guidance_rescale=0.0 if other_sampler else 0.7,
        eta=case["eta"],
        spacing="uniform" if other_sampler else "trailing",
        seed=case["seed"],
        # What the official program does, without a word, for frames it was not trained on.
        token_mode="per_frame" if case["t"] == data["resampler"]["video_length"] else "shared",
    )


@own_goldens_only
def test_there_are_goldens_to_run() -> None:
    assert found("e2e")


@pytest.fixture(scope="module", params=found("e2e"), ids=golden_id)
def case(request: pytest.FixtureRequest) -> Case:
    path: Path = request.param
    data, tensors = read(path)
    return Case(data, tensors, build_models(data), build_settings(data))


def test_noise_of_the_seed_is_the_official_one(case: Case) -> None:
    tensors = case.tensors
    noise = NoiseStream(case.settings.seed, tensors["x_T"].shape)
    keyframes = rearrange(noise.keyframes(), "1 c r h w -> r c h w")
    drawn = {"enc_noise": keyframes, "x_T": noise.start()}
    drawn |= {f"noise.{step}": noise.step(tensors["x_T"]) for step in range(case.settings.steps)}
    official = {**tensors, "enc_noise": tensors["enc_noise"][[0, -1]]}
    for name, ours in drawn.items():
        # The same draws have the same bits, but for the logarithm and cosine that make them normal:
        # a processor without AVX2 has others than one with it, three bits apart at most.
        torch.testing.assert_close(ours, official[name], atol=1e-5, rtol=0)


@torch.no_grad()
def test_latents_of_every_frame_match(case: Case) -> None:
    tensors, half = case.tensors, case.settings.num_frames // 2
    posterior = case.models.autoencoder.encode(case.fitted.pixels)
    mean, log_variance = (repeat(x, "r ... -> (r n) ...", n=half) for x in posterior[:2])
    z = Posterior(mean, log_variance, []).sample(tensors["enc_noise"])
    latents = rearrange(z, "t c h w -> 1 c t h w") * case.models.config.diffusion.latent_scale
    assert_close(latents, tensors["z"], case.data)


@torch.no_grad()
def test_conditions_match(case: Case) -> None:
    tensors = case.tensors
    noise = RecordedNoise(tensors)
    latents = pipeline.encode_keyframes(case.models, case.fitted, noise).latents
    assert_close(latents, tensors["z"][:, :, [0, -1]], case.data)
    first = case.keyframes[0][None]
    conditions = pipeline.condition_on(case.models, first, latents, case.settings)
    for condition, name in zip(conditions, ("cond_context", "uncond_context"), strict=True):
        assert_close(condition.keyframe_latents, tensors["concat"], case.data)
        image_tokens = condition.image_tokens.flatten(1, -2)
        context = torch.cat([condition.text, image_tokens], dim=1)
        assert_close(context, tensors[name], case.data, name)


@torch.no_grad()
def test_samples_match(case: Case) -> None:
    tensors, settings = case.tensors, case.settings
    latents = tensors["z"][:, :, [0, -1]]
    conditions = pipeline.condition_on(case.models, case.keyframes[0][None], latents, settings)
    samples = pipeline.sample(case.models, conditions, RecordedNoise(tensors), settings)
    assert_close(samples, tensors["samples"], case.data)


@torch.no_grad()
def test_both_decoding_passes_match(case: Case) -> None:
    tensors, models = case.tensors, case.models
    encoded = pipeline.encode_keyframes(models, case.fitted, RecordedNoise(tensors))
    references = encoded.references
    z = tensors["samples"] / models.config.diffusion.latent_scale
    assert_close(models.autoencoder.decode(z, references), tensors["decoded_once"], case.data)
    again = models.autoencoder.decode(z[:, :, case.decoded_again], references)
    assert_close(again, tensors["decoded_middle_pass"], case.data)
    video = pipeline.decode(models, tensors["samples"], references, case.settings)
    assert_close(video, case.expected_video, case.data)


def test_the_published_middle_is_taken_wherever_it_is_of_the_same_time(case: Case) -> None:
    """Of four frames the published program shows the keyframes twice; there one pass counts."""
    frames, tensors = case.settings.num_frames, case.tensors
    official = tensors["decoded_once"].clone()
    middle = [frames // 2 - 1, frames // 2]
    official[:, :, middle] = tensors["decoded_middle_pass"][:, :, [i - 1 for i in middle]]
    assert torch.equal(official, tensors["final"])
    _, _, replaced = second_pass_frames(frames)
    assert replaced == ([] if frames == 4 else middle)


def test_pictures_and_seed_alone_give_the_official_video(case: Case) -> None:
    video = pipeline.interpolate(case.models, Keyframes.at_ends(*case.keyframes), case.settings)
    assert_close(video, case.expected_video, case.data)
