"""A disk that is full leaves no half file of a cut, and the same command goes on from there."""

import shutil
from itertools import accumulate
from pathlib import Path

import pytest

from support.command_line import failure
from support.cut_commands import cut_command, write_keys
from support.full_disk import disk_with_room
from tooncrafter_core.cli import main
from tooncrafter_core.cut.output import OURS

TIMING = ("--frames", "1,5,9", "--on", "2", "--format", "apng,mp4")

Files = dict[str, bytes]


@pytest.fixture(scope="module")
def drawn(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three keys, the tiny checkpoint, and in ``whole/out`` a cut of them."""
    drawn = tmp_path_factory.mktemp("full")
    write_keys(drawn / "keys", ["A1", "A2", "A3"])
    shutil.copy(folder / "tiny.safetensors", drawn)
    assert main(command(drawn, drawn / "whole/out")) == 0
    return drawn


def command(drawn: Path, out: Path, *timing: str) -> list[str]:
    options = timing or TIMING
    return cut_command(drawn / "keys", out, *options, checkpoint=drawn / "tiny.safetensors")


def files_in(out: Path) -> Files:
    """Every file by its place, the list of names that may be longer than what is there left out."""
    places = [path for path in out.rglob("*") if path.is_file()]
    found = {path.relative_to(out).as_posix(): path.read_bytes() for path in places}
    return {place: content for place, content in found.items() if place != OURS}


def results_of(files: Files) -> dict[str, Files]:
    """What is replaced as a whole: a folder of pictures, or a file."""
    found: dict[str, Files] = {}
    for place, content in files.items():
        name = place.partition("/")[0]
        found.setdefault(place if name == "segments" else name, {})[place] = content
    return found


def copy_of_segments(drawn: Path, out: Path) -> Path:
    shutil.copytree(drawn / "whole/out/segments", out / "segments")
    return out


def test_a_disk_that_is_full_among_the_results_leaves_each_old_or_new(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = copy_of_segments(drawn, tmp_path / "start/out")
    assert main(command(drawn, start, "--frames", "1,3,5", "--format", "apng,mp4")) == 0
    shutil.copytree(start, tmp_path / "counted/out")
    with disk_with_room() as disk:
        assert main(command(drawn, tmp_path / "counted/out")) == 0
    old, new = files_in(start), files_in(tmp_path / "counted/out")
    ends = list(accumulate(disk.written))
    assert len(ends) > 5 + 10 + 2 + 2 + 2
    for number, (end, size) in enumerate(zip(ends, disk.written, strict=True)):
        out = tmp_path / str(number) / "out"
        shutil.copytree(start, out)
        again = command(drawn, out)
        capsys.readouterr()
        with disk_with_room(end - (size + 1) // 2):
            assert "The disk is full: there is no room for" in failure(capsys, again), number
        found = files_in(out)
        for name, one in results_of(found).items():
            assert one in (results_of(old).get(name), results_of(new).get(name)), (number, name)
        assert results_of(old).keys() <= results_of(found).keys(), number
        assert not any(out.rglob("*.part*")), number
        assert main(again) == 0
        assert "is drawn" not in capsys.readouterr().out, number
        assert files_in(out) == new, number
        shutil.rmtree(out.parent)


def test_a_disk_that_is_full_while_clips_are_drawn_keeps_those_that_are_there(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, whole = tmp_path / "out", drawn / "whole/out"
    again, sizes = command(drawn, out), []
    for clip in (whole / "segments").iterdir():
        if clip.is_dir():
            sizes.append(sum(path.stat().st_size for path in clip.iterdir()))
    with disk_with_room(sum(sizes) - min(sizes) // 2):
        assert "The disk is full" in failure(capsys, again)
    (clip,) = (path.name for path in (out / "segments").iterdir())
    assert files_in(out / "segments" / clip).keys() == files_in(whole / "segments" / clip).keys()
    assert not any(out.rglob("*.part*"))
    assert main(again) == 0
    said = capsys.readouterr().out
    assert "segment 1: there already" in said and "segment 2: is drawn" in said
    for place in (*out.glob("drawings/*"), *out.glob("frames/*"), out / "cut.xdts"):
        assert place.read_bytes() == (whole / place.relative_to(out)).read_bytes(), place
