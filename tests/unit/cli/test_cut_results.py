"""The results of ``cut``: films of every format, and what a run that was killed leaves."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support.command_line import failure
from support.tiny import write_tiny
from tooncrafter_core.cli import main
from tooncrafter_core.cut import output
from tooncrafter_core.cut.keys import read_keys
from tooncrafter_core.cut.results.film import FilmFrames
from tooncrafter_core.cut.results.ours import painted_over
from tooncrafter_core.cut.values import Key
from tooncrafter_core.errors import CutError
from tooncrafter_core.pictures.films import open_film

TIMING = ("--frames", "1,5,9", "--on", "2")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three keys, with the tiny checkpoint next to it."""
    folder = tmp_path_factory.mktemp("results") / "keys"
    folder.mkdir()
    for number in (1, 2, 3):
        pixels = np.random.RandomState(number).randint(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"A{number}.png")
    write_tiny(folder.parent / "tiny.safetensors")
    return folder


@pytest.fixture(scope="module")
def drawn(keys: Path) -> Path:
    """A cut of them that has been drawn."""
    out = keys.parent / "out"
    assert main(command(keys, out)) == 0
    return out


def command(keys: Path, out: Path, *options: str) -> list[str]:
    return ["cut", "--keys", str(keys), "-o", str(out), *TIMING, "--width", "64", "--height", "64",
            "--steps", "1", "--quiet", "--checkpoint", str(keys.parent / "tiny.safetensors"),
            *options]  # fmt: skip


def films(out: Path) -> list[str]:
    return sorted(path.name for path in out.iterdir() if path.name in output.FILMS)


def test_films_are_written_in_the_formats_asked_for_with_every_frame(
    keys: Path, drawn: Path
) -> None:
    assert main(command(keys, drawn, "--format", "mp4,webm,mov,gif,apng,webp")) == 0
    names = ["cut.apng", "cut.gif", "cut.mov", "cut.mp4", "cut.webm", "cut.webp"]
    assert films(drawn) == names
    for name in names:
        assert open_film(drawn / name).num_frames == 10, name
    # What an earlier run wrote in another format would show an earlier timing.
    assert main(command(keys, drawn, "--format", "none")) == 0
    assert films(drawn) == []
    assert main(command(keys, drawn)) == 0
    assert films(drawn) == ["cut.mp4"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--format", "avi"), "'avi' is no format of a film"),
        (("--format", "mp4,none"), "'none' is no format"),
        (("--format", "gif", "--fps", "60"), "0.1 to 50 fps"),
    ],
)
def test_formats_that_cannot_be_written_are_refused_before_anything_is_drawn(
    keys: Path, tmp_path: Path, options: tuple[str, ...], says: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert says in failure(capsys, command(keys, tmp_path / "out", *options))
    assert not (tmp_path / "out").exists()


def test_the_page_about_a_cut_has_every_drawing_and_says_what_made_each_segment(
    drawn: Path,
) -> None:
    page = (drawn / "report.html").read_text("utf-8")
    assert page.count("<figure") == 5 and page.count("data-label=") == 10
    assert all(f"A_000{number}.png" in page for number in range(1, 6))
    assert "segment 2, at 47%" in page
    for clip in (drawn / "segments").iterdir():
        assert clip.is_file() or clip.name in page


STEPS = ["_write_drawings", "_write_frames", "_write_films", "_write_sheets", "_write_note"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("is_first", [True, False])
def test_a_run_that_was_killed_among_its_results_is_continued(
    keys: Path, drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str,
    is_first: bool,
) -> None:  # fmt: skip
    out, write = tmp_path / "out", getattr(output, step)
    if not is_first:
        assert main(command(keys, out, "--on", "1")) == 0

    def write_and_stop(*given: object) -> None:
        write(*given)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(output, step, write_and_stop)
        assert main(command(keys, out)) == 130
    assert main(command(keys, out)) == 0
    for name in ("drawings", "frames"):
        found = {path.name: path.read_bytes() for path in (out / name).iterdir()}
        assert found == {path.name: path.read_bytes() for path in (drawn / name).iterdir()}


def test_a_film_is_written_without_its_frames_in_memory(tmp_path: Path) -> None:
    picture = tmp_path / "one.png"
    Image.new("RGB", (256, 256), "red").save(picture)
    frames = FilmFrames([picture, None] * 100)
    tracemalloc.start()
    try:
        from tooncrafter_core.pictures.encode import encode_film

        with (tmp_path / "film.mp4").open("wb") as file:
            encode_film(frames, ".mp4", 24, file)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # All 200 are 39 MB; a few at a time are less than a fifth of that.
    assert peak < 200 * frames[0].nbytes / 5


def test_pictures_that_come_one_at_a_time_give_the_same_gif() -> None:
    from tooncrafter_core.pictures.encode import film_bytes

    clip = np.random.RandomState(1).randint(0, 256, (5, 33, 47, 4), dtype=np.uint8)
    for extension in (".gif", ".webp", ".mov"):
        one, other = (film_bytes(frames, extension, 12) for frames in (clip, list(clip)))
        assert one == other


def test_keys_are_read_again_and_one_that_has_changed_is_named(keys: Path, tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.png" for number in range(4)]
    for number, path in enumerate(files):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(path)
    pictures = read_keys(
        tuple(Key(name=path.stem, frame=i, picture=path) for i, path in enumerate(files))
    )
    for name in pictures:
        assert pictures[name].shape == (3, 8, 8)
    Image.new("RGB", (8, 8), "white").save(files[0])
    with pytest.raises(CutError, match=r"The key '0.png' was changed while the cut was drawn"):
        pictures["0"]


def test_a_drawing_that_somebody_painted_over_is_not_replaced(
    keys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(command(keys, out, "--format", "none")) == 0
    assert main(command(keys, out, "--format", "none", "--steps", "2")) == 0
    painted = out / "drawings" / "A_0004.png"
    Image.new("RGB", (64, 64), "red").save(painted)
    before = painted.read_bytes()
    said = failure(capsys, command(keys, out, "--format", "none", "--steps", "1"))
    assert "'A_0004.png' was changed after this program wrote it" in said
    assert painted.read_bytes() == before
    painted.rename(tmp_path / "kept.png")
    assert main(command(keys, out, "--format", "none", "--steps", "1")) == 0


@pytest.mark.parametrize("at", [2, 3])
def test_a_run_that_stops_while_drawings_are_replaced_knows_them_as_its_own(
    keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    out = tmp_path / "out"
    assert main(command(keys, out, "--format", "none")) == 0
    written = output.write_json
    times = []

    def stop(path: Path, values: object) -> None:
        times.append(path)
        if len(times) == at:
            raise KeyboardInterrupt
        written(path, values)

    monkeypatch.setattr(output, "write_json", stop)
    assert main(command(keys, out, "--format", "none", "--steps", "2")) != 0
    assert len(times) == at
    assert painted_over(out) == []
