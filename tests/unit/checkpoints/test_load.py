"""Loading is strict, in every form and number format, and needs no second copy in memory."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from support.checkpoints import tiny_tensors, write_checkpoint
from tooncrafter_core.checkpoints import (
    Checkpoint,
    Component,
    Models,
    build_models,
    load_component,
    read_checkpoint,
)
from tooncrafter_core.checkpoints.keys import COMPONENT_KEYS, OPTIONAL, REQUIRED
from tooncrafter_core.config.presets import TINY
from tooncrafter_core.errors import CheckpointError


def networks(models: Models) -> dict[Component, nn.Module]:
    parts = {c: getattr(models, c.value) for c in (*REQUIRED, *OPTIONAL)}
    return {component: network for component, network in parts.items() if network is not None}


def assert_holds(models: Models, wanted: dict[str, torch.Tensor]) -> None:
    for component, network in networks(models).items():
        prefix = COMPONENT_KEYS[component].prefix
        assert not network.training
        for key, value in network.state_dict().items():
            expected = wanted[prefix + key]
            assert value.dtype == expected.dtype
            assert torch.equal(value, expected.reshape(value.shape)), key
        assert not any(p.is_meta or p.requires_grad for p in network.parameters())
        assert not any(b.is_meta for b in network.buffers())


@pytest.mark.parametrize(
    "form", ["safetensors", "state_dict", "deepspeed", "framestride", "legacy"]
)
def test_full_checkpoint_fills_every_network(form: str, tmp_path: Path) -> None:
    suffix = ".safetensors" if form == "safetensors" else ".ckpt"
    path = write_checkpoint(tiny_tensors(), tmp_path / f"w{suffix}", form)
    models = build_models(read_checkpoint(path))
    assert models.config == TINY
    assert len(networks(models)) == 5
    assert_holds(models, tiny_tensors())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("with_buffers", [True, False])
def test_pruned_checkpoint_fills_three_networks(
    dtype: torch.dtype, with_buffers: bool, tmp_path: Path
) -> None:
    tensors = tiny_tensors(dtype=dtype, with_encoders=False, with_buffers=with_buffers)
    path = write_checkpoint(tensors, tmp_path / "w.safetensors", "safetensors")
    models = build_models(read_checkpoint(path))
    assert models.config == replace(TINY, text_encoder=None, image_encoder=None)
    assert models.text_encoder is None and models.image_encoder is None
    assert_holds(models, tensors)


@pytest.mark.parametrize("form", ["safetensors", "plain", "legacy"])
def test_weights_are_changed_to_the_asked_format(form: str, tmp_path: Path) -> None:
    suffix = ".safetensors" if form == "safetensors" else ".ckpt"
    path = write_checkpoint(tiny_tensors(with_encoders=False), tmp_path / f"w{suffix}", form)
    models = build_models(read_checkpoint(path), torch.float16)
    assert_holds(models, tiny_tensors(with_encoders=False, dtype=torch.float16))


def test_loading_leaves_the_given_tensors_as_they_were() -> None:
    tensors = {key: value.clone() for key, value in tiny_tensors().items()}
    build_models(Checkpoint.from_tensors(tensors), torch.float16)
    assert all(torch.equal(value, tiny_tensors()[key]) for key, value in tensors.items())
    assert all(value.dtype == torch.float32 for value in tensors.values())


KEY = "model.diffusion_model.input_blocks.1.0.out_layers.3.bias"
TEXT_KEY = "cond_stage_model.model.transformer.resblocks.1.ln_1.weight"


def failure(tensors: dict[str, torch.Tensor]) -> str:
    with pytest.raises(CheckpointError) as error:
        build_models(Checkpoint.from_tensors(tensors, name="mine.ckpt"))
    return str(error.value)


def test_a_missing_tensor_is_named_with_the_file_that_has_it() -> None:
    tensors = tiny_tensors()
    del tensors[KEY]
    text = failure(tensors)
    assert "mine.ckpt does not fit the denoiser" in text
    assert "1 missing: input_blocks.1.0.out_layers.3.bias" in text
    assert "model.ckpt" in text and "pruned-fp16.safetensors" in text


def test_a_missing_encoder_tensor_names_the_full_file_only() -> None:
    tensors = tiny_tensors()
    del tensors[TEXT_KEY]
    text = failure(tensors)
    assert "text encoder" in text and "model.ckpt" in text and "pruned-fp16" not in text


def test_many_missing_tensors_are_counted_and_the_first_named() -> None:
    text = failure({k: v for k, v in tiny_tensors().items() if ".norm2." not in k})
    assert re.search(r"of \d+ tensors \d\d+ missing: (\S*norm2\S*, ){3}\.\.\.", text)


def test_a_tensor_of_the_wrong_shape_says_both_shapes() -> None:
    text = failure(tiny_tensors() | {KEY: torch.zeros(7)})
    assert (
        "1 of the wrong shape: input_blocks.1.0.out_layers.3.bias (found (7,), needed (32," in text
    )


def test_a_tensor_left_over_is_named() -> None:
    text = failure(tiny_tensors() | {"image_proj_model.alpha": torch.zeros(1)})
    assert "does not fit the image projector" in text and "1 left over: alpha" in text


def test_buffers_and_tensors_of_other_parts_are_ignored() -> None:
    strangers = {"lvlb_weights": torch.zeros(3), "model_ema.decay": torch.zeros(())}
    rounded = {k: v.half() for k, v in tiny_tensors().items() if k in ("betas", "scale_arr")}
    models = build_models(Checkpoint.from_tensors(tiny_tensors() | strangers | rounded))
    assert_holds(models, tiny_tensors())


def test_a_module_that_does_not_fit_stays_as_it_was() -> None:
    module = nn.Linear(2, 2)
    before = module.weight.clone()
    with pytest.raises(CheckpointError, match="image projector"):
        load_component(module, Checkpoint.from_tensors(tiny_tensors()), Component.PROJECTOR)
    assert torch.equal(module.weight, before)


MEASURE = """
import sys, threading, time
from pathlib import Path
import torch, psutil
from torch import nn
from tooncrafter_core.checkpoints import Component, load_component, read_checkpoint

path, dtype = Path(sys.argv[1]), {"keep": None, "fp16": torch.float16}[sys.argv[2]]
layers = int(sys.argv[3])

def network():
    with torch.device("meta"):
        return nn.Sequential(*(nn.Linear(2048, 2048, bias=False) for _ in range(layers)))

def memory():  # anonymous and file-mapped pages
    lines = dict(l.split(":", 1) for l in Path("/proc/self/status").read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) * 1024

network(), torch.zeros(8).half(), torch.ones(4).sum()
Path("/proc/self/clear_refs").write_text("5")
before = memory()
checkpoint = read_checkpoint(path)
module = network()
load_component(module, checkpoint, Component.DENOISER, dtype=dtype)
# By parts, as a copy of a whole layer would count as the loading's own memory.
total = sum(part.float().sum().item() for p in module.parameters() for part in p.split(64))
print(memory() - before, path.stat().st_size, total, next(module.parameters()).dtype)
"""

LAYERS = 20


def big_file(path: Path, dtype: torch.dtype, form: str) -> Path:
    """About 320 MB in fp32 and half of it in fp16, unless twice as many layers are asked for."""
    layers = LAYERS if dtype is torch.float32 else 2 * LAYERS
    weights = {
        f"model.diffusion_model.{i}.weight": torch.full((2048, 2048), 2.0**-10, dtype=dtype)
        for i in range(layers)
    }
    return write_checkpoint(weights, path, form)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="reads Linux's /proc")
@pytest.mark.parametrize(
    ("form", "stored", "loaded"),
    [
        ("safetensors", torch.float16, "keep"),
        ("plain", torch.float16, "keep"),
        ("legacy", torch.float32, "keep"),
        ("safetensors", torch.float32, "fp16"),
        ("plain", torch.float32, "fp16"),
    ],
)
def test_peak_memory_stays_under_the_files_size_and_15_percent(
    form: str, stored: torch.dtype, loaded: str, tmp_path: Path
) -> None:
    path = tmp_path / ("w.safetensors" if form == "safetensors" else "w.ckpt")
    big_file(path, stored, form)
    layers = LAYERS if stored is torch.float32 else 2 * LAYERS
    command = [sys.executable, "-c", MEASURE, str(path), loaded, str(layers)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    path.unlink()
    assert result.returncode == 0, result.stderr
    peak, size, total, dtype = result.stdout.split()
    assert int(size) > 300e6
    assert float(total) == layers * 2048 * 2048 * 2.0**-10
    assert dtype == ("torch.float16" if loaded == "fp16" else str(stored))
    assert int(peak) <= 1.15 * int(size), f"{int(peak) / int(size):.2f} of the file's size"
