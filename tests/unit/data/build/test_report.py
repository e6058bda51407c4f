"""The report counts what the manifest holds, and the commands do what they say."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tooncrafter_core.cli import main
from tooncrafter_core.data.build.manifest import read_rows
from tooncrafter_core.data.build.report import summarise


def test_build_decide_report_shards_and_preview_from_the_command_line(
    film: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    films = film("films/a.mp4", (3, 8)).parent
    (films / "broken.mp4").write_text("no film")
    out = tmp_path / "out"
    manifest = str(out / "manifest.parquet")
    assert main(["dataset", "build", str(films), "-o", str(out), "--no-text", "--quiet"]) == 0
    assert "films | 2" in capsys.readouterr().out
    assert main(["dataset", "decide", manifest, "--min-motion", "99"]) == 0
    assert "min 99 | 2 | 2 | 0" in capsys.readouterr().out
    assert main(["dataset", "decide", manifest, "--min-motion", "off"]) == 0
    assert {row["decision"] for row in read_rows(manifest)} == {"kept", "error"}
    assert main(["dataset", "shards", manifest, "-o", str(out / "shards")]) == 0
    assert main(["dataset", "report", manifest]) == 0
    page = (out / "report.html").read_text("utf-8")
    assert "broken.mp4" in page and "<svg" in page and "skipped: no weights" in page
    assert "| kept | 2 (0.0 min) |" in (out / "report.md").read_text("utf-8")
    assert Image.open(out / "contact_sheet.jpg").size[0] > 300
    sheet = tmp_path / "sheet.png"
    words = ["--count", "2", "--width", "64", "--height", "40", "--lines"]
    assert main(["dataset", "preview", "-o", str(sheet), *words]) == 0
    assert Image.open(sheet).size == (320, 160)


def test_mistakes_at_the_command_line_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out")
    assert main(["dataset", "build", str(tmp_path), "-o", out]) == 2
    assert "There is no video" in capsys.readouterr().err
    words = ["--aesthetic-head", "head.pth"]
    assert main(["dataset", "build", str(tmp_path), "-o", out, *words]) == 2
    assert "go together" in capsys.readouterr().err
    assert main(["dataset", "decide", str(tmp_path / "none.parquet")]) == 2
    assert "There is no manifest" in capsys.readouterr().err


def test_the_summary_counts_films_shots_and_filters(
    film: Callable[..., Path], tmp_path: Path
) -> None:
    path = film("films/a.mp4", (3, 8))
    out = tmp_path / "out"
    words = ["--no-text", "--quiet", "--min-motion", "99"]
    assert main(["dataset", "build", str(path), "-o", str(out), *words]) == 0
    summary = summarise(out / "manifest.parquet")
    assert (summary.films, summary.shots, summary.clips) == (1, 2, 2)
    assert summary.decisions["rejected"] == 2 and summary.stopped_by["motion"] == 2
    assert len(summary.scores["motion"]) == 2


def test_a_set_too_small_for_its_share_says_that_nothing_is_held_out(
    film: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = film("films/a.mp4", (3, 8)), tmp_path / "out"
    build = ["dataset", "build", str(path), "-o", str(out), "--no-text", "--quiet",
             "--min-motion", "0"]  # fmt: skip
    assert main(build) == 0
    said = "No clip is for evaluation: all 2 that are kept are for training"
    assert said in capsys.readouterr().out
    assert said in (out / "report.md").read_text("utf-8")
    decide = ["dataset", "decide", str(out / "manifest.parquet"), "--evaluation-share"]
    assert main([*decide, "1"]) == 0
    assert "No clip is for" not in capsys.readouterr().out
    assert main([*decide, "0"]) == 0
    assert "No clip is for" not in capsys.readouterr().out
