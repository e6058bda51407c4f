"""The official program's cases on ComfyUI's side: what was recorded, and objects of their weights.

Imported only by tests in `tests/comfyui`. A case has to agree within 1e-3 of the golden's standard
deviation on whatever ComfyUI is under test.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from tooncrafter_pack.nodes.bridge.conditioning import (
    IMAGE_FEATURES,
    KEYFRAME_LATENTS,
    MOTION_FPS,
    TOKEN_MODE,
)
from tooncrafter_pack.nodes.bridge.denoiser import load_model
from torch import Tensor

from golden import cases
from golden.cases import TEXT_TOKENS
from support.host_models import relative
from tooncrafter_core.checkpoints import Checkpoint
from tooncrafter_core.checkpoints.keys import COMPONENT_KEYS, Component
from tooncrafter_core.checkpoints.load import build_network
from tooncrafter_core.config.model import ModelConfig, ResamplerConfig, UNetConfig

TOLERANCE = 1e-3
"""Of the golden's standard deviation, on ComfyUI's side of the core."""

LATENT_SCALE = ModelConfig().diffusion.latent_scale


@dataclass(frozen=True)
class Golden:
    """A case: what was asked, and every tensor that was recorded."""

    info: dict[str, Any]
    tensors: dict[str, Tensor]

    @classmethod
    def read(cls, path: Path) -> "Golden":
        """Read the two files of a case."""
        return cls(*cases.read(path))

    def __getitem__(self, key: str) -> Tensor:
        """One recorded tensor."""
        return self.tensors[key]

    @property
    def case(self) -> dict[str, Any]:
        """What was asked."""
        return self.info["case"]

    @property
    def key(self) -> str:
        """The same for goldens that one model serves."""
        return self.info["weights_sha256"] + json.dumps(self.info["config"])


def assert_close(found: Tensor, golden: Tensor) -> None:
    """Compare with the tolerance of ComfyUI's side."""
    deviation = relative(found, golden)
    assert deviation <= TOLERANCE, f"deviates by {deviation:.3g} of the standard deviation"


def lone_denoiser_config(unet: UNetConfig) -> ModelConfig:
    """A model around a lone denoiser; image features are its image tokens already."""
    resampler = ResamplerConfig(
        dim=32, depth=1, heads=1, dim_head=32,
        embedding_dim=unet.context_dim, output_dim=unet.context_dim,
    )  # fmt: skip
    return ModelConfig(unet=unet, resampler=resampler, text_encoder=None, image_encoder=None)


_built: dict[str, Any] = {}
"""The last model that was built."""


def built_once(key: str, build: Callable[[], Any]) -> Any:
    """What is built of a golden's weights, kept until another golden's is asked for."""
    if key not in _built:
        _built.clear()
        _built[key] = build()
    return _built[key]


def load_lone_denoiser(tensors: dict[str, Tensor], config: ModelConfig) -> Any:
    """The MODEL of weights for nothing but the denoiser."""
    prefix = COMPONENT_KEYS[Component.PROJECTOR].prefix
    projector = build_network(Component.PROJECTOR, config).state_dict()
    unused = {prefix + key: torch.zeros(value.shape) for key, value in projector.items()}
    return load_model(Checkpoint.from_tensors({**tensors, **unused}), config, torch.float32)


def denoiser_of(golden: Golden, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A MODEL whose projector hands on the image tokens that the golden has recorded."""
    config = lone_denoiser_config(cases.unet_config(golden.info["config"]))
    patcher = built_once(golden.key, lambda: load_lone_denoiser(cases.weights(golden.info), config))
    monkeypatch.setattr(patcher.model, "_project", lambda tokens, _device: tokens)
    return patcher


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


def scaled(latents: Tensor) -> Tensor:
    """A LATENT in the scale of the denoiser, as goldens have it."""
    return latents * LATENT_SCALE
