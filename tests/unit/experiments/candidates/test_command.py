"""``evaluate candidates``: its tables on few small clips, and bad input in words."""

from pathlib import Path

import pytest

from support.command_line import failure
from tooncrafter_core.cli import main

SMALL = ["--drawn", "1", "--model-clips", "0", "--width", "64", "--height", "48", "--quiet"]


def test_true_clips_are_spoilt_judged_and_tabled(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["evaluate", "candidates", "-o", str(out), "--weights", *SMALL]) == 0
    assert "Clips in which the truth comes first" in capsys.readouterr().out
    assert sorted(path.name for path in out.iterdir()) == [
        "candidates.md", "candidates_truth.csv", "candidates_weights.csv",
    ]  # fmt: skip
    rows = (out / "candidates_truth.csv").read_text("utf-8").splitlines()
    assert rows[1].startswith("cross-fade,")
    assert rows[-1].startswith("all of them,")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--drawn", "-1"], "--drawn takes 0 to 10000, not -1"),
        (["--seeds", "1"], "--seeds takes 2 to 10000, not 1"),
        (["--first-seed", "-5"], "--first-seed takes 0 or more, not -5"),
    ],
)
def test_numbers_out_of_range_are_refused(
    tmp_path: Path, options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in failure(
        capsys, ["evaluate", "candidates", "-o", str(tmp_path / "out"), *SMALL, *options]
    )
