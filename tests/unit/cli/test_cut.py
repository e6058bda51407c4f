"""The command ``cut``: from keys and timing to drawings, frames, the film and sheets."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from support.command_line import failure
from support.exposure_sheets import CIRCLE, csv_bytes, document, sheet_from, xdts_bytes
from support.tiny import write_tiny
from tooncrafter_core.cli import main

QUICK = ["--width", "64", "--height", "64", "--steps", "1", "--quiet"]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three keys of the size that is drawn, with the tiny checkpoint next to it."""
    folder = tmp_path_factory.mktemp("cut") / "keys"
    folder.mkdir()
    for number in (1, 2, 3):
        pixels = np.random.RandomState(number).randint(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"A{number}.png")
    write_tiny(folder.parent / "tiny.safetensors")
    return folder


def command(keys: Path, out: Path, *options: str | Path) -> list[str]:
    given = () if "--keys" in options else ("--keys", str(keys))
    return ["cut", *given, "-o", str(out), "--checkpoint",
            str(keys.parent / "tiny.safetensors"), *QUICK, *map(str, options)]  # fmt: skip


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def clips(out: Path) -> dict[str, int]:
    """Each clip in the store with the time of its last change."""
    return {path.parent.name: path.stat().st_mtime_ns for path in out.glob("segments/*/clip.json")}


def test_a_cut_is_drawn_from_keys_at_frames_on_twos(
    keys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(command(keys, out, "--frames", "1,5,9", "--on", "2")) == 0
    assert "10 frames of 5 drawings, 3 keys and 2 in-betweens" in capsys.readouterr().out
    names = [path.name for path in sorted((out / "drawings").iterdir())]
    assert names == [f"A_000{number}.png" for number in range(1, 6)]
    assert len(list((out / "frames").iterdir())) == 10
    for number in (1, 2, 3):
        assert (
            pixels(out / f"drawings/A_000{number}.png") == pixels(keys / f"A{number}.png")
        ).all()
    assert (pixels(out / "frames/0003.png") == pixels(out / "drawings/A_0004.png")).all()
    assert (pixels(out / "frames/0003.png") == pixels(out / "frames/0004.png")).all()
    assert (out / "cut.mp4").stat().st_size
    sheet = sheet_from((out / "cut.xdts").read_bytes())
    assert list(sheet.columns[0].cells.values())[:5] == ["A1", "A4", "A2", "A5", "A3"]
    note = json.loads((out / "cut.json").read_text("utf-8"))
    assert [segment["in_betweens"] for segment in note["segments"]] == [[3], [7]]
    assert len(clips(out)) == 2


def test_other_timing_draws_nothing_again_and_another_key_its_neighbours_alone(
    keys: Path, tmp_path: Path
) -> None:
    out, mine = tmp_path / "out", tmp_path / "mine"
    mine.mkdir()
    for path in keys.iterdir():
        (mine / path.name).write_bytes(path.read_bytes())
    assert main(command(keys, out, "--keys", mine, "--frames", "1,5,9", "--on", "2")) == 0
    first = clips(out)
    assert (
        main(command(keys, out, "--keys", mine, "--frames", "1,9,12", "--spacing", "slow out")) == 0
    )
    assert clips(out) == first
    assert len(list((out / "frames").iterdir())) == 12
    Image.fromarray(255 - pixels(mine / "A3.png")).save(mine / "A3.png")
    assert main(command(keys, out, "--keys", mine, "--frames", "1,5,9", "--on", "2")) == 0
    assert len(clips(out)) == 3
    assert first.items() <= clips(out).items()


def test_a_segment_is_drawn_again_with_another_seed_and_the_earlier_clip_is_kept(
    keys: Path, tmp_path: Path
) -> None:
    out, timing = tmp_path / "out", ("--frames", "1,5,9", "--on", "2")
    assert main(command(keys, out, *timing)) == 0
    first, one = clips(out), pixels(out / "drawings/A_0004.png")
    other = pixels(out / "drawings/A_0005.png")
    assert main(command(keys, out, *timing, "--redo", "2", "--seed", "7")) == 0
    assert (pixels(out / "drawings/A_0004.png") == one).all()
    assert (pixels(out / "drawings/A_0005.png") != other).any()
    assert first.items() < clips(out).items()
    # Once more, without a seed: the next one. The first segment of the last run stays.
    assert main(command(keys, out, *timing, "--redo", "1")) == 0
    note = json.loads((out / "cut.json").read_text("utf-8"))
    assert [segment["seed"] for segment in note["segments"]] == [124, 7]
    assert main(command(keys, out, *timing)) == 0
    assert (pixels(out / "drawings/A_0005.png") == other).all()
    assert len(clips(out)) == 4


def test_the_circles_of_a_sheet_become_drawings(
    keys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, sheet = tmp_path / "out", tmp_path / "scene.xdts"
    cells = {0: "1", 2: CIRCLE, 4: "2", 5: "SYMBOL_TICK_2", 7: "3", 9: "SYMBOL_NULL_CELL"}
    raw = xdts_bytes(document([("B", {0: "x"}), ("A", cells)], 10, frameRate=12), indent=1)
    sheet.write_bytes(raw)
    assert main(command(keys, out, "--sheet", sheet)) == 0
    assert "a dot at frame 6" in capsys.readouterr().out
    names = [path.name for path in sorted((out / "drawings").iterdir())]
    assert names == [f"A_000{number}.png" for number in range(1, 6)]
    filled = raw.replace(b'"SYMBOL_TICK_1"', b'"4"', 1).replace(b'"SYMBOL_TICK_2"', b'"5"', 1)
    assert (out / "cut.xdts").read_bytes() == filled
    assert len(list((out / "frames").iterdir())) == 10
    assert (pixels(out / "frames/0010.png") == 255).all()
    assert sheet.read_bytes() == raw


def test_clip_studios_sheet_is_filled_too(keys: Path, tmp_path: Path) -> None:
    rows = [["", ""], ["", "A"], ["1", "1"], ["2", "○"], ["3", "2"], ["4", ""], ["5", "3"]]
    sheet = tmp_path / "scene.csv"
    sheet.write_bytes(csv_bytes(rows, "cp932"))
    assert main(command(keys, tmp_path / "out", "--sheet", sheet)) == 0
    rows[3][1] = "4"
    assert (tmp_path / "out/cut.csv").read_bytes() == csv_bytes(rows, "cp932")


def test_a_cycle_of_equal_keys_and_long_segments_is_drawn(
    keys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [keys / name for name in ("A1.png", "A2.png", "A2.png")]
    out = tmp_path / "out"
    timing = ("--frames", "1,17,20,22", "--cycle")
    assert main(command(keys, out, "--keys", *given, *timing)) == 0
    said = capsys.readouterr().out
    assert "Segment 1 has 15 in-betweens" in said
    assert "Segment 2 is a hold" in said
    assert "21 frames of 18 drawings, 2 keys and 16 in-betweens" in said
    assert len(clips(out)) == 4
    frames = [pixels(path) for path in sorted((out / "frames").iterdir())]
    assert all((frames[index] == pixels(keys / "A2.png")).all() for index in range(16, 20))


def test_what_a_kill_left_is_drawn_and_nothing_else(
    keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tooncrafter_core.cli import cut

    whole, out = tmp_path / "whole", tmp_path / "out"
    timing = ("--frames", "1,5,9", "--on", "2")
    assert main(command(keys, whole, *timing)) == 0
    draw, drawn = cut.interpolate_with_progress, []

    def stop_at_the_second(*given: object) -> object:
        drawn.append(given)
        if len(drawn) == 2:
            raise KeyboardInterrupt
        return draw(*given)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(cut, "interpolate_with_progress", stop_at_the_second)
    assert main(command(keys, out, *timing)) == 130
    assert len(clips(out)) == 1
    assert main(command(keys, out, *timing)) == 0
    assert len(drawn) == 3
    for path in (whole / "drawings").iterdir():
        assert path.read_bytes() == (out / "drawings" / path.name).read_bytes()


def test_transparent_keys_are_shown_on_white_and_named(
    keys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (1, 2):
        with Image.open(keys / f"A{number}.png") as image:
            clear = image.convert("RGBA")
        clear.putalpha(Image.new("L", (64, 64), 255 if number == 1 else 0))
        clear.save(tmp_path / f"A{number}.png")
    out, given = tmp_path / "walk.v2", [tmp_path / "A1.png", tmp_path / "A2.png"]
    assert main(command(keys, out, "--keys", *given, "--frames", "1,3")) == 0
    assert "White is put behind what is transparent, in 'A2'." in capsys.readouterr().out
    assert (pixels(out / "drawings/A_0001.png") == pixels(keys / "A1.png")).all()
    assert (pixels(out / "drawings/A_0002.png") == 255).all()


def test_everything_may_stand_in_one_file(keys: Path, tmp_path: Path) -> None:
    out, other = tmp_path / "out", tmp_path / "other"
    file = keys.parent / "cut.yaml"
    file.write_text(
        "keys: keys/\nframes: [1, 5, 9]\non: 2\ncheckpoint: tiny.safetensors\n"
        "drawing: {width: 64, height: 64, steps: 1}\nsegments: {2: {seed: 7}}\n"
    )
    assert main(["cut", str(file), "-o", str(out), "--quiet"]) == 0
    note = json.loads((out / "cut.json").read_text("utf-8"))
    assert [segment["seed"] for segment in note["segments"]] == [123, 7]
    assert main(command(keys, other, "--frames", "1,5,9", "--on", "2")) == 0
    for number, is_same in ((4, True), (5, False)):
        one, two = (pixels(folder / f"drawings/A_000{number}.png") for folder in (out, other))
        assert (one == two).all() == is_same


def test_a_sketch_changes_its_segment_alone(keys: Path, tmp_path: Path) -> None:
    out, sketch = tmp_path / "out", tmp_path / "pose.png"
    image = Image.new("L", (64, 64), 255)
    ImageDraw.Draw(image).line((5, 5, 60, 50), fill=0, width=3)
    image.save(sketch)
    encoder = keys.parent / "sketch.safetensors"
    assert main(["tiny", str(encoder), "--part", "sketch_encoder"]) == 0
    timing = ("--frames", "1,5,9", "--on", "2")
    assert main(command(keys, out, *timing)) == 0
    first, one = clips(out), pixels(out / "drawings/A_0004.png")
    other = pixels(out / "drawings/A_0005.png")
    with_sketch = ("--sketch", f"2:8={sketch}", "--sketch-encoder", encoder)
    assert main(command(keys, out, *timing, *with_sketch)) == 0
    assert len(clips(out)) == 3
    assert first.items() < clips(out).items()
    assert (pixels(out / "drawings/A_0004.png") == one).all()
    assert (pixels(out / "drawings/A_0005.png") != other).any()


def test_a_setting_of_a_segment_is_checked_before_any_is_drawn(
    keys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "cut.yaml"
    file.write_text("frames: [1, 5, 9]\nsegments: {2: {seed: -1}}\n")
    said = failure(capsys, ["cut", str(file), *command(keys, tmp_path / "out")[1:]])
    assert "Segment 2: The seed must be 0 to" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ((), "--frames 1,13,25, or --sheet"),
        (("--frames", "1,5"), "3 keys and 2 frames"),
        (("--frames", "1,5,9", "--on", "0"), "not on 0"),
        (("--frames", "1,5,9", "--cel", "A"), "add --sheet"),
        (("--frames", "1,5,9", "--spacing", "slow aut"), "Did you mean 'slow out'?"),
        (("--frames", "1,5,9", "--checkpoint", "none.ckpt"), "'none.ckpt' cannot be read"),
        (("--frames", "1,5,9", "--redo", "1"), "no 'cut.json' of an earlier run"),
        (("--frames", "1,5,9", "--sketch", "3:8=x.png"), "segment 3, which is not there"),
        (("--frames", "1,5,9", "--sketch", "2:17=x.png"), "a sketch at moment 17"),
        (("--frames", "1,5,9", "--sketch", "8=x.png"), "'8=x.png' does not say which moment"),
        (("--frames", "1,5,9", "--sketch", "2:8=x.png"), "Sketches need the sketch encoder"),
        (("--sheet", "missing.xdts"), "There is no file 'missing.xdts'"),
        (("--sheet", "x.xdts", "--on", "2"), "--on and --sheet both"),
    ],
)
def test_what_cannot_be_drawn_is_refused_before_anything_is_loaded(
    keys: Path,
    tmp_path: Path,
    options: tuple[str, ...],
    says: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    assert says in failure(capsys, command(keys, out, *options))
    assert not out.exists()


def test_results_go_into_a_folder(
    keys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = failure(capsys, command(keys, tmp_path / "clip.mp4", "--frames", "1,5,9"))
    assert "-o takes a folder" in said


def test_keys_of_several_sizes_are_refused(
    keys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (32, 64)).save(tmp_path / "A4.png")
    given = ("--keys", keys / "A1.png", tmp_path / "A4.png", "--frames", "1,5")
    said = failure(capsys, command(keys, tmp_path / "out", *given))
    assert "64x64: A1; 32x64: A4" in said


def test_files_and_names_that_do_not_belong_together_are_listed(
    keys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet = tmp_path / "scene.xdts"
    sheet.write_bytes(xdts_bytes(document([("A", {0: "1", 2: CIRCLE, 4: "7"})], 10)))
    said = failure(capsys, command(keys, tmp_path / "out", "--sheet", sheet))
    assert "no file for 1 key: '7'; there is no key for 2 files: 'A2.png', 'A3.png'" in said


@pytest.mark.parametrize("place", ["drawings/mine.png", "frames/mine.png"])
def test_a_file_that_came_among_the_results_is_kept_and_named_before_drawing(
    keys: Path, tmp_path: Path, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(command(keys, out, "--frames", "1,3,5")) == 0
    (out / place).write_bytes(b"mine")
    capsys.readouterr()
    said = failure(capsys, command(keys, out, "--frames", "1,5,9", "--seed", "9"))
    assert "'mine.png'" in said
    assert (out / place).read_bytes() == b"mine"
    assert len(clips(out)) == 2


def test_a_drawing_of_someone_else_in_the_folder_is_kept(
    keys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, timing = tmp_path / "out", ("--frames", "1,3,5")
    (out / "drawings").mkdir(parents=True)
    (out / "drawings" / "mine.png").write_bytes(b"mine")
    assert "has a" in failure(capsys, command(keys, out, *timing))
    assert (out / "drawings" / "mine.png").read_bytes() == b"mine"


def test_motion_is_smoothed_at_the_keys_that_are_named_and_draws_no_clip_again(
    keys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, timing = tmp_path / "out", ("--frames", "1,5,9")
    assert main(command(keys, out, *timing, "--smooth", "A2")) == 0
    assert "The motion is smoothed at key A2." in capsys.readouterr().out
    note = json.loads((out / "cut.json").read_text("utf-8"))
    assert note["notes"] == ["The motion is smoothed at key A2."]
    first = clips(out)
    assert main(command(keys, out, *timing, "--smooth", "all")) == 0
    assert clips(out) == first
    file = tmp_path / "cut.yaml"
    file.write_text("smooth: [A2]\n", "utf-8")
    assert main(command(keys, out, file, *timing)) == 0
    assert "smoothed at key A2" in capsys.readouterr().out
    assert "no key 'A7'" in failure(capsys, command(keys, out, *timing, "--smooth", "A7"))
    assert "--smooth takes all" in failure(capsys, command(keys, out, *timing, "--smooth", ","))


def test_clips_of_another_precision_are_drawn_again(keys: Path, tmp_path: Path) -> None:
    timing = ("--frames", "1,5,9", "--on", "2")
    for precision, count in (("auto", 2), ("bf16", 4), ("auto", 4), ("bf16", 4)):
        assert main(command(keys, tmp_path / "out", *timing, "--dtype", precision)) == 0
        assert len(clips(tmp_path / "out")) == count
