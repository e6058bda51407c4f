"""Values and inputs that nobody means end commands in one sentence."""

from pathlib import Path

import pytest
from PIL import Image

from support.command_line import failure
from support.films import encode, numbered

PREVIEW = ["dataset", "preview", "-o", "p.png", "--width", "64", "--height", "64"]
COMPARE = ["evaluate", "compare", "-o", "out", "--width", "64", "--height", "64", "--quiet"]
TRAIN = ["train", "base", "--quiet", "data.width=64", "data.height=64", "steps=1"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([*PREVIEW, "--count", "0"], "--count must be 1 to 1000, not 0"),
        ([*PREVIEW, "--count", "1000000000"], "--count must be 1 to 1000"),
        ([*PREVIEW, "--seed", "-1"], "The seed of a drawn clip must be 0 to"),
        ([*COMPARE, "--procedural", "-1"], "number of drawn clips must be 1 to 100000, not -1"),
        ([*COMPARE, "--procedural", "1000000000"], "number of drawn clips must be 1 to 100000"),
        ([*COMPARE, "--procedural", "1", "--first-seed", "-5"], "The seed of a drawn clip"),
        ([*TRAIN, "out=t", "seed=-1"], "seed must be 0 or more, not -1"),
        ([*TRAIN, "out=t", "data.first_seed=-9"], "data.first_seed must be 0 or more"),
        ([*TRAIN, "out=t", "data.num_frames=10000000"], "data.num_frames must be 10000 or fewer"),
        ([*TRAIN, "out=t", "steps=${nothing}"], "cannot be what"),
        ([*TRAIN, "out=${oc.env:NOBODY_HAS_SET_THIS}"], "cannot be what"),
        (["experiment", "decoder", "--show", "seeds=${nothing}"], "cannot be what"),
    ],
)
def test_numbers_and_references_that_cannot_be_are_refused(
    words: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert says in failure(capsys, words)


@pytest.mark.parametrize("name", [".", ""])
def test_the_folder_one_is_in_may_be_named_by_a_dot(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    monkeypatch.chdir(clips)
    for number in (1, 2):
        Image.new("RGB", (64, 64)).save(f"{number}.png")
    words = ["evaluate", "compare", name, "-o", str(tmp_path / "out"), "--quiet"]
    assert "has 2 frames; needed are two keyframes" in failure(capsys, words)


def test_a_document_is_named_by_every_command_that_reads_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("keys").mkdir()
    for number in (1, 3):
        Image.new("RGB", (64, 64), (9 * number, 0, 0)).save(f"keys/{number}.png")
    Path("keys/2.psd").write_bytes(b"8BPS" + bytes(99))
    encode(tmp_path / "f.mp4", numbered(16))
    sketches = ["--sketch-encoder", "no.ckpt", "--sketch-dir", "keys", "--frames", "16"]
    for words in (
        ["cut", "--keys", "keys", "--frames", "1,9", "-o", "out"],
        ["sprites", "keys", "-o", "s.png"],
        ["evaluate", "compare", "keys", "-o", "out", "--quiet"],
        ["interpolate", "keys/1.png", "keys/3.png", *sketches, "-o", "o.mp4"],
    ):
        assert "2.psd' lies among 2 pictures and would be left out: it is a Photoshop" in failure(
            capsys, words
        ), words


@pytest.mark.parametrize("name", ["cut.png", "text.png", "psd.png", "empty.png"])
def test_broken_sketches_of_a_folder_are_named(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sketches").mkdir()
    for key in ("a.png", "b.png"):
        Image.effect_noise((64, 64), 50).convert("RGB").save(key)
    content = {"cut.png": Path("a.png").read_bytes()[:700], "text.png": b"no picture " * 40,
               "psd.png": b"8BPS" + bytes(99), "empty.png": b""}  # fmt: skip
    Path("sketches/2.png").write_bytes(content[name])
    words = ["interpolate", "a.png", "b.png", "--sketch-dir", "sketches", "-o", "o.mp4", "--quiet"]
    said = failure(capsys, [*words, "--frames", "4", "--width", "64", "--height", "64"])
    assert "2.png" in said and not Path("o.mp4").exists()


RESULTS = {
    "cut": ["cut", "--keys", "a.png", "b.png", "--frames", "1,9"],
    "interpolate": ["interpolate", "a.png", "b.png", "--checkpoint", "no.ckpt"],
    "dataset build": ["dataset", "build", "a.png", "--no-text"],
    "dataset preview": ["dataset", "preview"],
    "evaluate compare": ["evaluate", "compare", "a.png"],
    "evaluate cut": ["evaluate", "cut", "a.png"],
    "evaluate colour": ["evaluate", "colour"],
    "evaluate joints": ["evaluate", "joints"],
    "evaluate study": ["evaluate", "study", "nothing"],
    "evaluate study-report": ["evaluate", "study-report", "key.json", "a.json"],
    "sprites": ["sprites", "a.png"],
    "convert": ["convert", "no.ckpt"],
    "tiny": ["tiny"],
    "cuts": ["cuts", "cuts"],
}


WITHOUT_OPTION = ("convert", "tiny")
"""Commands that take the place as their last word."""


@pytest.mark.parametrize("command", RESULTS)
@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("file/deep/x", "is no folder"),
        ("http://example.org/x", "is an address"),
        ("n" * 300, "cannot be"),
    ],
)
def test_a_place_that_cannot_be_is_refused_first_by_every_command(
    command: str, place: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    for key in ("a.png", "b.png"):
        Image.effect_noise((64, 64), 50).convert("RGB").save(key)
    Path("file").write_text("mine")
    Path("cuts").mkdir()
    Path("cuts/a.yaml").write_text("keys: [a.png, b.png]\nframes: [1, 9]\n")
    endings = {"sprites": ".png", "dataset preview": ".png", "convert": ".safetensors",
               "tiny": ".safetensors"}  # fmt: skip
    ending, option = endings.get(command, ""), [] if command in WITHOUT_OPTION else ["-o"]
    if command in WITHOUT_OPTION and says == "is an address":
        says = "There is no folder"
    before = sorted(tmp_path.rglob("*"))
    assert says in failure(capsys, [*RESULTS[command], *option, f"{place}{ending}"])
    assert sorted(tmp_path.rglob("*")) == before
