"""A LoRA that was trained here, in ComfyUI's own loader."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import folder_paths
import pytest
import torch

import nodes as host_nodes
from support.checkpoints import tiny_tensors
from support.host_models import HostModels, relative, run_decode, run_keyframes, run_sampler
from tooncrafter_core.checkpoints import Checkpoint, Models
from tooncrafter_core.checkpoints import build_models as build_core
from tooncrafter_core.config.presets import TINY
from tooncrafter_core.interpolation.pipeline import interpolate
from tooncrafter_core.interpolation.settings import InterpolationSettings
from tooncrafter_core.pictures.keyframes import Keyframes
from tooncrafter_core.training.groups import Group
from tooncrafter_core.training.inputs.draws import draw_seeds
from tooncrafter_core.training.outputs.previewing import PreviewSettings
from tooncrafter_core.training.stages.denoising import DenoisingSettings, DenoisingStage
from tooncrafter_core.training.start.lora import LoraAdapters, write_lora

GROUPS = (Group.SPATIAL, Group.TEMPORAL)
SETTINGS = InterpolationSettings(
    prompt="an anime scene", width=64, height=64, num_frames=4, steps=2, seed=9, guidance_scale=1.0
)


def train_lora(models: Models) -> LoraAdapters:
    """A few steps of the stage 'base' on noise; the model draws with the result from then on."""
    stage = DenoisingStage(models, DenoisingSettings(), GROUPS, PreviewSettings())
    adapters = LoraAdapters(models.denoiser, GROUPS, rank=4, alpha=2.0)
    stage.learn_only(adapters)
    optimizer = torch.optim.AdamW([p for _, p in stage.learners("model")], lr=0.02)
    video = torch.randn(1, 3, 16, 64, 64, generator=torch.Generator().manual_seed(1)).clamp(-1, 1)
    for step in range(3):
        batch = {
            "video": video, "fps": torch.tensor([10.0]), "caption": ["noise"],
            "seeds": draw_seeds(0, step, [0]),
        }  # fmt: skip
        optimizer.zero_grad()
        stage("model", batch, step).total.backward()
        optimizer.step()
    return adapters


def test_a_trained_lora_changes_the_frames_as_in_the_core(
    tiny: HostModels, keyframes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    core = build_core(Checkpoint.from_tensors(tiny_tensors(with_buffers=False)))
    assert core.config == TINY
    first, last = (image.movedim(-1, 1) * 2 - 1 for image in keyframes)
    before = interpolate(core, Keyframes.at_ends(first, last), SETTINGS)
    write_lora(train_lora(core), tmp_path / "noise.safetensors", torch.float32)
    after = interpolate(core, Keyframes.at_ends(first, last), SETTINGS)
    assert relative(after, before) > 0.05

    monkeypatch.setitem(
        folder_paths.folder_names_and_paths, "loras", ([str(tmp_path)], {".safetensors"})
    )
    loaded = host_nodes.LoraLoaderModelOnly().load_lora_model_only(
        tiny.model, "noise.safetensors", 1.0
    )[0]
    assert "not loaded" not in caplog.text.lower()
    models = replace(tiny, model=loaded)
    ready = run_keyframes(models, *keyframes, seed=9)
    latent = run_sampler(models.model, *ready, seed=9, cfg=1.0)
    found = run_decode(models, latent, *keyframes)
    expected = ((after[0] + 1) / 2).clamp(0, 1).permute(1, 2, 3, 0)
    assert relative(found, expected) < 1e-3
