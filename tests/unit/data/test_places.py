"""Where ``dataset`` writes: never over films, other files or an earlier result that nobody gave."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.command_line import failure

PREVIEW = ["dataset", "preview", "--count", "1", "--width", "64", "--height", "64"]


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """A folder with what is called a film; nothing here reads it."""
    folder = tmp_path / "films"
    folder.mkdir()
    (folder / "a.mp4").write_text("film")
    return folder


def test_a_data_set_is_not_built_into_its_films_nor_over_other_files(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build = ["dataset", "build", str(films)]
    assert "what is read" in failure(capsys, [*build, "-o", str(films / ".." / "films")])
    (tmp_path / "set").mkdir()
    report = tmp_path / "set" / "report.md"
    report.write_text("mine")
    assert "has a 'report.md' of its own" in failure(capsys, [*build, "-o", str(tmp_path / "set")])
    assert report.read_text() == "mine"
    assert "is no folder" in failure(capsys, [*build, "-o", str(report / "set")])


def test_manifests_and_reports_replace_others_only_when_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest, other = tmp_path / "manifest.parquet", tmp_path / "other.parquet"
    for path in (manifest, other):
        path.write_text("mine")
    decide = ["dataset", "decide", str(manifest), "-o"]
    assert "exists. Choose another name" in failure(capsys, [*decide, str(other)])
    reported = failure(capsys, [*decide, str(manifest), "--overwrite"])
    assert "would write over what is read" in reported
    (tmp_path / "report.html").write_text("mine")
    report = ["dataset", "report", str(other), "-o", str(tmp_path)]
    assert "has a 'report.html' of its own" in failure(capsys, report)
    # Next to its own manifest it is an earlier report; the manifest is what fails here.
    assert "is no manifest" in failure(capsys, ["dataset", "report", str(manifest)])


def test_a_preview_is_a_new_png_file(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film, picture = films / "a.mp4", tmp_path / "key.png"
    picture.write_text("mine")
    assert "The sheet is one picture" in failure(capsys, [*PREVIEW, "-o", str(film)])
    assert "add --overwrite" in failure(capsys, [*PREVIEW, "-o", str(picture)])
    assert film.read_text() == "film" and picture.read_text() == "mine"


def test_a_full_disk_leaves_no_half_preview(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_half(path: Path, content: bytes) -> int:
        with path.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", write_half)
    reported = failure(capsys, [*PREVIEW, "-o", str(tmp_path / "sheet.png")])
    assert "The disk is full" in reported
    assert not list(tmp_path.iterdir())


def test_a_name_that_is_no_text_is_printed_as_far_as_it_can_be(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/\xff.png"
    done = subprocess.run(
        [sys.executable, "-m", "tooncrafter_core", *PREVIEW, "-o", name],
        cwd=Path(__file__).parents[3],
        env={**os.environ, "PYTHONIOENCODING": "utf-8:strict"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"\\udcff.png" in done.stdout and Path(os.fsdecode(name)).is_file()
