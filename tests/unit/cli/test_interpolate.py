"""``interpolate`` from two picture files to a video, and every way it can go wrong."""

import argparse
import errno
import pickle
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from support.checkpoints import tiny_tensors, write_checkpoint
from support.tiny import tiny_models, write_tiny
from tooncrafter_core.checkpoints import build_models, read_checkpoint
from tooncrafter_core.cli import build_parser, interpolate, main
from tooncrafter_core.settings import InterpolationSettings

QUICK = ["--width", "64", "--height", "64", "--frames", "4", "--steps", "1", "--quiet"]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two keyframes and the tiny checkpoint, for reading only."""
    folder = tmp_path_factory.mktemp("inputs")
    for name, size in (("start", (90, 70)), ("end", (64, 100))):
        pixels = np.random.RandomState(len(name)).randint(0, 256, (*size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{name}.png")
    write_tiny(folder / "tiny.safetensors")
    return folder


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models that are already loaded, for tests of what comes after."""
    monkeypatch.setattr(interpolate, "load_models", lambda args: tiny_models())


def command(folder: Path, *options: str | Path, checkpoint: Path | None = None) -> list[str]:
    return ["interpolate", str(folder / "start.png"), str(folder / "end.png"), "--checkpoint",
            str(checkpoint or folder / "tiny.safetensors"), *QUICK, *map(str, options)]  # fmt: skip


def read_pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def failure(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> str:
    """Run a command that must fail and return its sentence."""
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ") and err.count("\n") == 1, err
    return err


def test_two_pictures_and_a_checkpoint_give_a_video_and_its_frames(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video, frames = tmp_path / "out" / "clip.webp", tmp_path / "frames"
    options = ("-o", video, "--lossless", "--frames-dir", frames, "--seed", "5")
    assert main(command(folder, *options)) == 0
    assert capsys.readouterr().out.split() == [str(video), str(frames)]
    assert sorted(p.name for p in frames.iterdir()) == [f"{n:04d}.png" for n in (1, 2, 3, 4)]
    with Image.open(video) as clip:
        assert clip.n_frames == 4 and clip.size == (64, 64)
        assert np.array_equal(np.asarray(clip.convert("RGB")), read_pixels(frames / "0001.png"))

    again = tmp_path / "again"
    assert main(command(folder, "--frames-dir", again, "--seed", "5")) == 0
    for frame in frames.iterdir():
        assert frame.read_bytes() == (again / frame.name).read_bytes()


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize("name", ["o.mp4", "o.mkv", "o.webm", "o.gif", "o.webp", "o.png", "frames"])
def test_output_is_what_its_extension_says(folder: Path, tmp_path: Path, name: str) -> None:
    assert main(command(folder, "-o", tmp_path / name, "--playback-fps", "12")) == 0
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.usefixtures("loaded")
def test_progress_is_shown_unless_quiet(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = command(folder, "-o", tmp_path / "a.gif", "--steps", "3")
    assert main([argument for argument in arguments if argument != "--quiet"]) == 0
    err = capsys.readouterr().err
    assert "3/3" in err and "decoding" in err
    assert main(arguments) == 0
    assert capsys.readouterr().err == ""


def parse(*options: str) -> argparse.Namespace:
    return build_parser().parse_args(["interpolate", "a", "b", "--checkpoint", "c", *options])


def test_what_is_not_given_has_the_settings_default() -> None:
    assert interpolate.settings_from(parse()) == InterpolationSettings()


def test_every_setting_has_an_option() -> None:
    options = (
        "--prompt p --negative-prompt n --width 128 --height 192 --fit pad --frames 8 "
        "--motion-fps 12.5 --steps 20 --guidance-scale 5 --image-guidance-scale 2 "
        "--guidance-rescale 0.5 --eta 0.5 --spacing uniform --seed 7 --no-second-pass "
        "--decode-chunk 2 --token-mode shared --batch-guidance"
    )
    settings, default = interpolate.settings_from(parse(*options.split())), InterpolationSettings()
    for field in fields(InterpolationSettings):
        assert getattr(settings, field.name) != getattr(default, field.name), field.name


def test_help_tells_the_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["interpolate", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for field in fields(InterpolationSettings):
        option = {"num_frames": "frames"}.get(field.name, field.name.replace("_", "-"))
        if field.default in ("", None) or isinstance(field.default, bool):
            continue
        of_the_option = text.split(f"--{option} ")[-1].split(" --")[0]
        default = field.default if isinstance(field.default, str) else f"{field.default:g}"
        assert f"({default})" in of_the_option, of_the_option


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-o", "out.mp4", "--steps", "0"], "number of steps must be 1 to 1000"),
        (["-o", "out.mp4", "--frames", "1"], "number of frames must be 2 to 256"),
        (["-o", "out.mp4", "--fit", "zoom"], "The fit is one of crop"),
        (["-o", "out.mov"], "'.mov' is none of these"),
        (["-o", "out.gif", "--playback-fps", "60"], "0.1 to 50 fps"),
        (["--frames-dir", "out.d"], "a folder without an extension"),
        ([], "-o out.mp4, or --frames-dir"),
        (["-o", "out.mp4", "--device", "nonsense"], "There is no device 'nonsense' here"),
    ],
)
def test_options_that_cannot_work_are_told_before_anything_is_loaded(
    tmp_path: Path,
    folder: Path,
    options: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    nothing = tmp_path / "nothing.safetensors"
    assert message in failure(capsys, command(folder, *options, checkpoint=nothing))
    assert not list(tmp_path.iterdir())


def test_pictures_that_cannot_be_read_are_told_before_anything_is_loaded(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.png").write_text("no picture")
    arguments = command(folder, "-o", tmp_path / "o.mp4", checkpoint=tmp_path / "nothing.ckpt")
    arguments[1] = str(tmp_path / "missing.png")
    assert "There is no picture at" in failure(capsys, arguments)
    arguments[1] = str(tmp_path / "text.png")
    assert "cannot be read as a picture" in failure(capsys, arguments)


class RunsCode:
    """What a malicious pickle does."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> Any:
        return Path.touch, (self.trace,)


def wrong_checkpoint(kind: str, folder: Path, tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    if kind == "text":
        path.write_text("Entry not found")
    elif kind == "pickle":
        path = tmp_path / "model.ckpt"
        path.write_bytes(pickle.dumps(RunsCode(tmp_path / "trace")))
    elif kind == "truncated":
        path.write_bytes((folder / "tiny.safetensors").read_bytes()[:-1000])
    elif kind == "sd1.5":
        key = "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"
        save_file({key: torch.zeros(320, 768), "first_stage_model.encoder.conv_in.bias":
                   torch.zeros(128)}, path)  # fmt: skip
    else:
        tensors = load_file(folder / "tiny.safetensors")
        key = "model.diffusion_model.out.2.bias"
        missing = tensors.pop(key)
        if kind == "wrong-shape":
            tensors[key] = missing.repeat(2)
        save_file(tensors, path)
    return path


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("text", "holds text (it begins 'Entry not found')"),
        ("pickle", "was not opened: reading it could run code"),
        ("truncated", "is cut short or damaged"),
        ("sd1.5", "is a Stable Diffusion 1.x checkpoint; ToonCrafter needs model.ckpt"),
        ("missing", "does not fit the denoiser: of 658 tensors 1 missing: out.2.bias"),
        ("wrong-shape", "1 of the wrong shape: out.2.bias (found (8,), needed (4,))"),
    ],
)
def test_wrong_checkpoints_are_told_in_a_sentence_and_leave_nothing(
    folder: Path, tmp_path: Path, kind: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = wrong_checkpoint(kind, folder, tmp_path)
    before = sorted(tmp_path.iterdir())
    arguments = command(folder, "-o", tmp_path / "o.mp4", checkpoint=path)
    found, wanted = failure(capsys, arguments), message
    if kind == "missing":  # the number of tensors is no promise
        found, wanted = re.sub(r"of \d+ tensors", "", found), re.sub(r"of \d+ tensors", "", wanted)
    assert wanted in found
    assert sorted(tmp_path.iterdir()) == before


@pytest.fixture(scope="session")
def pruned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tensors = tiny_tensors(dtype=torch.float16, with_encoders=False)
    return write_checkpoint(
        tensors, tmp_path_factory.mktemp("pruned") / "pruned.safetensors", "safetensors"
    )


def encoder_file(path: Path, prefix: str) -> Path:
    tensors = {k.removeprefix(prefix): v for k, v in tiny_tensors().items() if k.startswith(prefix)}
    save_file(tensors, path)
    return path


def test_a_pruned_checkpoint_asks_for_its_encoders_and_takes_them_from_files(
    folder: Path, pruned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "frames"
    text = encoder_file(tmp_path / "text.safetensors", "cond_stage_model.model.")
    image = encoder_file(tmp_path / "image.safetensors", "embedder.model.")
    arguments = command(folder, "-o", out, checkpoint=pruned)
    told = failure(capsys, arguments)
    assert "has no text encoder" in told and "Name it with --text-encoder." in told
    arguments += ["--text-encoder", str(text)]
    assert "Name it with --image-encoder." in failure(capsys, arguments)
    wrong = [*arguments, "--image-encoder", str(text)]
    assert "holds no CLIP image encoder" in failure(capsys, wrong)
    assert main([*arguments, "--image-encoder", str(image)]) == 0
    assert len(list(out.iterdir())) == 4


def test_dtype_and_device_reach_every_network(folder: Path) -> None:
    args = parse("--dtype", "bf16", "--device", "cpu")
    args.checkpoint = folder / "tiny.safetensors"
    models = interpolate.load_models(args)
    for name in ("denoiser", "projector", "autoencoder", "text_encoder", "image_encoder"):
        parameters = list(getattr(models, name).parameters())
        assert {p.dtype for p in parameters} == {torch.bfloat16}
    assert interpolate.choose_dtype("auto", torch.device("cpu")) == torch.float32
    assert interpolate.choose_dtype("auto", torch.device("cuda")) == torch.float16


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize("name", ["o.mp4", "frames"])
def test_a_full_disk_is_told_and_leaves_no_half_file(
    folder: Path,
    tmp_path: Path,
    name: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def write_half(path: Path, content: bytes) -> int:
        with path.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", write_half)
    assert "The disk is full" in failure(capsys, command(folder, "-o", tmp_path / name))
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("loaded")
def test_interruption_and_lack_of_memory_leave_nothing(
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def raising(error: BaseException) -> Any:
        def stop(*_args: Any) -> None:
            raise error

        return stop

    arguments = command(folder, "-o", tmp_path / "o.mp4")
    monkeypatch.setattr("tooncrafter_core.pipeline.interpolate", raising(KeyboardInterrupt()))
    assert main(arguments) == 130
    capsys.readouterr()
    error = torch.OutOfMemoryError("CUDA out of memory")
    monkeypatch.setattr("tooncrafter_core.pipeline.interpolate", raising(error))
    assert "ran out of memory. Lower --width" in failure(capsys, arguments)
    assert not list(tmp_path.iterdir())


def test_tiny_writes_a_checkpoint_that_loads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "tiny.safetensors"
    assert main(["tiny", str(path), "--dtype", "fp16", "--pruned"]) == 0
    assert "made-up tensors" in capsys.readouterr().out
    models = build_models(read_checkpoint(path))
    assert models.text_encoder is None
    assert next(models.denoiser.parameters()).dtype == torch.float16
    assert "add --overwrite" in failure(capsys, ["tiny", str(path)])
    assert main(["tiny", str(path), "--pruned", "--tag", "other", "--overwrite"]) == 0
    assert read_checkpoint(path).info["betas"].dtype == torch.float32
