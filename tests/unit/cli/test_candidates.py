"""``--candidates`` and ``--take``: several seeds of a clip, of which one is taken."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support.command_line import failure
from support.tiny import write_tiny
from tooncrafter_core.cli import main
from tooncrafter_core.cli.candidates.options import takes_in
from tooncrafter_core.errors import CutError

QUICK = ["--width", "64", "--height", "64", "--steps", "1", "--quiet"]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two keys, with the tiny checkpoint next to it."""
    folder = tmp_path_factory.mktemp("candidates") / "keys"
    folder.mkdir()
    for number in (1, 2):
        pixels = np.random.RandomState(number).randint(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"A{number}.png")
    write_tiny(folder.parent / "tiny.safetensors")
    return folder


def cut(keys: Path, out: Path, *options: str) -> list[str]:
    checkpoint = str(keys.parent / "tiny.safetensors")
    return ["cut", "--keys", str(keys), "--frames", "1,5", "-o", str(out), "--checkpoint",
            checkpoint, "--format", "none", *QUICK, *options]  # fmt: skip


def note_in(out: Path) -> dict[str, object]:
    return json.loads((out / "cut.json").read_text("utf-8"))


def test_candidates_of_a_cut_are_drawn_once_ranked_and_one_is_taken(
    keys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(cut(keys, out, "--candidates", "2")) == 0
    said = capsys.readouterr().out
    assert "segment 1, seed 123: is drawn" in said
    (choice,) = note_in(out)["candidates"]  # pyright: ignore[reportGeneralTypeIssues]
    best, other = (row["seed"] for row in choice["ranked"])
    assert {best, other} == {123, 124}
    assert note_in(out)["segments"][0]["seed"] == choice["taken"] == best  # pyright: ignore
    assert all(row["why"] for row in choice["ranked"])
    with Image.open(out / "candidates/0001.png") as sheet:
        assert sheet.width > 8 * 64
    # The other one by its seed: nothing is drawn again, and the drawings are others.
    first = (out / "drawings/A_0003.png").read_bytes()
    assert main(cut(keys, out, "--candidates", "2", "--take", f"1={other}")) == 0
    assert "is drawn" not in capsys.readouterr().out
    assert note_in(out)["segments"][0]["seed"] == other  # pyright: ignore
    assert (out / "drawings/A_0003.png").read_bytes() != first
    # Without candidates the first seed counts again, and their sheet goes.
    assert main(cut(keys, out)) == 0
    assert note_in(out)["segments"][0]["seed"] == 123  # pyright: ignore
    assert "candidates" not in note_in(out)
    assert not (out / "candidates").exists()


def test_a_cut_file_can_ask_for_candidates(keys: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.yaml").write_text(
        f"keys: {keys.as_posix()}\nframes: [1, 5]\ncandidates: 2\ntake: {{1: 124}}\n", "utf-8"
    )
    out = tmp_path / "out"
    checkpoint = str(keys.parent / "tiny.safetensors")
    assert main(["cut", str(tmp_path / "cut.yaml"), "-o", str(out), "--checkpoint", checkpoint,
                 "--format", "none", *QUICK]) == 0  # fmt: skip
    assert note_in(out)["segments"][0]["seed"] == 124  # pyright: ignore


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--candidates", "0"], "1 to 64 candidates"),
        (["--candidates", "1000"], "1 to 64 candidates are drawn and ranked, not 1000"),
        (["--candidates", "2", "--take", "1=9"], "their seeds are 123 to 124"),
        (["--candidates", "2", "--take", "5=123"], "segment 5, which is not there"),
        (["--candidates", "2", "--take", "second"], "write --take 2=125"),
        (["--take", "1=123"], "add --candidates 4"),
    ],
)
def test_what_cannot_be_drawn_or_taken_is_said_before_anything_is_drawn(
    keys: Path, tmp_path: Path, options: list[str], said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert said in failure(capsys, cut(keys, tmp_path / "out", *options))
    assert not (tmp_path / "out").exists()


def test_a_sheet_of_candidates_never_replaces_other_files(
    keys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(cut(keys, out)) == 0
    (out / "candidates").mkdir()
    (out / "candidates/mine.txt").write_text("keep")
    assert "mine.txt" in failure(capsys, cut(keys, out, "--candidates", "2"))
    assert (out / "candidates/mine.txt").read_text() == "keep"


def test_best_names_no_seed_and_lists_may_be_split() -> None:
    assert takes_in(["best"]) == {}
    assert takes_in(["2=125, 3=7", "1=4"]) == {1: 4, 2: 125, 3: 7}


def test_two_seeds_for_one_segment_are_refused() -> None:
    with pytest.raises(CutError, match="two seeds for segment 2, 5 and 6"):
        takes_in(["2=5", "2=6"])
