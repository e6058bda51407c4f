"""LoRA: what it adds, what learns, and the file that it becomes."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from support.networks import filled, normal
from tooncrafter_core.checkpoints.files.read import read_checkpoint
from tooncrafter_core.config.presets import TINY
from tooncrafter_core.errors import TrainingError
from tooncrafter_core.models.denoiser import Denoiser
from tooncrafter_core.training.groups import Group
from tooncrafter_core.training.run import train
from tooncrafter_core.training.settings.read import read_settings
from tooncrafter_core.training.stages.registry import STAGES, with_lora
from tooncrafter_core.training.start.lora import LoraAdapters, write_lora

CONFIG = replace(TINY.unet, channel_mult=(1, 2))
INPUTS = (
    normal(1, 8, 2, 4, 4), torch.tensor([500]),
    normal(1, 5, 64, seed=1), normal(1, 2, 4, 64, seed=2),
)  # fmt: skip


def denoiser() -> Denoiser:
    return filled(Denoiser(CONFIG, device="meta"))


def learned(adapters: LoraAdapters) -> LoraAdapters:
    """As if something had been learned."""
    for index, up in enumerate(adapters.up):
        up.data = 0.1 * normal(*up.shape, seed=index)
    return adapters


def merged(network: nn.Module, tensors: dict[str, Tensor]) -> nn.Module:
    """The products of a file added to the weights by hand."""
    for name, layer in network.named_modules():
        key = "lora_unet_" + name.replace(".", "_")
        if f"{key}.alpha" in tensors:
            up, down, alpha = (
                tensors[f"{key}.{part}"] for part in ("lora_up.weight", "lora_down.weight", "alpha")
            )
            layer.weight.data += alpha / len(down) * up @ down  # type: ignore[operator]
    return network


@pytest.mark.parametrize("groups", [(Group.SPATIAL,), (Group.TEMPORAL, Group.SPATIAL)])
def test_a_lora_adds_what_its_file_says_merged_by_hand(
    groups: tuple[Group, ...], tmp_path: Path
) -> None:
    network = denoiser()
    plain = network(*INPUTS)
    adapters = LoraAdapters(network, groups, rank=3, alpha=1.5, seed=4)
    assert torch.equal(network(*INPUTS), plain)
    path = tmp_path / "lora.safetensors"
    write_lora(learned(adapters), path, torch.float32)
    checkpoint = read_checkpoint(path)
    expected = merged(denoiser(), {key: checkpoint[key] for key in checkpoint})(*INPUTS)
    found = network(*INPUTS)
    assert (found - expected).abs().max() < 1e-4 * expected.std()
    assert (found - plain).abs().max() > 0.05 * plain.std()
    # The network's own keys are those of a checkpoint still.
    assert list(network.state_dict()) == list(denoiser().state_dict())


def test_spatial_and_temporal_layers_are_distinguished() -> None:
    spatial, temporal, both = (
        set(LoraAdapters(denoiser(), groups, rank=1).names)
        for groups in ((Group.SPATIAL,), (Group.TEMPORAL,), (Group.SPATIAL, Group.TEMPORAL))
    )
    assert not spatial & temporal and spatial | temporal == both
    assert any(name.endswith("to_v_ip") for name in spatial)
    assert any(name.startswith("init_attn") for name in temporal)


@pytest.mark.parametrize("groups", [(), (Group.PROJECTOR, Group.SPATIAL)])
def test_other_groups_are_refused(groups: tuple[Group, ...]) -> None:
    with pytest.raises(TrainingError, match="attention layers of the groups spatial and temporal"):
        LoraAdapters(denoiser(), groups, rank=1)


def test_a_stage_without_a_denoiser_to_train_takes_none() -> None:
    with pytest.raises(TrainingError, match=r"lora\.rank is for the stages base and rectify"):
        with_lora(STAGES["decoder"])


def test_a_run_learns_the_products_alone_and_writes_them(tmp_path: Path) -> None:
    reported: list[str] = []
    settings = [
        f"out={tmp_path / 'run'}", "start.model=tiny", "steps=2", "batch_size=2", "learn=[spatial]",
        "lora.rank=2", "data.clips=20", "data.width=64", "data.height=64", "data.num_frames=2",
        "data.held_out=0", "output.tensorboard=false", "output.sheet_every=0",
        "optimizer.learning_rate=0.01", "optimizer.ema_decay=null", "machine.device=cpu",
    ]  # fmt: skip
    kind = STAGES["base"]
    config = read_settings(kind.settings, {}, overrides=settings)
    path = train(kind, config, reported.append, is_quiet=True)
    assert path.name == "lora.safetensors"
    checkpoint = read_checkpoint(path)
    ups = [key for key in checkpoint if key.endswith("lora_up.weight")]
    assert len(ups) > 50
    # Of a new denoiser only the last layer has a gradient in the first step, and it is frozen.
    assert all(checkpoint[key].isfinite().all() for key in ups)
    assert "learns in part" in reported[0] and "projector" in reported[0]
