"""What training begins from when there are no weights."""

import pytest
import torch
from torch import nn

from support.networks import normal
from tooncrafter_core.config.presets import MINI, TINY, TINY_SKETCH
from tooncrafter_core.models.clip.encoders import ImageEncoder, TextEncoder
from tooncrafter_core.models.initialization import init_layers
from tooncrafter_core.models.projector import Resampler
from tooncrafter_core.models.sketch_encoder import SketchEncoder


def seeded(number: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def test_layers_keep_the_size_of_what_goes_through() -> None:
    network = nn.Sequential(*(nn.Conv2d(64, 64, 3, padding=1, padding_mode="circular")
                              for _ in range(4)))  # fmt: skip
    init_layers(network, seeded())
    x = normal(2, 64, 16, 16)
    with torch.no_grad():
        assert network(x).std() == pytest.approx(1.0, abs=0.15)


def test_a_new_sketch_encoder_adds_nothing_and_can_learn() -> None:
    network = SketchEncoder(TINY_SKETCH)
    network.init_weights(seeded())
    hints = network.read_hints(normal(2, 1, 64, 64).sigmoid())
    given = network(normal(1, 4, 2, 8, 8), hints, torch.tensor([300]), normal(1, 3, 64))
    assert not any(residual.any() for residual in given)
    sum((residual - 1).square().sum() for residual in given).backward()  # type: ignore[union-attr]
    assert all(weight.grad.any() for weight in network.zero_convs[0].parameters())  # type: ignore[union-attr]


def test_a_new_projector_tells_the_frames_apart() -> None:
    projector = Resampler(TINY.resampler)
    projector.init_weights(seeded())
    with torch.no_grad():
        tokens = projector(normal(1, 50, 64)).unflatten(1, (16, 16))
    assert tokens.std() == pytest.approx(1.0, abs=0.3)
    assert (tokens[:, 0] - tokens[:, 15]).std() > 0.5


def test_a_new_text_encoder_reads_words_alone_and_by_place() -> None:
    assert MINI.text_encoder is not None
    encoder = TextEncoder(MINI.text_encoder)
    encoder.init_weights(seeded())
    one, other = encoder.encode(["a cat", "three dogs run home"])
    assert torch.equal(one, other)
    assert not torch.equal(one[0], one[1])


def test_a_new_image_encoder_keeps_the_colours_of_patches() -> None:
    assert MINI.image_encoder is not None
    encoder = ImageEncoder(MINI.image_encoder, text=MINI.text_encoder)
    encoder.init_weights(seeded())
    pictures = torch.full((2, 3, 224, 224), 0.2)
    pictures[1, 0, :32, :32] = 0.9
    one, other = encoder.encode(pictures)
    changed = (one - other).abs().amax(1) > 1e-3
    # The class token and every patch but the first few, which the resampling of a border reaches.
    assert changed[1] and not changed[0] and not changed[10:].any()
    filters = encoder.visual.conv1.weight.flatten(1)
    products = filters @ filters.T
    assert (products - products.diag().diag()).abs().max() < 1e-4 * products.max()
