"""The part of the denoiser that the sketch encoder has too."""

import itertools

import torch
from torch import Tensor

from tooncrafter_core.config.model import UNetConfig
from tooncrafter_core.layers.operations import TORCH_OPERATIONS
from tooncrafter_core.models.denoiser_blocks import BlockInputs, FrameNetwork, run_block
from tooncrafter_core.models.residual import Downsample
from tooncrafter_core.models.transformers import SpatialTransformer, TemporalTransformer

CONFIG = UNetConfig(
    model_channels=32,
    channel_mult=(1, 2),
    num_res_blocks=1,
    attention_resolutions=(2,),
    num_head_channels=16,
    context_dim=8,
)
FRAMES = 3


def network(has_time_layers: bool = False) -> FrameNetwork:
    torch.manual_seed(0)
    return FrameNetwork(
        CONFIG,
        has_time_layers=has_time_layers,
        has_image_tokens=False,
        operations=TORCH_OPERATIONS,
        dtype=None,
        device=None,
    )


def inputs(*contexts: Tensor) -> BlockInputs:
    return BlockInputs(
        embedding=torch.ones(FRAMES, CONFIG.model_channels * 4),
        num_frames=FRAMES,
        contexts=itertools.cycle(contexts),
        image_context=None,
        options=None,
    )


def test_encoder_blocks_follow_the_plan_with_transformers_where_the_level_has_them() -> None:
    blocks = list(network(has_time_layers=True)._encoder_blocks())
    assert [channels for channels, _ in blocks] == [32, 32, 64]
    assert [len(block) for _, block in blocks] == [1, 1, 3]
    assert isinstance(blocks[1][1][0], Downsample)
    assert isinstance(blocks[2][1][1], SpatialTransformer)
    assert isinstance(blocks[2][1][2], TemporalTransformer)


@torch.no_grad()
def test_without_time_layers_a_frame_depends_on_no_other() -> None:
    block = network()._middle_block(32)
    frames = torch.randn(FRAMES, 32, 4, 4, generator=torch.Generator().manual_seed(1))
    told = inputs(torch.ones(1, 2, 8))
    changed = frames.clone()
    changed[0] = 0.0
    before, after = run_block(block, frames, told), run_block(block, changed, told)
    assert torch.equal(before[1:], after[1:])
    assert not torch.allclose(before[0], after[0])


@torch.no_grad()
def test_each_spatial_transformer_takes_the_next_context() -> None:
    block = network()._middle_block(32)
    frames = torch.randn(FRAMES, 32, 4, 4, generator=torch.Generator().manual_seed(1))
    first, second = torch.zeros(1, 2, 8), torch.ones(1, 2, 8)
    told = inputs(first, second)
    runs = [run_block(block, frames, told) for _ in range(2)]
    assert torch.equal(runs[0], run_block(block, frames, inputs(first)))
    assert torch.equal(runs[1], run_block(block, frames, inputs(second)))
    assert not torch.allclose(runs[0], runs[1])
