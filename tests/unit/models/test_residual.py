"""Convolutional layers of the denoiser."""

import math

import pytest
import torch
import torch.nn.functional as F
from einops import rearrange

from support.networks import deviation, filled, normal
from tooncrafter_core.layers.operations import TORCH_OPERATIONS
from tooncrafter_core.models.residual import Downsample, ResBlock, Upsample, sinusoidal_embedding


def test_embedding_begins_with_cosines_and_pads_odd_widths() -> None:
    embedding = sinusoidal_embedding(torch.tensor([0, 7]), 5)
    assert embedding.shape == (2, 5)
    assert embedding[0].tolist() == [1, 1, 0, 0, 0]
    expected = [math.cos(7), math.cos(0.07), math.sin(7), math.sin(0.07), 0]
    torch.testing.assert_close(embedding[1], torch.tensor(expected))


def test_embedding_is_float32_for_every_kind_of_number() -> None:
    halves = sinusoidal_embedding(torch.tensor([999.0], dtype=torch.float16), 8)
    assert halves.dtype == torch.float32
    assert torch.equal(halves, sinusoidal_embedding(torch.tensor([999]), 8))


def res_block(has_temporal_conv: bool) -> ResBlock:
    block = ResBlock(32, 64, 16, 32, TORCH_OPERATIONS, has_temporal_conv=has_temporal_conv)
    return filled(block)


def test_frames_of_a_clip_are_joined_and_clips_are_not() -> None:
    block, x, embedding = res_block(True), normal(8, 32, 4, 4), normal(8, 16, seed=1)
    both = block(x, embedding, 4)
    assert both.shape == (8, 64, 4, 4)
    assert deviation(block(x[4:], embedding[4:], 4), both[4:]) < 1e-5
    changed = x.clone()
    changed[7] += 1
    assert deviation(block(changed, embedding, 4)[:4], both[:4]) < 1e-5
    assert (block(changed, embedding, 4)[4] - both[4]).abs().max() > 1e-4


def test_without_the_temporal_convolution_frames_do_not_meet() -> None:
    block, x, embedding = res_block(False), normal(4, 32, 4, 4), normal(4, 16, seed=1)
    assert deviation(block(x[2:3], embedding[2:3], 1), block(x, embedding, 4)[2:3]) < 1e-5


def test_downsampling_halves_the_sides() -> None:
    x = normal(2, 8, 6, 10)
    assert filled(Downsample(8, TORCH_OPERATIONS))(x).shape == (2, 8, 3, 5)


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_enlarging_is_nearest_neighbour_and_a_convolution(order: torch.memory_format) -> None:
    up = filled(Upsample(8, TORCH_OPERATIONS)).double()
    x = normal(2, 8, 5, 7).double().to(memory_format=order)
    nearest = rearrange(x[..., None, None].expand(2, 8, 5, 7, 2, 2),
                        "b c h w i j -> b c (h i) (w j)")  # fmt: skip
    expected = F.conv2d(nearest, up.conv.weight, up.conv.bias, padding=1)
    with torch.no_grad():
        found = up(x)
    assert found.shape == (2, 8, 10, 14) and found.is_contiguous(memory_format=order)
    assert deviation(found, expected) < 1e-14
    # As it is computed while something learns.
    assert deviation(up(x).detach(), expected) < 1e-14
