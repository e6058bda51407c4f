"""Keys and sheets from the input folder, pictures on a sheet, and sheets to the output folder."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import folder_paths
import numpy as np
import pytest
import torch
from PIL import Image
from tooncrafter_pack.nodes.bridge import folders
from tooncrafter_pack.nodes.cut.exposure import ToonCrafterExposure, expose
from tooncrafter_pack.nodes.cut.files import (
    LoadToonCrafterKeys,
    LoadToonCrafterSheet,
    SaveToonCrafterSheet,
)
from tooncrafter_pack.tooncrafter_core.errors import ToonCrafterError

from comfyui.host import Host
from support.exposure_sheets import THREE_KEYS, csv_bytes, document, sheet_from, xdts_bytes
from support.host_prompts import node
from support.refusals import assert_refused
from tooncrafter_core.cut.sheets.order import names_shown

SHOWN = {0: "1", 2: "3", 5: "2", 8: "1"}
"""What an exposed sheet of 10 frames shows."""


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """ComfyUI's input and output folders, empty."""
    for name in ("input", "output"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(folder_paths, "get_input_directory", lambda: str(tmp_path / "input"))
    monkeypatch.setattr(folder_paths, "get_output_directory", lambda: str(tmp_path / "output"))
    return tmp_path


def levels(seed: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (6, 8, channels), dtype=np.uint8)


def put(folder: Path, **pictures: np.ndarray) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures.items():
        Image.fromarray(picture).save(folder / f"{name}.png")


def numbered(count: int) -> torch.Tensor:
    """Pictures that are black, a little lighter, and so on; 1 is equal to 2."""
    grey = torch.tensor([0, 1, 1, *range(3, count)][:count]) / 16
    return grey[:, None, None, None].expand(count, 2, 2, 3)


def greys(frames: torch.Tensor) -> list[int]:
    return (frames[:, 0, 0, 0] * 16).round().int().tolist()


# Keys


def test_keys_come_in_natural_order_with_every_level_as_it_was(disk: Path) -> None:
    made = {f"A{number}": levels(number) for number in (2, 10, 1)}
    put(disk / "input" / "keys", **made)
    batch, mask, names = LoadToonCrafterKeys.execute("keys").args
    assert names == "A1\nA2\nA10"
    expected = np.stack([made["A1"], made["A2"], made["A10"]]).astype(np.float32) / 255
    assert np.array_equal(batch.numpy(), expected)
    assert mask.shape == batch.shape[:3] and not mask.any()


def test_alpha_is_kept_with_the_colours(disk: Path) -> None:
    clear, solid = levels(1, 4), levels(2)
    put(disk / "input", a=clear, b=solid)
    batch, mask, _ = LoadToonCrafterKeys.execute(folders.HERE).args
    assert np.array_equal(batch[0].numpy(), clear.astype(np.float32) / 255)
    assert np.array_equal(batch[1, ..., :3].numpy(), solid.astype(np.float32) / 255)
    assert (batch[1, ..., 3] == 1).all() and not mask[1].any()
    assert torch.equal(mask[0], 1 - batch[0, ..., 3])


def test_lists_show_folders_of_pictures_and_sheets_within_folders(disk: Path) -> None:
    put(disk / "input" / "cut 2" / "keys", a=levels(1))
    put(disk / "input" / ".hidden", a=levels(1))
    (disk / "input" / "empty").mkdir()
    (disk / "input" / "cut 2" / "scene.XDTS").write_text("")
    (disk / "input" / "a.csv").write_text("")
    assert folders.list_picture_folders() == [".", "cut 2/keys"]
    assert folders.list_sheets() == ["none", "a.csv", "cut 2/scene.XDTS"]


def test_a_picture_that_is_replaced_changes_the_fingerprint(disk: Path) -> None:
    put(disk / "input" / "keys", a=levels(1))
    before = LoadToonCrafterKeys.fingerprint_inputs("keys")
    put(disk / "input" / "keys", b=levels(2))
    assert LoadToonCrafterKeys.fingerprint_inputs("keys") != before
    assert LoadToonCrafterKeys.fingerprint_inputs("gone") == ["absent"]


@pytest.mark.parametrize("name", ["../input2", "/", "keys/../..", "gone", "\0", ""])
def test_nothing_outside_of_the_input_folder_is_named(disk: Path, name: str) -> None:
    put(disk / "input2", a=levels(1))
    (disk / "scene.xdts").write_text("")
    action: Callable[[], Any] = lambda: LoadToonCrafterKeys.execute(name)  # noqa: E731
    assert_refused(action, "input folder", kind=ToonCrafterError)
    assert_refused(lambda: LoadToonCrafterSheet.execute(name), "input folder")


def test_drawings_of_two_sizes_are_refused(disk: Path) -> None:
    put(disk / "input" / "keys", a=levels(1), b=levels(2)[:5])
    assert_refused(lambda: LoadToonCrafterKeys.execute("keys"), "8x5", "8x6", "b.png")


# Sheets


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp932"])
def test_a_sheet_of_clip_studio_goes_through_load_and_save(disk: Path, encoding: str) -> None:
    rows = [["", "", ""], ["", "原画", "B"], ["1", "1", "×"], ["2", "○", ""], ["3", "2", "b"]]
    (disk / "input" / "s.csv").write_bytes(csv_bytes(rows, encoding))
    [text] = LoadToonCrafterSheet.execute("s.csv").args
    [name] = SaveToonCrafterSheet.execute(text, "sheets/s", "as it is").args
    assert name == "sheets/s.csv"
    assert (disk / "output" / name).read_bytes() == csv_bytes(rows)


def test_xdts_is_saved_as_it_was_and_nothing_is_overwritten(disk: Path) -> None:
    raw = xdts_bytes(document([("A", THREE_KEYS), ("B", {0: "x"})], 24))
    (disk / "input" / "s.xdts").write_bytes(raw)
    [text] = LoadToonCrafterSheet.execute("s.xdts").args
    names = [SaveToonCrafterSheet.execute(text, "s", "as it is").args[0] for _ in range(3)]
    assert names == ["s.xdts", "s_2.xdts", "s_3.xdts"]
    assert {(disk / "output" / name).read_bytes() for name in names} == {raw}


def test_one_cel_is_saved_in_the_other_format(disk: Path) -> None:
    text = xdts_bytes(document([("A", SHOWN), ("B", {0: "x"})], 10)).decode()
    saved = SaveToonCrafterSheet.execute(text, "s", "Clip Studio CSV", "A").args[0]
    back = sheet_from((disk / "output" / saved).read_bytes(), "s.csv")
    assert [column.name for column in back.columns] == ["A"]
    assert names_shown(back, 0) == ["1", "1", "3", "3", "3", "2", "2", "2", "1", "1"]
    assert_refused(
        lambda: SaveToonCrafterSheet.execute(text, "s", "Clip Studio CSV"), "several cels", "'B'"
    )


@pytest.mark.parametrize("prefix", ["../s", "", "a/", "/tmp/../../s", "\0"])
def test_a_sheet_stays_in_the_output_folder(disk: Path, prefix: str) -> None:
    text = xdts_bytes(document([("A", SHOWN)], 10)).decode()
    assert_refused(lambda: SaveToonCrafterSheet.execute(text, prefix, "as it is"), "output folder")
    assert list(disk.rglob("*.xdts")) == []


def test_none_is_an_empty_text(disk: Path) -> None:
    assert LoadToonCrafterSheet.execute(folders.NONE).args == ("",)


# Exposure


def test_pictures_are_exposed_on_twos_and_equal_ones_stay_apart() -> None:
    frames, text = ToonCrafterExposure.execute(numbered(4), 2, "", 0, "even").args
    assert greys(frames) == [0, 0, 1, 1, 1, 1, 3, 3]
    assert names_shown(sheet_from(text.encode()), 0) == [*"11223344"]


def test_frames_length_and_spacing_make_holds() -> None:
    frames, text = ToonCrafterExposure.execute(numbered(16), 1, "1, 4, 5", 3, "slow out", 8).args
    assert greys(frames) == [0, 0, 0, 4, 15, 15, 15, 15]
    assert names_shown(sheet_from(text.encode()), 0) == [*"11123333"]


def test_a_sheet_says_when_pictures_are_shown_by_order_or_by_name() -> None:
    text = xdts_bytes(document([("A", {**SHOWN, 9: "SYMBOL_NULL_CELL"})], 10)).decode()
    frames, back = ToonCrafterExposure.execute(numbered(3), 2, "", 0, "even", 0, text).args
    assert greys(frames) == [0, 0, 1, 1, 1, 1, 1, 1, 0, 16]
    assert back == text
    names = "A_0001\nA_0002\nA_0003"
    batch = torch.tensor([4, 5, 6])[:, None, None, None].expand(3, 2, 2, 3) / 16
    frames, _ = ToonCrafterExposure.execute(batch, 2, "", 0, "even", 0, text, names).args
    assert greys(frames) == [4, 4, 6, 6, 6, 5, 5, 5, 4, 16]


@pytest.mark.parametrize(
    ("cells", "names", "words"),
    [
        (SHOWN, "1\n2\n4", ["no file for 1 key: '3'", "'4.png'"]),
        (SHOWN, "1\n2", ["2 names for 3 pictures"]),
        ({0: "1", 4: "2"}, "", ["2 drawings ('1', '2')", "3 pictures"]),
        (THREE_KEYS, "", ["circle at frame 3", "ToonCrafter Cut"]),
    ],
)
def test_a_sheet_that_does_not_fit_is_refused(
    cells: dict[int, str], names: str, words: list[str]
) -> None:
    text = xdts_bytes(document([("A", cells)], 24)).decode()
    action = ToonCrafterExposure.execute
    assert_refused(lambda: action(numbered(3), 2, "", 0, "even", 0, text, names), *words)


@pytest.mark.parametrize("text", ["words", '{"a": 1}', ",,\n", '"a","b"\n', json.dumps([1])])
def test_other_texts_are_no_sheets(text: str) -> None:
    action = ToonCrafterExposure.execute
    assert_refused(lambda: action(numbered(3), 2, "", 0, "even", 0, text), "sheet")


def test_a_folder_and_a_sheet_become_frames_in_a_running_comfyui(host: Host) -> None:
    put(host.base / "input" / "exposed", **{f"{n}": levels(n) for n in (1, 2, 3)})
    raw = xdts_bytes(document([("A", SHOWN)], 10))
    (host.base / "input" / "exposed" / "s.xdts").write_bytes(raw)
    prompt = {
        "1": node("ToonCrafterLoadKeys", folder="exposed"),
        "2": node("ToonCrafterLoadSheet", sheet="exposed/s.xdts"),
        "3": node("ToonCrafterExposure", images=["1", 0], on=2, frames="", drawings=0,
                  spacing="even", sheet=["2", 0], names=["1", 2]),
        "4": node("SaveImage", images=["3", 0], filename_prefix="exposed"),
        "5": node("ToonCrafterSaveSheet", sheet=["3", 1], filename_prefix="exposed/s",
                  format="as it is"),
    }  # fmt: skip
    result = host.run(prompt)
    assert result.status == "success", (result.error, result.validation, host.log_tail())
    records = sorted(result.images("4"), key=lambda record: record["filename"])
    frames = [host.download(record) * 255 for record in records]
    shown = [1, 1, 3, 3, 3, 2, 2, 2, 1, 1]
    assert np.array_equal(np.stack(frames).round(), np.stack([levels(n) for n in shown]))
    assert (host.base / "output" / "exposed" / "s.xdts").read_bytes() == raw


def test_drawings_are_saved_under_the_names_of_the_sheet(disk: Path) -> None:
    pictures = torch.from_numpy(np.stack([levels(n, 4) for n in (5, 6, 7)]) / np.float32(255))
    raw = xdts_bytes(document([("A", SHOWN), ("B", {0: "x"})], 10)).decode()
    for expected in ("cut", "cut_2"):
        SaveToonCrafterSheet.execute(raw, "cut", "as it is", "A", pictures)
        folder = disk / "output" / expected
        assert len(list(folder.iterdir())) == 3
        assert (disk / "output" / f"{expected}.xdts").read_bytes() == raw.encode()
        # The sheet shows 1, then 3, then 2.
        for name, number in zip(("A_0001", "A_0003", "A_0002"), (5, 6, 7), strict=True):
            with Image.open(folder / f"{name}.png") as picture:
                assert np.array_equal(np.asarray(picture), levels(number, 4))


def test_drawings_of_another_cut_are_refused_and_nothing_is_written(disk: Path) -> None:
    raw = xdts_bytes(document([("A", SHOWN)], 10)).decode()
    assert_refused(
        lambda: SaveToonCrafterSheet.execute(raw, "cut", "as it is", "", numbered(4)),
        "shows 3 drawings ('1', '3', '2')", "4 pictures", kind=ToonCrafterError,
    )  # fmt: skip
    assert list((disk / "output").iterdir()) == []


@pytest.mark.parametrize(("channels", "ground"), [(3, 1.0), (4, 0.0)])
def test_where_nothing_is_shown_pictures_with_alpha_are_clear(channels: int, ground: float) -> None:
    images = torch.full((1, 8, 8, channels), 0.5)
    frames = expose(images, [None, 0])
    assert (frames[0] == ground).all()
    assert torch.equal(frames[1], images[0])
