"""ComfyUI's objects for tests, in the test process: built from tensors, or empty of meaning.

Imported only by tests in `tests/comfyui`, whose conftest has loaded ComfyUI and the pack before.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
from tooncrafter_pack.nodes.bridge.autoencoder import ToonCrafterVAE
from tooncrafter_pack.nodes.bridge.denoiser import load_model
from tooncrafter_pack.nodes.bridge.encoders.image import load_image_encoder
from tooncrafter_pack.nodes.bridge.encoders.text import load_text_encoder
from tooncrafter_pack.nodes.decode import ToonCrafterDecode
from tooncrafter_pack.nodes.keyframes import ToonCrafterKeyframes
from tooncrafter_pack.nodes.load import LoadToonCrafter
from tooncrafter_pack.nodes.sampling import ToonCrafterSampler
from tooncrafter_pack.tooncrafter_core.config.embedded import MINI as MINI_FILE
from torch import Tensor

from support.checkpoints import tiny_tensors
from tooncrafter_core.checkpoints import Checkpoint
from tooncrafter_core.config.model import ModelConfig
from tooncrafter_core.config.presets import MINI, TINY

Conditioning = list[list[Any]]
Latent = dict[str, Any]


@dataclass(frozen=True)
class HostModels:
    """What 'Load ToonCrafter' gives, and the configuration it was built from."""

    config: ModelConfig
    model: Any
    clip: Any
    clip_vision: Any
    vae: Any

    def prompt(self, text: str) -> Conditioning:
        """A prompt as ComfyUI's CLIP Text Encode gives it."""
        return self.clip.encode_from_tokens_scheduled(self.clip.tokenize(text))


def build_models(tensors: Mapping[str, Tensor], config: ModelConfig) -> HostModels:
    """All four objects in float32 from a complete state dict."""
    checkpoint = Checkpoint.from_tensors(tensors)
    assert config.text_encoder is not None and config.image_encoder is not None
    return HostModels(
        config=config,
        model=load_model(checkpoint, config, torch.float32),
        clip=load_text_encoder(checkpoint, config.text_encoder),
        clip_vision=load_image_encoder(checkpoint, config.image_encoder),
        vae=ToonCrafterVAE(checkpoint, config),
    )


def tiny_models() -> HostModels:
    """All four objects of the tiny preset, with made-up weights."""
    return build_models(tiny_tensors(with_buffers=False), TINY)


def mini_models() -> HostModels:
    """All four objects of the mini model that comes with the pack, as the node gives them."""
    return HostModels(MINI, *LoadToonCrafter.execute(MINI_FILE, "none", "none", "default").args)


def run_keyframes(
    models: HostModels,
    first: Tensor,
    last: Tensor,
    *,
    positive: Conditioning | None = None,
    negative: Conditioning | None = None,
    width: int = 64,
    height: int = 64,
    frames: int = 4,
    motion_fps: int = 10,
    fit: str = "crop",
    seed: int = 123,
) -> tuple[Conditioning, Conditioning, Latent]:
    """'ToonCrafter Keyframes', with a prompt and an empty negative one unless given."""
    positive = models.prompt("an anime scene") if positive is None else positive
    negative = models.prompt("") if negative is None else negative
    return ToonCrafterKeyframes.execute(
        positive, negative, models.clip_vision, models.vae, first, last,
        width, height, frames, motion_fps, fit, seed,
    ).args  # fmt: skip


def run_sampler(
    model: Any,
    positive: Conditioning,
    negative: Conditioning,
    latent: Latent,
    *,
    seed: int = 123,
    steps: int = 2,
    cfg: float = 7.5,
    eta: float = 1.0,
    guidance_rescale: float = 0.7,
    **options: Any,
) -> Latent:
    """'ToonCrafter Sampler (DDIM)'."""
    # ComfyUI gives every node it runs its hidden values in this way.
    node = type("RunningSampler", (ToonCrafterSampler,), {"hidden": SimpleNamespace(unique_id="1")})
    arguments = (model, positive, negative, latent, seed, steps, cfg, eta, guidance_rescale)
    return node.execute(*arguments, **options).args[0]


def run_decode(
    models: HostModels,
    latent: Latent,
    first: Tensor | None = None,
    last: Tensor | None = None,
    *,
    second_pass: bool = True,
    memory_budget: int = 0,
    **options: Any,
) -> Tensor:
    """'ToonCrafter Decode'."""
    node = type("RunningDecode", (ToonCrafterDecode,), {"hidden": SimpleNamespace(unique_id=None)})
    arguments = (models.vae, latent, first, last, second_pass, memory_budget)
    return node.execute(*arguments, **options).args[0]


def filled(latent: Latent) -> Latent:
    """An empty clip with noise in it, as if it had been sampled."""
    noise = torch.randn(latent["samples"].shape, generator=torch.Generator().manual_seed(0))
    return {**latent, "samples": noise}


def picture(seed: int, height: int = 64, width: int = 64, channels: int = 3) -> Tensor:
    """An IMAGE of soft coloured blots, 1 h w c in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    small = torch.rand(1, channels, 5, 5, generator=generator)
    large = torch.nn.functional.interpolate(small, (height, width), mode="bicubic")
    return large.clamp(0, 1).movedim(1, -1).contiguous()


def relative(found: Tensor, expected: Tensor) -> float:
    """The largest difference, measured in standard deviations of what is expected."""
    assert found.shape == expected.shape
    difference = (found.double() - expected.double()).abs().max()
    return (difference / expected.double().std()).item()
