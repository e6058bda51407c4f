"""Made-up weights follow the goldens' recipe and the published layout."""

import pytest
import torch

from golden.recipe import make_param
from support.checkpoints import manifest, tiny_tensors
from tooncrafter_core.checkpoints import detect
from tooncrafter_core.checkpoints.keys import SCHEDULE_BUFFERS
from tooncrafter_core.checkpoints.load import check_models
from tooncrafter_core.checkpoints.synthetic import made_up_checkpoint, made_up_tensor
from tooncrafter_core.config.model import ModelConfig
from tooncrafter_core.config.presets import TINY
from tooncrafter_core.diffusion.schedule import schedule_buffers


@pytest.mark.parametrize(
    ("key", "shape"),
    [
        ("a.mix_factor", (1,)),
        ("a.norm.weight", (7,)),
        ("a.bias", (7,)),
        ("a.logit_scale", ()),
        ("image_proj_model.latents", (1, 6, 4)),
        ("visual.class_embedding", (5,)),
        ("positional_embedding", (5, 4)),
        ("embedder.model.token_embedding.weight", (5, 4)),
        ("a.weight", (4, 3, 3, 1, 1)),
        ("attn.in_proj_weight", (6, 2)),
    ],
)
def test_each_kind_of_tensor_is_the_recipes(key: str, shape: tuple[int, ...]) -> None:
    assert torch.equal(made_up_tensor("t", key, shape), make_param("t", key, shape))


def test_tiny_checkpoint_is_complete_and_describes_itself() -> None:
    checkpoint = made_up_checkpoint()
    assert set(checkpoint) == set(tiny_tensors())
    assert detect(checkpoint) == TINY
    check_models(checkpoint, TINY)
    buffers = schedule_buffers(TINY.diffusion)
    assert all(torch.equal(checkpoint[name], buffers[name]) for name in SCHEDULE_BUFFERS)


def test_full_size_has_the_published_keys_and_takes_no_memory_until_read() -> None:
    checkpoint = made_up_checkpoint(ModelConfig(), tag="full")
    assert checkpoint.shapes == manifest("tooncrafter_512")
    assert checkpoint.nbytes > 10e9


def test_another_tag_gives_other_weights() -> None:
    key = "model.diffusion_model.out.2.weight"
    one, two = (made_up_checkpoint(tag=tag)[key] for tag in ("tiny", "other"))
    assert not torch.equal(one, two)
    assert torch.equal(one, made_up_checkpoint()[key])
