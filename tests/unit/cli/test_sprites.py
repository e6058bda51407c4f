"""``sprites``: folders, exposure sheets and cuts become sprite sheets that read back to the bit."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support.command_line import failure
from support.exposure_sheets import NOTHING, document, xdts_bytes
from support.sprite_sheets import read_sprites
from support.tiny import write_tiny
from tooncrafter_core.cli import main
from tooncrafter_core.cut.sheets.write import new_clip_studio, new_xdts


def write(folder: Path, *names: str, size: tuple[int, int] = (9, 13)) -> dict[str, np.ndarray]:
    """Pictures of any colours, of different pixels each."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {}
    for seed, name in enumerate(names):
        made[name] = np.random.default_rng(seed).integers(1, 256, (*size, 4), dtype=np.uint8)
        Image.fromarray(made[name]).save(folder / name)
    return made


@pytest.mark.parametrize("ending", [".png", ".webp"])
def test_a_folder_is_laid_out_in_natural_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], ending: str
) -> None:
    made = write(tmp_path / "歩き", "A10.png", "A2.png", "A1.png")
    out = tmp_path / f"シート{ending}"
    assert main(["sprites", str(tmp_path / "歩き"), "-o", str(out), "--fps", "12", "--trim"]) == 0
    assert "3 drawings, 3 frames" in capsys.readouterr().out
    entries, drawings = read_sprites(out)
    assert [entry["filename"] for entry in entries] == ["A1.png", "A2.png", "A10.png"]
    assert [entry["duration"] for entry in entries] == [83, 84, 83]
    for entry, drawing in zip(entries, drawings, strict=True):
        assert np.array_equal(drawing, made[entry["filename"]])


def test_a_sheet_says_when_each_is_shown_and_where_nothing_is(tmp_path: Path) -> None:
    made = write(tmp_path / "keys", "1.png", "2.png")
    cells = {0: "2", 3: "1", 4: NOTHING, 6: "2"}
    (tmp_path / "s.xdts").write_bytes(xdts_bytes(document([("A", cells), ("B", {0: "x"})], 8)))
    out = tmp_path / "walk.png"
    asked = ["sprites", str(tmp_path / "keys"), "-o", str(out), "--sheet", str(tmp_path / "s.xdts"),
             "--cel", "A", "--fps", "10", "--loop"]  # fmt: skip
    assert main(asked) == 0
    entries, drawings = read_sprites(out)
    names = ["2.png", "1.png", "nothing", "2_2.png"]
    assert [entry["filename"] for entry in entries] == names
    assert [entry["duration"] for entry in entries] == [300, 100, 200, 200]
    assert np.array_equal(drawings[0], made["2.png"])
    assert np.array_equal(drawings[1], made["1.png"])
    assert not drawings[2].any()
    assert np.array_equal(drawings[3], made["2.png"])


def write_cut(folder: Path) -> dict[str, np.ndarray]:
    """What a cut of two keys and one in-between leaves behind, on a sheet of two cels."""
    made = write(folder / "drawings", "A_0001.png", "A_0002.png", "A_0003.png")
    rows = [{"name": str(number), "file": f"A_{number:04d}.png"} for number in (1, 2, 3)]
    (folder / "cut.json").write_text(json.dumps({"fps": 25, "drawings": rows}))
    shown = ["1", "1", "3", "2", None]
    two_cels = document([("B", {0: "x"}), ("A", {0: "1", 2: "3", 3: "2", 4: NOTHING})], 5)
    (folder / "cut.xdts").write_bytes(xdts_bytes(two_cels))
    (folder / "cut.csv").write_bytes(new_clip_studio("A", shown))
    return made


def test_the_folder_of_a_cut_comes_with_its_timing(tmp_path: Path) -> None:
    made = write_cut(tmp_path / "cut")
    out = tmp_path / "walk.png"
    assert main(["sprites", str(tmp_path / "cut"), "-o", str(out)]) == 0
    entries, drawings = read_sprites(out)
    names = ["A_0001.png", "A_0003.png", "A_0002.png"]
    assert [entry["filename"] for entry in entries] == [*names, "nothing"]
    assert [entry["duration"] for entry in entries] == [80, 40, 40, 40]
    for name, drawing in zip(names, drawings, strict=False):
        assert np.array_equal(drawing, made[name])
    # Another cut has left a sheet of a single cel as XDTS.
    (tmp_path / "cut" / "cut.xdts").write_bytes(new_xdts("A", ["3", "3", "1"], 25))
    assert main(["sprites", str(tmp_path / "cut"), "-o", str(out), "--overwrite"]) == 0
    assert [entry["duration"] for entry in read_sprites(out)[0]] == [80, 40]


@pytest.mark.parametrize("form", ["aseprite-hash", "texturepacker-array"])
def test_a_cut_as_it_is_drawn_shows_the_same_film(tmp_path: Path, form: str) -> None:
    keys = [str(tmp_path / f"A{number}.png") for number in (1, 2, 3)]
    for seed, key in enumerate(keys):
        levels = np.random.default_rng(seed).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(levels).save(key)
    write_tiny(tmp_path / "tiny.safetensors")
    asked = ["cut", "--keys", *keys, "--frames", "1,5,12", "--on", "2", "--fps", "20", "-o",
             str(tmp_path / "cut"), "--checkpoint", str(tmp_path / "tiny.safetensors"),
             "--width", "64", "--height", "64", "--steps", "1", "--quiet"]  # fmt: skip
    assert main(asked) == 0
    out = tmp_path / "walk.webp"
    assert main(["sprites", str(tmp_path / "cut"), "-o", str(out), "--json", form]) == 0
    entries, drawings = read_sprites(out)
    by_name = {e["filename"]: drawing for e, drawing in zip(entries, drawings, strict=True)}
    if form.startswith("aseprite"):
        # A frame takes 50 milliseconds.
        film = [e["filename"] for e in entries for _ in range(e["duration"] // 50)]
    else:
        film = json.loads(out.with_suffix(".json").read_text())["animations"]["walk"]
    frames = sorted((tmp_path / "cut" / "frames").iterdir())
    assert len(film) == len(frames) > 11
    for name, frame in zip(film, frames, strict=True):
        with Image.open(frame) as image:
            assert np.array_equal(by_name[name], np.asarray(image.convert("RGBA")))


def test_a_cut_that_has_lost_a_drawing_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_cut(tmp_path / "cut")
    (tmp_path / "cut" / "drawings" / "A_0003.png").unlink()
    said = failure(capsys, ["sprites", str(tmp_path / "cut"), "-o", str(tmp_path / "s.png")])
    assert "no drawing '3'" in said
    assert not (tmp_path / "s.png").exists()


def test_nothing_is_overwritten_without_asking(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "keys", "1.png")
    out, given = tmp_path / "s.png", str(tmp_path / "keys")
    (tmp_path / "s.json").write_text("mine")
    assert "s.json' exists" in failure(capsys, ["sprites", given, "-o", str(out)])
    assert not out.exists() and (tmp_path / "s.json").read_text() == "mine"
    assert main(["sprites", given, "-o", str(out), "--overwrite"]) == 0
    capsys.readouterr()
    assert "exists" in failure(capsys, ["sprites", given, "-o", str(out)])
    key = str(tmp_path / "keys" / "1.png")
    said = failure(capsys, ["sprites", key, "-o", key, "--overwrite"])
    assert "write over what is read" in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-o", "s.jpg"], ".png or .webp"),
        (["-o", "s.png", "--cel", "A"], "--sheet"),
        (["-o", "s.png", "--fps", "0"], "fps of a sprite sheet must be"),
        (["-o", "s.png", "--padding", "-1"], "padding of a sprite sheet must be"),
        (["-o", "s.png", "--max-size", "8"], "smaller"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_written(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    said: str,
) -> None:
    write(tmp_path / "keys", "1.png", "2.png")
    monkeypatch.chdir(tmp_path)
    assert said in failure(capsys, ["sprites", "keys", *options])
    assert [path.name for path in tmp_path.iterdir()] == ["keys"]


def test_sizes_that_differ_and_folders_without_pictures_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "a", "1.png")
    write(tmp_path / "b", "2.png", size=(5, 5))
    (tmp_path / "empty").mkdir()
    out = ["-o", str(tmp_path / "s.png")]
    both = [str(tmp_path / "a"), str(tmp_path / "b")]
    assert "'2.png' is 5x5 and '1.png' 13x9" in failure(capsys, ["sprites", *both, *out])
    assert "has no pictures" in failure(capsys, ["sprites", str(tmp_path / "empty"), *out])
    assert "no picture at" in failure(capsys, ["sprites", str(tmp_path / "c.png"), *out])
