"""What the golden tests share: finding cases, their weights, networks and tolerance.

Every case found in TOONCRAFTER_GOLDENS is run, whatever its sizes, seeds and configuration.
"""

import json
import os
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from einops import rearrange
from safetensors.torch import load_file
from torch import Tensor, nn

from golden import recipe
from tooncrafter_core.conditioning.condition import Condition
from tooncrafter_core.config.model import (
    AutoencoderConfig,
    ImageEncoderConfig,
    ResamplerConfig,
    TextEncoderConfig,
    UNetConfig,
)

FOLDER = Path(os.environ.get("TOONCRAFTER_GOLDENS", Path(__file__).parent / "data"))

TEXT_TOKENS = 77
"""Where the official program cuts a context into text and image tokens."""

OUR_NAMES = {
    "default_fs": "default_fps", "ch": "channels", "ch_mult": "channel_mult",
    "out_ch": "out_channels",
}  # fmt: skip
"""Names in the official configurations that ours call otherwise."""

own_goldens_only = pytest.mark.skipif(
    "TOONCRAFTER_GOLDENS" in os.environ, reason="the folder is someone else's"
)


def found(family: str) -> list[Path]:
    """The cases whose file name begins with ``family``."""
    return sorted(FOLDER.glob(f"{family}*.json"))


def golden_id(path: Path) -> str:
    """The name of a case in the test report."""
    return path.stem


def read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The description and the tensors of a case."""
    return json.loads(path.read_text("utf-8")), load_file(path.with_suffix(".safetensors"))


def assert_close(actual: Tensor, golden: Tensor, data: dict[str, Any], what: str = "") -> None:
    """Compare with the tolerance that the case states."""
    assert actual.shape == golden.shape
    allowed = data["tolerance"]["atol_rel_to_std"] * golden.double().std()
    deviation = (actual.double() - golden.double()).abs().max()
    assert deviation <= allowed, f"{what} deviates by {deviation:.3g}, allowed is {allowed:.3g}"


def weights(part: dict[str, Any]) -> dict[str, Tensor]:
    """Rebuild a case's weights by the recipe; their checksum must be the stated one."""
    return _weights(part["tag"], json.dumps(part["state_dict"]), part["weights_sha256"])


@cache
def _weights(tag: str, state_dict: str, sha256: str) -> dict[str, Tensor]:
    tensors = recipe.make_state_dict(tag, json.loads(state_dict))
    assert recipe.digest(tensors) == sha256
    return tensors


def from_config(kind: type, values: dict[str, Any]) -> Any:
    """Our configuration from the official one's values."""
    names = {field.name for field in fields(kind)}
    renamed = {OUR_NAMES.get(name, name): value for name, value in values.items()}
    return kind(**{name: value for name, value in renamed.items() if name in names})


def unet_config(values: dict[str, Any]) -> UNetConfig:
    """The denoiser's configuration."""
    return from_config(UNetConfig, values)


def autoencoder_config(values: dict[str, Any]) -> AutoencoderConfig:
    """The autoencoder's configuration."""
    return from_config(AutoencoderConfig, values)


def resampler_config(values: dict[str, Any]) -> ResamplerConfig:
    """The projector's configuration."""
    return from_config(ResamplerConfig, values)


def encoder_configs(clip: dict[str, Any]) -> tuple[ImageEncoderConfig, TextEncoderConfig]:
    """The configurations of both encoders."""
    shared = {"embed_dim": clip["embed_dim"]}
    return (
        from_config(ImageEncoderConfig, {**clip["vision"], **shared}),
        from_config(TextEncoderConfig, {**clip["text"], **shared}),
    )


def load_part(network: nn.Module, tensors: dict[str, Tensor], prefix: str) -> Any:
    """Fill a network built on the meta device, strictly, and return it."""
    part = {key.removeprefix(prefix): v for key, v in tensors.items() if key.startswith(prefix)}
    network.load_state_dict(part, assign=True)
    return network.requires_grad_(False).eval()


def split_context(context: Tensor, num_frames: int, num_queries: int = 16) -> tuple[Tensor, Tensor]:
    """Text tokens, and image tokens per frame if there are as many as that takes."""
    text, image = context[:, :TEXT_TOKENS], context[:, TEXT_TOKENS:]
    if image.shape[1] == num_queries * num_frames:
        image = rearrange(image, "b (t l) c -> b t l c", l=num_queries)
    return text, image


def condition(context: Tensor, keyframe_latents: Tensor, motion_fps: Tensor) -> Condition:
    """A condition from the tensors of a case."""
    text, image_tokens = split_context(context, keyframe_latents.shape[2])
    return Condition(
        text=text,
        image_tokens=image_tokens,
        keyframe_latents=keyframe_latents,
        motion_fps=motion_fps.float(),
    )
