"""The projector makes the same number of tokens of any picture."""

import pytest

from support.networks import deviation, filled, normal
from tooncrafter_core.config.presets import TINY
from tooncrafter_core.models.projector import Resampler

CONFIG = TINY.resampler


@pytest.mark.parametrize("tokens", [1, 17, 257])
def test_tokens_are_16_for_each_of_16_frames(tokens: int) -> None:
    projector = filled(Resampler(CONFIG, device="meta"))
    out = projector(normal(2, tokens, CONFIG.embedding_dim))
    assert out.shape == (2, 256, CONFIG.output_dim)


def test_pictures_of_a_batch_do_not_meet() -> None:
    projector = filled(Resampler(CONFIG, device="meta"))
    x = normal(2, 17, CONFIG.embedding_dim)
    assert deviation(projector(x[1:]), projector(x)[1:]) < 1e-5


def test_projector_works_in_half_precision() -> None:
    projector = filled(Resampler(CONFIG, device="meta"))
    x = normal(1, 17, CONFIG.embedding_dim)
    expected = projector(x)
    assert deviation(projector.bfloat16()(x.bfloat16()).float(), expected) < 0.2
