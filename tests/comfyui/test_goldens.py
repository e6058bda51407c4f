"""The official program's numbers through ComfyUI's own objects.

Every case found in TOONCRAFTER_GOLDENS is run, whatever its sizes, seeds and configuration, and has
to agree within 1e-3 of the golden's standard deviation on whatever ComfyUI is under test.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import comfy.model_management
import comfy.sample
import comfy.samplers
import pytest
import torch
from einops import rearrange
from tooncrafter_pack.nodes.bridge import sampler as sampler_module
from tooncrafter_pack.nodes.bridge.autoencoder import ToonCrafterVAE
from tooncrafter_pack.nodes.bridge.denoiser import (
    IMAGE_FEATURES,
    KEYFRAME_LATENTS,
    MOTION_FPS,
    TOKEN_MODE,
    load_model,
)
from tooncrafter_pack.nodes.sampling import (
    ToonCrafterDDIM,
    ToonCrafterGuidanceRescale,
    ToonCrafterSigmas,
)
from torch import Tensor

from golden import cases
from golden.cases import TEXT_TOKENS, golden_id
from support.host_models import build_models, relative, run_decode, run_keyframes, run_sampler
from tooncrafter_core.checkpoints import Checkpoint
from tooncrafter_core.checkpoints.keys import COMPONENT_KEYS, Component
from tooncrafter_core.checkpoints.load import build_network
from tooncrafter_core.config import ModelConfig, ResamplerConfig
from tooncrafter_core.diffusion.guidance import guide_text_and_image
from tooncrafter_core.models.autoencoder import references_from

TOLERANCE = 1e-3
"""Of the golden's standard deviation, on ComfyUI's side of the core."""

UNIFORM_LATENT_WIDTH = 32
"""At this width the official program switches to uniform spacing without guidance rescale."""

LATENT_SCALE = ModelConfig().diffusion.latent_scale


@dataclass(frozen=True)
class Golden:
    """A case: what was asked, and every tensor that was recorded."""

    info: dict[str, Any]
    tensors: dict[str, Tensor]

    @classmethod
    def read(cls, path: Path) -> "Golden":
        return cls(*cases.read(path))

    def __getitem__(self, key: str) -> Tensor:
        return self.tensors[key]

    @property
    def case(self) -> dict[str, Any]:
        return self.info["case"]

    @property
    def key(self) -> str:
        """The same for goldens that one model serves."""
        return self.info["weights_sha256"] + json.dumps(self.info["config"])


def assert_close(found: Tensor, golden: Tensor) -> None:
    deviation = relative(found, golden)
    assert deviation <= TOLERANCE, f"deviates by {deviation:.3g} of the standard deviation"


def denoiser_config(values: dict[str, Any]) -> ModelConfig:
    """A model around a lone denoiser; image features are its image tokens already."""
    unet = cases.unet_config(values)
    resampler = ResamplerConfig(
        dim=32, depth=1, heads=1, dim_head=32,
        embedding_dim=unet.context_dim, output_dim=unet.context_dim,
    )  # fmt: skip
    return ModelConfig(unet=unet, resampler=resampler, text_encoder=None, image_encoder=None)


def complete_config(info: dict[str, Any]) -> ModelConfig:
    image_encoder, text_encoder = cases.encoder_configs(info["clip"])
    return ModelConfig(
        unet=cases.unet_config(info["unet"]),
        resampler=cases.resampler_config(info["resampler"]),
        autoencoder=cases.autoencoder_config(info["vae"]),
        text_encoder=text_encoder,
        image_encoder=image_encoder,
    )


# Models


_built: dict[str, Any] = {}
"""The last model that was built."""


def built_once(key: str, build: Callable[[], Any]) -> Any:
    if key not in _built:
        _built.clear()
        _built[key] = build()
    return _built[key]


def lone_denoiser(golden: Golden) -> Any:
    """The MODEL of a golden that has weights for nothing but the denoiser."""
    config = denoiser_config(golden.info["config"])
    prefix = COMPONENT_KEYS[Component.PROJECTOR].prefix
    projector = build_network(Component.PROJECTOR, config).state_dict()
    unused = {prefix + key: torch.zeros(value.shape) for key, value in projector.items()}
    checkpoint = Checkpoint.from_tensors({**cases.weights(golden.info), **unused})
    return load_model(checkpoint, config, torch.float32)


def denoiser_of(golden: Golden, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A MODEL whose projector hands on the image tokens that the golden has recorded."""
    patcher = built_once(golden.key, lambda: lone_denoiser(golden))
    monkeypatch.setattr(patcher.model, "_project", lambda tokens, _device: tokens)
    return patcher


@pytest.fixture(autouse=True, scope="module")
def _forget_models() -> Iterator[None]:
    yield
    _built.clear()


# Denoiser


@pytest.mark.parametrize("path", cases.found("unet_"), ids=golden_id)
@torch.no_grad()
def test_denoiser_predicts_what_the_official_one_does(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    golden = Golden.read(path)
    patcher = denoiser_of(golden, monkeypatch)
    comfy.model_management.load_models_gpu([patcher])
    model, timesteps = patcher.model, golden["timesteps"]
    sampling = patcher.get_model_object("model_sampling")
    sigma = sampling.sigma(timesteps)
    # ComfyUI's samplers see the latents in other units, and the clean ones instead of v.
    x = sampling.from_network(sigma, golden["x"])
    text, image_tokens = cases.split_context(golden["context"], x.shape[2])
    default_fps = torch.full((x.shape[0],), float(golden.info["config"]["default_fs"]))
    clean = model.apply_model(
        x,
        sigma,
        c_concat=golden["concat"],
        c_crossattn=text,
        image_context=image_tokens,
        fps=golden.tensors.get("fs", default_fps),
    )
    assert_close(sampling.to_v(sigma, x, clean), golden["y"])


# Sampling


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


def conditioning(golden: Golden, text: str, image: str) -> list[list[Any]]:
    """A CONDITIONING as 'ToonCrafter Keyframes' makes it, from recorded contexts."""
    concat = golden["concat"]
    assert not concat[:, :, 1:-1].any(), "the official program puts zeros between the keyframes"
    tokens = golden[image][:, TEXT_TOKENS:]
    values = {
        IMAGE_FEATURES: tokens,
        # A LATENT is in the autoencoder's scale.
        KEYFRAME_LATENTS: concat[:, :, [0, -1]] / LATENT_SCALE,
        MOTION_FPS: float(golden.case["fs"]),
        TOKEN_MODE: "per_frame" if tokens.shape[1] == 16 * concat.shape[2] else "shared",
    }
    return [[golden[text][:, :TEXT_TOKENS], values]]


def spacing_of(golden: Golden) -> str:
    return "uniform" if golden.case["spacing"] == "uniform" else "trailing"


def is_multi(golden: Golden) -> bool:
    return "cfg_img" in golden.case


def ddim_cases(wanted: Callable[[Golden], bool]) -> list[Path]:
    return [path for path in cases.found("ddim_") if wanted(Golden.read(path))]


def scaled(latents: Tensor) -> Tensor:
    return latents * LATENT_SCALE


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


# Autoencoder


def lone_vae(golden: Golden) -> ToonCrafterVAE:
    config = ModelConfig(autoencoder=cases.autoencoder_config(golden.info["config"]))
    return ToonCrafterVAE(Checkpoint.from_tensors(cases.weights(golden.info)), config)


def vae_of(golden: Golden) -> ToonCrafterVAE:
    return built_once(golden.key, lambda: lone_vae(golden))


def clip_of(frames: Tensor) -> Tensor:
    return rearrange(frames, "t c h w -> 1 c t h w")


@pytest.mark.parametrize("path", cases.found("vae_"), ids=golden_id)
@torch.no_grad()
def test_vae_encodes_as_the_official_one(path: Path) -> None:
    golden = Golden.read(path)
    vae = vae_of(golden)
    video = golden["video"]
    latents = vae.encode((rearrange(video, "1 c t h w -> t h w c") + 1) / 2)
    assert_close(latents, clip_of(golden["mean"]))

    posterior = vae.encode_keyframes(rearrange(video, "1 c t h w -> t c h w"))
    assert_close(posterior.mean, golden["mean"])
    assert_close(posterior.log_variance, golden["logvar"])
    assert_close(posterior.sample(golden["noise"]), golden["z_sample"])
    ends = [feature[[0, -1]] for feature in posterior.features]
    for number, reference in enumerate(references_from(ends)):
        assert_close(reference, golden[f"ref_context.{number}"])


@pytest.mark.parametrize("path", cases.found("vae_"), ids=golden_id)
@torch.no_grad()
def test_vae_decodes_with_references_as_the_official_one(path: Path) -> None:
    golden = Golden.read(path)
    vae = vae_of(golden)
    latents = clip_of(golden["z_sample"])
    keyframes = rearrange(golden["video"][:, :, [0, -1]], "1 c r h w -> r c h w")
    video = vae.decode_with_references(latents, keyframes, second_pass=False, budget=None)
    decoded = clip_of(golden["decoded"])
    assert_close(video, decoded.clamp(-1, 1))

    # The golden goes beyond [-1, 1], where the method above has cut it.
    network = vae.first_stage_model.network
    references = references_from(network.encode(keyframes).features)
    assert_close(network.decode(latents, references), decoded)


@pytest.mark.parametrize("path", cases.found("vae_"), ids=golden_id)
def test_stock_decode_gives_the_official_picture_without_references(path: Path) -> None:
    golden = Golden.read(path)
    image = vae_of(golden).decode(clip_of(golden["z_sample"]))
    expected = clip_of(golden["decoded_noref"]).clamp(-1, 1)
    assert_close(rearrange(image, "b t h w c -> b c t h w") * 2 - 1, expected)


# End to end


@pytest.mark.parametrize("path", cases.found("e2e"), ids=golden_id)
def test_two_pictures_and_a_seed_give_the_official_frames(path: Path) -> None:
    golden = Golden.read(path)
    case, config = golden.case, complete_config(golden.info)
    models = build_models(cases.weights(golden.info), config)
    first, last = (
        rearrange(golden[key], "c h w -> 1 h w c").float() / 255 for key in ("img1", "img2")
    )
    positive, negative, latent = run_keyframes(
        models,
        first,
        last,
        positive=models.prompt(golden.info["prompt"]),
        width=case["W"],
        height=case["H"],
        frames=case["t"],
        motion_fps=case["fs"],
        fit="official",
        seed=case["seed"],
    )
    for text, context in ((positive, "cond_context"), (negative, "uncond_context")):
        assert_close(text[0][0], golden[context][:, :TEXT_TOKENS])
    assert_close(scaled(positive[0][1][KEYFRAME_LATENTS]), golden["z"][:, :, [0, -1]])

    if case["t"] != config.resampler.video_length:
        # What the official program does with such a clip without saying so, ours only if told to.
        for text in (positive, negative):
            text[0][1][TOKEN_MODE] = "shared"
    if latent["samples"].shape[-1] == UNIFORM_LATENT_WIDTH:
        latent = sample_uniformly(models.model, positive, negative, latent, case)
    else:
        latent = run_sampler(
            models.model, positive, negative, latent,
            seed=case["seed"], steps=case["steps"], cfg=case["cfg"], eta=case["eta"],
            guidance_rescale=case.get("guidance_rescale", 0.7),
        )  # fmt: skip
    assert_close(scaled(latent["samples"]), golden["samples"])

    frames = run_decode(models, latent, first, last)
    video = rearrange(frames, "t h w c -> 1 c t h w") * 2 - 1
    assert_close(video, golden["final"].clamp(-1, 1))


def sample_uniformly(
    model: Any,
    positive: list[list[Any]],
    negative: list[list[Any]],
    latent: dict[str, Any],
    case: dict[str, Any],
) -> dict[str, Any]:
    """Sample by the parts, as the official program does at a width of 256."""
    empty = latent["samples"]
    samples = comfy.sample.sample_custom(
        model,
        sampler_module.NoiseStream(case["seed"], empty.shape).start(),
        case["cfg"],
        ToonCrafterDDIM.execute(case["eta"]).args[0],
        ToonCrafterSigmas.execute(model, case["steps"], "uniform").args[0],
        positive,
        negative,
        empty,
        disable_pbar=True,
        seed=case["seed"],
    )
    return {**latent, "samples": samples}


@cases.own_goldens_only
def test_there_are_goldens_of_every_family() -> None:
    assert all(cases.found(family) for family in ("unet_", "ddim_", "vae_", "e2e"))
