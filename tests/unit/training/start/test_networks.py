"""What training begins with, where a part of a network gets new weights."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from support.training import SMALLEST, write_smallest
from tooncrafter_core.checkpoints import save_checkpoint
from tooncrafter_core.checkpoints.files.read import Checkpoint, read_checkpoint
from tooncrafter_core.checkpoints.synthetic import made_up_checkpoint
from tooncrafter_core.errors import TrainingError
from tooncrafter_core.layers.operations import TORCH_OPERATIONS
from tooncrafter_core.training.settings.config import StartConfig
from tooncrafter_core.training.start.networks import start_models

MOVING = replace(
    SMALLEST,
    unet=replace(SMALLEST.unet, in_channels=16, warps_keyframes=True),
    autoencoder=replace(SMALLEST.autoencoder, warps_references=True),
)
WARP = "decoder.warp."
MATCHING = "keyframe_warp.matching."


def write_moving(path: Path, other_warp: bool = False) -> Path:
    """A model that moves keyframes; with a warp of other sizes, as an earlier program made it."""
    made = made_up_checkpoint(MOVING)
    tensors: dict[str, Tensor] = {key: made[key].clone() for key in made}
    if other_warp:
        warp = [key for key in tensors if WARP in key]
        for key in warp:
            tensors[key] = torch.zeros(3)
    save_checkpoint(Checkpoint.from_tensors(tensors), path, config=MOVING)
    return path


@pytest.mark.parametrize("other_warp", [False, True])
def test_only_the_reference_warp_gets_new_weights(tmp_path: Path, other_warp: bool) -> None:
    path = str(write_moving(tmp_path / "moving.safetensors", other_warp))
    made = made_up_checkpoint(MOVING)
    start = StartConfig(checkpoint=path, fresh=["reference_warp"])
    models = start_models(start, TORCH_OPERATIONS, 5)
    state = models.autoencoder.state_dict()
    for key, value in state.items():
        if WARP not in key:
            assert torch.equal(value, made[f"first_stage_model.{key}"]), key
    again = start_models(start, TORCH_OPERATIONS, 5).autoencoder.state_dict()
    assert all(torch.equal(value, again[key]) for key, value in state.items())
    assert not state[f"{WARP}choice.weights.weight"].any()
    # It knows what the denoiser knows of matching, whose latents are scaled.
    of_denoiser = models.denoiser.state_dict()
    scale = MOVING.diffusion.latent_scale
    for key in ("describe.weight", "weights", "by_way", "blocks.0.2.weight"):
        found = state[f"{WARP}keyframe_matching.{key}"]
        assert torch.equal(found, of_denoiser[f"{MATCHING}{key}"])
    for key in ("conv_in.weight", "plain.weight"):
        found = state[f"{WARP}keyframe_matching.{key}"]
        torch.testing.assert_close(found, of_denoiser[f"{MATCHING}{key}"] * scale)


def test_only_the_picture_choice_gets_new_weights(tmp_path: Path) -> None:
    # An earlier program's file: it weighed by other layers, besides those that warped.
    path = write_moving(tmp_path / "moving.safetensors")
    made = read_checkpoint(path)
    tensors = {key: made[key].clone() for key in made if f"{WARP}choice." not in key}
    tensors["first_stage_model.decoder.warp.weigh.weight"] = torch.zeros(3)
    save_checkpoint(Checkpoint.from_tensors(tensors), path, config=MOVING)
    start = StartConfig(checkpoint=str(path), fresh=["picture_choice"])
    state = start_models(start, TORCH_OPERATIONS, 5).autoencoder.state_dict()
    assert not state[f"{WARP}choice.weights.weight"].any()
    for key, value in state.items():
        if f"{WARP}choice." not in key:
            assert torch.equal(value, tensors[f"first_stage_model.{key}"]), key


@pytest.mark.parametrize("part", ["reference_warp", "picture_choice"])
def test_a_decoder_that_moves_nothing_is_reported(tmp_path: Path, part: str) -> None:
    path = write_smallest(tmp_path / "smallest.safetensors")
    start = StartConfig(checkpoint=str(path), fresh=[part])
    with pytest.raises(TrainingError, match="moves no references"):
        start_models(start, TORCH_OPERATIONS, 0)


def test_a_name_that_is_no_network_is_reported(tmp_path: Path) -> None:
    path = write_smallest(tmp_path / "smallest.safetensors")
    start = StartConfig(checkpoint=str(path), fresh=["warp"])
    with pytest.raises(TrainingError, match=r"denoiser, .*reference_warp, .*; not 'warp'"):
        start_models(start, TORCH_OPERATIONS, 0)
