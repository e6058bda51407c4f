"""Weights in 8 bits with scales are read as the numbers they stand for; other formats are named."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from support.checkpoints import tiny_tensors, write_checkpoint
from support.scaled import note, scaled_fp8
from tooncrafter_core.checkpoints import build_models, detect, read_checkpoint
from tooncrafter_core.checkpoints.load import check_models
from tooncrafter_core.cli import main
from tooncrafter_core.config.presets import TINY
from tooncrafter_core.errors import CheckpointError

Tensors = dict[str, Tensor]
PROJECTOR = "image_proj_model."
LAYER = PROJECTOR + "proj_in"


def written(tensors: Tensors, path: Path, **options: Any) -> Path:
    save_file({key: value.contiguous() for key, value in tensors.items()}, path, **options)
    return path


@pytest.mark.parametrize("form", [torch.float8_e4m3fn, torch.float8_e5m2])
@pytest.mark.parametrize("by_channel", [False, True])
@pytest.mark.parametrize("newer", [False, True])
def test_scales_are_applied_and_helpers_hidden(
    form: torch.dtype, by_channel: bool, newer: bool, tmp_path: Path
) -> None:
    tensors = tiny_tensors(with_buffers=False)
    kept = scaled_fp8(tensors, form=form, by_channel=by_channel, newer=newer)
    found = read_checkpoint(written(kept, tmp_path / "a.safetensors"))
    assert set(found) == set(tensors)
    assert detect(found) == TINY
    check_models(found, TINY)
    # Half a step of 3 or 2 bits after the point, of numbers that are no subnormal ones.
    step = torch.finfo(form).eps / 2 * 1.01
    for key, value in tensors.items():
        assert found.info[key].dtype == found[key].dtype
        assert found.info[key].shape == tuple(found[key].shape)
        assert (found[key].float() - value).abs().max() <= step * value.abs().max()
    assert found.num_scaled == sum(key.endswith("weight") for key in kept if "scale" not in key
                                   and kept[key].ndim == 2 and kept[key].dtype == form)  # fmt: skip


def test_a_pickle_with_one_part_scaled_loads_whole(tmp_path: Path) -> None:
    tensors = tiny_tensors(dtype=torch.float16)
    kept = scaled_fp8(tensors, prefix="model.diffusion_model.")
    found = read_checkpoint(write_checkpoint(kept, tmp_path / "a.ckpt", "state_dict"))
    models = build_models(found, torch.float32)
    assert models.config == TINY
    weight = models.denoiser.get_parameter("fps_embedding.0.weight")
    expected = tensors["model.diffusion_model.fps_embedding.0.weight"].float()
    assert 0 < (weight - expected).abs().max() < 0.07 * expected.abs().max()
    assert torch.equal(found["image_proj_model.proj_in.weight"], tensors[LAYER + ".weight"])


def layer(weight: Tensor, scale: Tensor) -> Tensors:
    return {LAYER + ".weight": weight, LAYER + ".scale_weight": scale}


@pytest.mark.parametrize(
    ("scale", "dtype"),
    [
        (100.0, torch.float16),  # up to 44800
        (200.0, torch.float32),  # up to 89600
        (1e6, torch.float32),
        (1e-4, torch.float16),
        (1e-9, torch.float32),
    ],
)
def test_nothing_overflows_or_vanishes(scale: float, dtype: torch.dtype, tmp_path: Path) -> None:
    values = torch.tensor([[448.0, -448.0], [1.0, 0.5]])
    tensors = layer(values.to(torch.float8_e4m3fn), torch.tensor([scale]))
    found = read_checkpoint(written(tensors, tmp_path / "a.safetensors"))[LAYER + ".weight"]
    assert found.dtype == dtype
    torch.testing.assert_close(found.double(), values.double() * scale, rtol=2**-10, atol=0)


def test_a_weight_is_scaled_when_it_is_read(tmp_path: Path, monkeypatch: Any) -> None:
    tensors = {**layer(torch.ones(2, 2).to(torch.float8_e4m3fn), torch.tensor(3.0)),
               PROJECTOR + "latents": torch.ones(1)}  # fmt: skip
    found = read_checkpoint(written(tensors, tmp_path / "a.safetensors"))
    assert torch.equal(found[LAYER + ".weight"], torch.full((2, 2), 3.0).half())
    assert found.subset([LAYER + ".weight"]).num_scaled == 1
    assert torch.equal(found[LAYER + ".weight"], torch.full((2, 2), 3.0).half())


def refused(tensors: Tensors, path: Path, **options: Any) -> str:
    with pytest.raises(CheckpointError) as error:
        read_checkpoint(written(tensors, path, **options))
    text = str(error.value)
    assert path.name in text and "\n" not in text and len(text) < 350 and text.endswith(".")
    return text


EIGHT = torch.ones(4, 2).to(torch.float8_e4m3fn)


@pytest.mark.parametrize(
    ("tensors", "reported"),
    [
        (layer(EIGHT, torch.ones(2)), r"scales of the shape \(2,\)"),
        (layer(EIGHT, torch.ones(4, 2)), r"scales of the shape \(4, 2\)"),
        (layer(EIGHT, torch.zeros(0)), r"scales of the shape \(0,\)"),
        (layer(EIGHT, torch.tensor(torch.nan)), "is not a number"),
        (layer(EIGHT, torch.tensor(torch.inf)), "is not a number"),
        (layer(EIGHT, torch.tensor(3)), "is not a number"),
        (layer(EIGHT, torch.tensor(1e30)), "may hold numbers of 4.5e"),
        (layer(torch.ones(4, 2, dtype=torch.int8), torch.tensor(0.5)), "as int8 with scales"),
        ({LAYER + ".scale_weight": torch.tensor(0.5)}, "no weight of that name"),
        (
            {**layer(EIGHT, torch.tensor(1.0)), PROJECTOR + "proj_out.weight": EIGHT.clone()},
            "has no scale",
        ),
        ({LAYER + ".weight": EIGHT, "scaled_fp8": torch.zeros(0)}, "has no scale"),
        ({LAYER + ".weight": EIGHT, PROJECTOR + "scaled_fp8": torch.zeros(0)}, "has no scale"),
    ],
)
def test_unusable_scales_are_reported(tensors: Tensors, reported: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=reported):
        read_checkpoint(written(tensors, tmp_path / "a.safetensors"))
    refused(tensors, tmp_path / "a.safetensors")


def noted(form: str) -> Tensors:
    return {LAYER + ".weight": torch.ones(4, 2, dtype=torch.uint8), LAYER + ".comfy_quant":
            note(form)}  # fmt: skip


@pytest.mark.parametrize(
    ("tensors", "reported"),
    [
        (noted("nvfp4"), "nvfp4"),
        (noted("int8_tensorwise"), "int8"),
        (noted("convrot_w4a4"), "int4"),
        (noted("mxfp8"), "mxfp8"),
        (noted("of_tomorrow"), "of_tomorrow"),
        ({LAYER + ".comfy_quant": torch.ones(3, dtype=torch.uint8)}, "does not name"),
        ({LAYER + ".comfy_quant": torch.ones(3)}, "does not name"),
        ({LAYER + ".weight.absmax": torch.ones(3)}, "bitsandbytes"),
        ({LAYER + ".weight.quant_map": torch.ones(3)}, "bitsandbytes"),
        ({LAYER + ".weight.quant_state.bitsandbytes__nf4": torch.ones(3)}, "bitsandbytes"),
        ({LAYER + ".qweight": torch.ones(3), LAYER + ".wscales": torch.ones(3)}, "SVDQuant"),
        ({LAYER + ".qweight": torch.ones(3), LAYER + ".qzeros": torch.ones(3)}, "GPTQ or AWQ"),
        ({LAYER + ".weight": EIGHT, LAYER + ".weight_scale_2": torch.ones(3)}, "nvfp4"),
    ],
)
def test_other_formats_are_refused_by_name(tensors: Tensors, reported: str, tmp_path: Path) -> None:
    text = refused(tensors, tmp_path / "a.safetensors")
    assert reported in text and "scaled fp8" in text
    torch.save(tensors, tmp_path / "a.ckpt")
    with pytest.raises(CheckpointError, match=reported):
        read_checkpoint(tmp_path / "a.ckpt")


def test_formats_reported_in_the_metadata_are_known(tmp_path: Path) -> None:
    key = "_quantization_metadata"
    reported = {"format_version": "1.0", "layers": {LAYER: {"format": "nvfp4"}}}
    metadata = {key: json.dumps(reported)}
    tensors = {LAYER + ".weight": EIGHT, LAYER + ".weight_scale": torch.tensor(2.0)}
    assert "nvfp4" in refused(tensors, tmp_path / "a.safetensors", metadata=metadata)
    for text in ("[", "3", "{}", '{"layers": {"a": 3}}'):
        refused(tensors, tmp_path / "a.safetensors", metadata={key: text})
    metadata[key] = metadata[key].replace("nvfp4", "float8_e4m3fn")
    found = read_checkpoint(written(tensors, tmp_path / "a.safetensors", metadata=metadata))
    assert torch.equal(found[LAYER + ".weight"], torch.full((4, 2), 2.0).half())


@pytest.mark.parametrize("name", ["a.gguf", "a.safetensors", "a.ckpt"])
def test_gguf_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(CheckpointError, match="as GGUF, which"):
        read_checkpoint(tmp_path / name)


def test_the_commands_read_scaled_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = tmp_path / "a.safetensors", tmp_path / "out.safetensors"
    written(scaled_fp8(tiny_tensors(dtype=torch.float16)), path)
    assert main(["inspect", str(path)]) == 0
    reported = capsys.readouterr().out
    assert (
        "scaled fp8: " in reported
        and "denoiser: complete" in reported
        and "DOES NOT" not in reported
    )
    assert main(["convert", str(path), str(out), "--dtype", "bf16"]) == 0
    found, before = read_checkpoint(out), read_checkpoint(path)
    assert set(found) == set(before) and found.num_scaled == 0
    key = LAYER + ".weight"
    assert torch.equal(found[key], before[key].to(torch.bfloat16))
