"""ComfyUI's own nodes on our CLIP_VISION, and our encoding compared with theirs."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tooncrafter_pack.nodes.bridge.encoders.image import (
    encode_image,
    load_image_encoder,
    load_image_encoder_file,
)

import nodes as host_nodes
from support.host_models import picture
from tooncrafter_core.checkpoints import build_models, save_checkpoint
from tooncrafter_core.checkpoints.synthetic import made_up_checkpoint
from tooncrafter_core.config.model import ModelConfig
from tooncrafter_core.config.presets import MINI, TINY
from tooncrafter_core.models.clip.preprocess import preprocess_for_image_encoder


@pytest.mark.parametrize("config", [MINI, TINY])
def test_comfyuis_own_encoding_gives_every_output(pack: Any, config: ModelConfig) -> None:
    assert config.image_encoder is not None
    checkpoint = made_up_checkpoint(config)
    clip_vision = load_image_encoder(checkpoint, config.image_encoder)
    output = host_nodes.CLIPVisionEncode().encode(clip_vision, picture(3), "center")[0]
    tokens = (config.image_encoder.image_size // config.image_encoder.patch_size) ** 2 + 1
    width = config.image_encoder.width
    for name in ("last_hidden_state", "penultimate_hidden_states"):
        assert output[name].shape == (1, tokens, width)
        assert output[name].isfinite().all()
    assert output["image_embeds"].shape == (1, config.image_encoder.embed_dim)
    assert output["image_embeds"].isfinite().all()
    # What goes into the last layer is something else than what comes out.
    difference = output["last_hidden_state"] - output["penultimate_hidden_states"]
    assert difference.abs().max() > 0.01


def test_an_encoder_in_a_file_of_its_own_may_have_narrow_layers(pack: Any, tmp_path: Path) -> None:
    # The mini model's: its layers widen to once their width, where published ones widen fourfold.
    checkpoint = made_up_checkpoint(MINI)
    prefix = "embedder.model."
    own = {k.removeprefix(prefix): v for k, v in checkpoint.items() if k.startswith(prefix)}
    path = tmp_path / "image_encoder.safetensors"
    save_checkpoint({k: v for k, v in own.items() if k.startswith("visual.")}, path)
    assert MINI.image_encoder is not None
    alone = load_image_encoder_file(path, MINI)
    within = load_image_encoder(checkpoint, MINI.image_encoder)
    image = picture(1).movedim(-1, 1) * 2 - 1
    assert torch.equal(encode_image(alone, image), encode_image(within, image))


def test_an_encoder_of_one_layer_gives_its_tokens(pack: Any) -> None:
    assert MINI.image_encoder is not None
    checkpoint = made_up_checkpoint(MINI)
    clip_vision = load_image_encoder(checkpoint, MINI.image_encoder)
    layers = clip_vision.model.vision_model.encoder.layers
    pictures = torch.cat([picture(1), picture(2)]).movedim(-1, 1) * 2 - 1
    found = encode_image(clip_vision, pictures)

    # The same network without the layer that passes all things on.
    clip_vision.model.vision_model.encoder.layers = layers[-1:]
    assert torch.equal(encode_image(clip_vision, pictures), found)

    network = build_models(checkpoint).image_encoder
    assert network is not None
    expected = network(preprocess_for_image_encoder(pictures, 224))
    assert (found - expected).abs().max() < 1e-4 * expected.std()
