"""Every way ``interpolate`` can go wrong: one sentence, an exit code, and nothing left behind."""

import errno
import io
import pickle
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from support.command_line import command, failure
from support.imports import ROOT
from tooncrafter_core.cli import main


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-o", "out.mp4", "--steps", "0"], "number of steps must be 1 to 1000"),
        (["-o", "out.mp4", "--frames", "1"], "number of frames must be 2 to 256"),
        (["-o", "out.mp4", "--fit", "zoom"], "The fit is one of crop"),
        (["-o", "out.avi"], "'.avi' is none of these"),
        (["-o", "out.gif", "--playback-fps", "60"], "0.1 to 50 fps"),
        (["--frames-dir", "out.d"], "a folder without an extension"),
        ([], "-o out.mp4, or --frames-dir"),
        (["-o", "out.mp4", "--device", "nonsense"], "There is no device 'nonsense' here"),
    ],
)
def test_options_that_cannot_work_are_reported_before_anything_is_loaded(
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


def test_pictures_that_cannot_be_read_are_reported_before_anything_is_loaded(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.png").write_text("no picture")
    arguments = command(folder, "-o", tmp_path / "o.mp4", checkpoint=tmp_path / "nothing.ckpt")
    arguments[1] = str(tmp_path / "missing.png")
    assert "There is no picture at" in failure(capsys, arguments)
    arguments[1] = str(tmp_path / "text.png")
    assert "cannot be read as a picture" in failure(capsys, arguments)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--frames-dir", "F"], "--frames-dir 'F' would write over what is read from"),
        (["--frames-dir", "F", "--overwrite"], "--frames-dir 'F' would write over what is read"),
        (["--frames-dir", "G"], "holds 3 pictures ('0001.png' ...). Choose another name, or add"),
        (["-o", "F/start.png", "--overwrite"], "-o 'F/start.png' would write over what is read"),
        (["-o", "F/../F/end.png", "--overwrite"], "would write over what is read from"),
        (["-o", "there.mp4"], "'there.mp4' exists. Choose another name, or add --overwrite"),
        (["-o", "link.mp4", "--overwrite"], "'link.mp4' is a link"),
        (["-o", "-"], "-o '-' is no name"),
        (["-o", "x.png", "--sheet", "x.png"], "-o 'x.png' and --sheet 'x.png' name the same place"),
        (["-o", "there.mp4/deep/x.mp4"], "is no folder"),
        (["-o", "x.mp4", "--sheet", "G/0001.png", "--sketch-dir", "G"], "--sheet 'G/0001.png'"),
        (["-o", "G/0002.png", "--sketch", "2=G/0002.png", "--overwrite"], "would write over"),
        (["-o", "F/tiny.png", "--sketch-encoder", "F/tiny.png"], "would write over"),
    ],
)
def test_nothing_of_the_user_is_lost_and_nothing_is_loaded(
    tmp_path: Path,
    folder: Path,
    options: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copytree(folder, tmp_path / "F")
    (tmp_path / "F" / "tiny.safetensors").rename(tmp_path / "F" / "tiny.png")
    (tmp_path / "G").mkdir()
    for number in (1, 2, 3):
        shutil.copy(folder / "start.png", tmp_path / "G" / f"000{number}.png")
    (tmp_path / "there.mp4").write_text("mine")
    (tmp_path / "link.mp4").symlink_to(tmp_path / "there.mp4")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    monkeypatch.chdir(tmp_path)
    nothing = tmp_path / "nothing.safetensors"
    assert message in failure(capsys, command(tmp_path / "F", *options, checkpoint=nothing))
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == before
    assert (tmp_path / "link.mp4").is_symlink()


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
        path.write_bytes(pickle.dumps(RunsCode(tmp_path / "trace"), protocol=2))
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
def test_wrong_checkpoints_are_reported_in_a_sentence_and_leave_nothing(
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


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize("name", ["o.mp4", "o.webm", "o.gif", "o.webp", "frames"])
def test_a_full_disk_is_reported_and_leaves_no_half_file(
    folder: Path,
    tmp_path: Path,
    name: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Full(io.FileIO):
        """A file on a disk that has room for a kilobyte."""

        def write(self, content: Any) -> int:
            if self.tell() + len(content) > 1000:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(content)

    opened = Path.open

    def open_full(path: Path, mode: str = "r", *args: Any, **options: Any) -> Any:
        return Full(path, "w") if mode == "wb" else opened(path, mode, *args, **options)

    monkeypatch.setattr(Path, "open", open_full)
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
    monkeypatch.setattr(
        "tooncrafter_core.interpolation.pipeline.interpolate", raising(KeyboardInterrupt())
    )
    assert main(arguments) == 130
    capsys.readouterr()
    error = torch.OutOfMemoryError("CUDA out of memory")
    monkeypatch.setattr("tooncrafter_core.interpolation.pipeline.interpolate", raising(error))
    assert "ran out of memory. Lower --width" in failure(capsys, arguments)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("option", ["-o", "--checkpoint", "--sketch-dir", "--sheet"])
def test_a_name_that_no_disk_takes_is_one_sentence(
    option: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / ("x" * 300 + ".mp4")
    pictures = [str(ROOT / f"docs/images/tooncrafter_{name}.png") for name in ("first", "last")]
    others = [] if option == "-o" else ["-o", str(tmp_path / "clip.mp4")]
    assert main(["interpolate", *pictures, *others, option, str(path)]) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("error: ") and "\n" not in said
