"""Floats to the levels of files and back."""

import numpy as np
import torch

from tooncrafter_core.pictures.levels import (
    MOST_IN_16_BITS,
    at_levels,
    from_levels,
    from_levels_to_unit,
    from_unit,
    on_scale_of_levels,
    to_levels,
)

LEVELS = torch.arange(256, dtype=torch.uint8)


def test_every_level_comes_back_and_is_the_official_value() -> None:
    values = from_levels(LEVELS)
    assert values.dtype == torch.float32
    assert torch.equal(to_levels(values), LEVELS)
    assert torch.equal(values, (LEVELS.float() / 255 - 0.5) * 2)
    assert torch.equal(values, from_unit(torch.from_numpy(from_levels_to_unit(LEVELS.numpy()))))
    assert torch.equal(at_levels(values), values)


def test_values_go_to_the_nearest_level_and_what_is_beyond_to_the_last() -> None:
    values = torch.tensor([-3.0, -1.0, 99.4 / 127.5 - 1, 99.6 / 127.5 - 1, 1.0, 3.0])
    assert to_levels(values).tolist() == [0, 0, 99, 100, 255, 255]
    # In bfloat16 the scale itself would be off by a level.
    halves = values.bfloat16()
    assert torch.equal(to_levels(halves), to_levels(halves.float()))
    assert at_levels(halves).dtype == torch.float32


def test_the_scale_of_levels_is_neither_clamped_nor_rounded() -> None:
    found = on_scale_of_levels(torch.tensor([-2.0, -1.0, 0.0, 1.0]))
    assert found.tolist() == [-127.5, 0.0, 127.5, 255.0]


def test_sixteen_bits_reach_white_too() -> None:
    deep = np.array([0, 257, 65535], dtype=np.uint16)
    assert from_levels_to_unit(deep, MOST_IN_16_BITS).tolist() == [0.0, np.float32(1 / 255), 1.0]
