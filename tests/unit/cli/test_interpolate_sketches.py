"""``interpolate`` along sketches from files, and every way in which that can be asked wrongly."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from support.command_line import command, failure
from tooncrafter_core.checkpoints import detect_sketch_encoder, read_checkpoint
from tooncrafter_core.cli import build_parser, interpolate, main
from tooncrafter_core.cli.interpolate_sketches import SketchOptions, read_sketches
from tooncrafter_core.config.presets import TINY_SKETCH
from tooncrafter_core.interpolation import pipeline
from tooncrafter_core.interpolation.session import Session
from tooncrafter_core.sketches.frames import SketchLayer

FRAMES = 4
"""Of the clips that ``command`` asks for."""


def pose(column: int = 20, width: int = 48, height: int = 40) -> np.ndarray:
    """A black frame on white paper."""
    pixels = np.full((height, width), 255, dtype=np.uint8)
    pixels[5:-5, column : column + 2] = 0
    pixels[10:12, 5:-5] = 0
    return pixels


def save(pixels: np.ndarray, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny sketch encoder, written by the command line."""
    path = tmp_path_factory.mktemp("encoder") / "sketch.safetensors"
    assert main(["tiny", str(path), "--part", "sketch_encoder", "--dtype", "fp16"]) == 0
    return path


@pytest.fixture
def sketch(tmp_path: Path) -> Path:
    return save(pose(), tmp_path / "in" / "pose.png")


def layers_of(folder: Path, *options: str | Path) -> list[SketchLayer]:
    """The sketches that a command line asks for; its encoder is named and not read."""
    args = build_parser().parse_args(
        command(folder, "-o", "o.gif", "--sketch-encoder", "e", *options)
    )
    return read_sketches(SketchOptions.of(args), FRAMES, has_encoder=True)


def test_tiny_sketch_encoder_is_recognised(encoder: Path) -> None:
    checkpoint = read_checkpoint(encoder)
    assert detect_sketch_encoder(checkpoint) == TINY_SKETCH
    assert {info.dtype for info in checkpoint.info.values()} == {torch.float16}


@pytest.mark.usefixtures("loaded")
def test_sketch_changes_the_frames_and_strength_zero_does_not(
    folder: Path, encoder: Path, sketch: Path, tmp_path: Path
) -> None:
    def frames(name: str, *options: str | Path) -> list[bytes]:
        assert main(command(folder, "--frames-dir", tmp_path / name, *options)) == 0
        return [path.read_bytes() for path in sorted((tmp_path / name).iterdir())]

    given = ("--sketch", f"2={sketch}", "--sketch-encoder", encoder)
    plain = frames("plain")
    assert frames("zero", *given, "--sketch-strength", "0") == plain
    assert frames("guided", *given) != plain


@pytest.mark.usefixtures("loaded")
def test_largest_strength_is_drawn(folder: Path, sketch: Path, encoder: Path) -> None:
    options = ("--sketch", f"2={sketch}", "--sketch-encoder", encoder, "--sketch-strength", "10")
    out = sketch.parent / "frames"
    assert main(command(folder, "--frames-dir", out, *options)) == 0
    assert len(list(out.iterdir())) == FRAMES


def test_options_reach_the_run(folder: Path, sketch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (layer,) = layers_of(
        folder, "--sketch", f"-1={sketch}", "--sketch-strength", "0.9", "--sketch-start", "0.1",
        "--sketch-end", "0.7",
    )  # fmt: skip
    assert layer.frames == (FRAMES - 1,)
    assert (layer.strength, layer.start_percent, layer.end_percent) == (0.9, 0.1, 0.7)
    assert layer.hints.shape == (1, 1, 40, 48) and layer.hints[..., 20, 20] == 1

    reported: list[Any] = []
    monkeypatch.setattr(Session, "models", "models")
    monkeypatch.setattr(Session, "sketch_encoder", "encoder")
    monkeypatch.setattr(pipeline, "interpolate", lambda *given: reported.extend(given) or CLIP)
    monkeypatch.setattr(interpolate, "write_outputs", lambda outputs, video: [])
    options = ("--sketch-tokens", "all", "--sketch-missing", "none", "--sketch-encoder", "e")
    assert main(command(folder, "-o", "o.gif", "--sketch", f"2={sketch}", *options)) == 0
    models, _, settings, _, (given,), sketch_encoder, visited = reported
    assert (models, sketch_encoder, visited) == ("models", "encoder", None)
    assert (settings.sketch_tokens, settings.sketch_missing) == ("all", "none")
    assert given.frames == (1,)


CLIP = torch.zeros(1, 3, FRAMES, 64, 64)


def test_polarity_can_be_forced(folder: Path, sketch: Path) -> None:
    given = ("--sketch", f"1={sketch}", "--sketch-polarity")
    right, wrong = (layers_of(folder, *given, p)[0] for p in ("dark_on_light", "light_on_dark"))
    assert right.hints.mean() < 0.5 < wrong.hints.mean()


def test_white_lines_on_nothing_are_lines(folder: Path, tmp_path: Path) -> None:
    ink = 255 - pose()
    path = save(np.stack([np.full_like(ink, 255)] * 3 + [ink], axis=-1), tmp_path / "alpha.png")
    (layer,) = layers_of(folder, "--sketch", f"1={path}")
    assert torch.equal(layer.hints[0, 0] > 0.5, torch.from_numpy(ink > 128))


def columns(layers: list[SketchLayer]) -> dict[int, int]:
    """Of each frame, counted from 1, where its sketch has the upright stroke."""
    return {layer.frames[0] + 1: int(_upright(layer.hints)) for layer in layers}


def _upright(hints: Tensor) -> Tensor:
    return hints[0, 0, 20:].sum(dim=0).argmax()


def test_folder_of_as_many_sketches_as_frames_is_read_in_the_order_of_numbers(
    folder: Path, tmp_path: Path
) -> None:
    for number in (1, 2, 10, 11):
        save(pose(10 + number), tmp_path / f"shot{number}.png")
    (tmp_path / "notes.txt").write_text("not a picture")
    assert columns(layers_of(folder, "--sketch-dir", tmp_path)) == {1: 11, 2: 12, 3: 20, 4: 21}


def test_folder_of_fewer_sketches_is_read_by_frame_numbers(folder: Path, tmp_path: Path) -> None:
    for name, column in (("0002", 12), ("-1", 14)):
        save(pose(column, width=40 + column), tmp_path / "d" / f"{name}.png")
    assert columns(layers_of(folder, "--sketch-dir", tmp_path / "d")) == {2: 12, 4: 14}
    more = save(pose(30), tmp_path / "more.png")
    both = layers_of(folder, "--sketch-dir", tmp_path / "d", "--sketch", f"1={more}")
    assert columns(both) == {1: 30, 2: 12, 4: 14}


def test_a_photograph_is_accepted_with_a_warning(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    y, x = np.mgrid[:120, :160]
    pixels = np.stack([128 + 120 * np.sin(x / 9 + y / 17 + c) for c in range(3)], axis=-1)
    path = save(pixels.astype(np.uint8), tmp_path / "photo.png")
    with caplog.at_level(logging.WARNING):
        assert len(layers_of(folder, "--sketch", f"2={path}")) == 1
    assert "'photo.png' for frame 2" in caplog.text and "large filled areas" in caplog.text


Make = Callable[[Path], list[Any]]


def flat(folder: Path) -> list[Any]:
    return ["--sketch", f"1={save(np.full((9, 9), 77, dtype=np.uint8), folder / 'flat.png')}"]


def unnamed(folder: Path) -> list[Any]:
    for name in ("arm.png", "leg.png"):
        save(pose(), folder / "two" / name)
    return ["--sketch-dir", folder / "two"]


def doubled_in_folder(folder: Path) -> list[Any]:
    for name in ("1.png", "01.jpg"):
        save(pose(), folder / "twice" / name)
    return ["--sketch-dir", folder / "twice"]


def empty_folder(folder: Path) -> list[Any]:
    (folder / "empty").mkdir()
    return ["--sketch-dir", folder / "empty"]


def given(*frames: str, options: tuple[str, ...] = ()) -> Make:
    """Options that name one picture for each of these frames."""

    def make(folder: Path) -> list[Any]:
        path = save(pose(), folder / "p.png")
        return [word for frame in frames for word in ("--sketch", f"{frame}={path}")] + [*options]

    return make


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (given("0"), "There is no frame 0: the first frame is 1"),
        (given("5"), "There is no frame 5: the clip has 4 frames"),
        (given("-5"), "There is no frame -5"),
        (given("two"), "'two' is no frame number"),
        (given("1,2"), "names several frames: give --sketch once for each"),
        (given("1-3"), "There are 3 frame numbers for 1 sketch"),
        (given("2", "2"), "Frame 2 is given twice"),
        (given("4", "-1"), "Frame 4 is given twice"),
        (given("all"), "'all' needs one sketch for each of the 4 frames"),
        (given("1", options=("--sketch-strength", "-1")), "must lie between 0 and 10; got -1"),
        (given("1", options=("--sketch-strength", "11")), "must lie between 0 and 10; got 11"),
        (given("1", options=("--sketch-start", "0.8", "--sketch-end", "0.2")), "after their end"),
        (given("1", options=("--sketch-end", "1.5")), "between 0 and 1; got 1.5"),
        (given("1", options=("--sketch-polarity", "odd")), "polarity is auto, dark_on_light"),
        (given("1", options=("--sketch-tokens", "odd")), "is one of text, all; not 'odd'"),
        (given("1", options=("--sketch-missing", "odd")), "is one of empty, none; not 'odd'"),
        (lambda _: ["--sketch", "pose.png"], "write --sketch 8=pose.png"),
        (lambda _: ["--sketch", "2="], "write --sketch 8=pose.png"),
        (lambda folder: ["--sketch", f"1={folder / 'no.png'}"], "There is no picture at"),
        (lambda folder: ["--sketch-dir", folder / "no"], "There is no folder"),
        (empty_folder, "has no pictures for --sketch-dir"),
        (unnamed, "'arm.png' does not say its frame"),
        (doubled_in_folder, "Frame 1 is given twice"),
        (flat, "'flat.png' for frame 1: Sketch 1 is one flat colour"),
    ],
)
def test_sketches_that_cannot_be_used_are_reported_before_anything_is_loaded(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], make: Make, message: str
) -> None:
    nothing = tmp_path / "nothing.safetensors"
    options = make(tmp_path)
    arguments = command(folder, "-o", tmp_path / "o.mp4", *options, checkpoint=nothing)
    assert message in failure(capsys, [*arguments, "--sketch-encoder", str(nothing)])
    assert not (tmp_path / "o.mp4").exists()


def test_encoder_without_sketch_and_sketch_without_encoder_are_reported(
    folder: Path, sketch: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lone = command(folder, "-o", "o.gif", "--sketch", f"1={sketch}")
    assert "name its file with --sketch-encoder" in failure(capsys, lone)
    idle = command(folder, "-o", "o.gif", "--sketch-strength", "0.5")
    assert "--sketch-strength does nothing without a sketch" in failure(capsys, idle)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"control_model.input_hint_block.0.weight": (16, 3, 3, 3)}, "hints of 3 channels"),
        (
            {
                "control_model.input_hint_block.0.weight": (16, 1, 3, 3),
                "control_model.middle_block.1.transformer_blocks.0.attn2.to_k.weight": (8, 768),
            },
            "768",
        ),
        ({"adapter.body.0.in_conv.weight": (8, 8, 1, 1)}, "a T2I adapter"),
        ({"alphas": (8,)}, "no control network"),
    ],
)
def test_file_of_another_kind_is_reported_as_the_sketch_encoder(
    folder: Path, sketch: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    tensors: dict[str, tuple[int, ...]], message: str,
) -> None:  # fmt: skip
    path = tmp_path / "wrong.safetensors"
    save_file({key: torch.zeros(shape) for key, shape in tensors.items()}, path)
    options = ("-o", tmp_path / "o.gif", "--sketch", f"1={sketch}", "--sketch-encoder", path)
    nothing = tmp_path / "nothing.safetensors"
    reported = failure(capsys, command(folder, *options, checkpoint=nothing))
    assert message in reported and "wrong.safetensors" in reported
