"""Sprite sheets: every drawing comes back to the bit by its table, whatever the layout."""

import io
import json
from itertools import combinations, product
from typing import Any

import numpy as np
import pytest
from PIL import Image

from support.refusals import assert_refused
from support.sprite_sheets import cut_up, entries_in
from tooncrafter_core.pictures.sprites import encode
from tooncrafter_core.pictures.sprites.encode import encode_sheet
from tooncrafter_core.pictures.sprites.lay_out import lay_out
from tooncrafter_core.pictures.sprites.tables import FORMS, table, unique
from tooncrafter_core.pictures.sprites.timing import Timing
from tooncrafter_core.pictures.sprites.values import Box, Layout, SpriteSheet

WIDTH, HEIGHT = 13, 9


def drawing(seed: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """A drawing of any colours with a clear border that differs by seed; clear is black."""
    random = np.random.default_rng(seed)
    picture = np.zeros((height, width, 4), np.uint8)
    left, top = random.integers(0, [width, height])
    right, bottom = random.integers([left, top], [width, height]) + 1
    part = picture[top:bottom, left:right]
    part[:] = random.integers(1, 256, part.shape)
    return picture


def lay(pictures: list[np.ndarray], **options: Any) -> SpriteSheet:
    named = [(f"A_{number:04d}.png", picture) for number, picture in enumerate(pictures, 1)]
    return lay_out(named, Layout(**options))


def back(sheet: SpriteSheet, form: str = FORMS[0], count: int | None = None) -> list[np.ndarray]:
    shown = range(len(sheet.sprites) if count is None else count)
    return cut_up(sheet.pixels, entries_in(table(sheet, Timing(shown=shown), form, "s.png")))


def overlap(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


@pytest.mark.parametrize("count", [1, 2, 16, 17])
@pytest.mark.parametrize(
    ("trim", "padding", "columns", "power_of_two"),
    product([False, True], [0, 3], [0, 5], [False, True]),
)
def test_every_drawing_comes_back_to_the_bit(
    count: int, trim: bool, padding: int, columns: int, power_of_two: bool
) -> None:
    pictures = [drawing(seed) for seed in range(count)]
    sheet = lay(pictures, trim=trim, padding=padding, columns=columns, power_of_two=power_of_two)
    for made, given in zip(back(sheet), pictures, strict=True):
        assert np.array_equal(made, given)
    height, width = sheet.pixels.shape[:2]
    for place in sheet.places:
        assert padding <= place.x <= width - padding - place.width
        assert padding <= place.y <= height - padding - place.height
    grown = [Box(p.x, p.y, p.width + padding, p.height + padding) for p in sheet.places]
    assert not any(overlap(one, other) for one, other in combinations(grown, 2))
    if power_of_two:
        assert width & (width - 1) == 0 and height & (height - 1) == 0
    # Nothing but the pieces lies on the sheet.
    rest = sheet.pixels.copy()
    for place in sheet.places:
        place.of(rest)[:] = 0
    assert not rest.any()


def test_drawings_of_one_size_lie_in_the_order_of_reading_near_a_square() -> None:
    sheet = lay([np.full((4, 4, 3), number, np.uint8) for number in range(17)])
    assert max(sheet.pixels.shape[:2]) == 20
    order = [(place.y, place.x) for place in sheet.places]
    assert order == sorted(order)


def test_a_grid_has_the_columns_that_were_asked_for() -> None:
    sheet = lay(
        [np.full((9, 13, 3), number, np.uint8) for number in range(6)], columns=2, padding=1
    )
    assert sheet.pixels.shape == (3 * 10 + 1, 2 * 14 + 1, 4)
    assert [(place.x, place.y) for place in sheet.places[:3]] == [(1, 1), (15, 1), (1, 11)]


def test_equal_drawings_and_equal_parts_lie_there_once() -> None:
    one = drawing(3, 6, 5)
    one[2, 3] = 200
    moved = np.zeros((20, 20, 4), np.uint8)
    also_moved = moved.copy()
    moved[2:7, 1:7] = one
    also_moved[11:16, 9:15] = one
    assert len(lay([moved, also_moved, moved]).places) == 2
    sheet = lay([moved, also_moved, moved], trim=True)
    assert len(sheet.places) == 1
    for made, given in zip(back(sheet), [moved, also_moved, moved], strict=True):
        assert np.array_equal(made, given)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1)])
def test_a_clear_drawing_is_one_clear_pixel_when_trimmed(size: tuple[int, int]) -> None:
    clear = np.zeros((*size, 4), np.uint8)
    sheet = lay([clear], trim=True)
    assert sheet.pixels.shape == (1, 1, 4)
    assert np.array_equal(back(sheet)[0], clear)


def test_drawings_without_alpha_are_opaque_and_equal_to_those_with_full_alpha() -> None:
    plain = np.random.default_rng(1).integers(0, 256, (5, 4, 3), dtype=np.uint8)
    full = np.concatenate([plain, np.full((5, 4, 1), 255, np.uint8)], axis=2)
    sheet = lay([plain, full], trim=True)
    assert len(sheet.places) == 1
    assert np.array_equal(back(sheet)[0], full)


@pytest.mark.parametrize("ending", [".png", ".webp", ".WEBP"])
def test_files_keep_colours_under_clear_pixels(ending: str) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (16, 24, 4), dtype=np.uint8)
    pixels[:8, :, 3] = 0
    with Image.open(io.BytesIO(encode_sheet(pixels, ending))) as image:
        assert np.array_equal(np.asarray(image), pixels)


# Tables


def timed(shown: list[int], form: str, **options: Any) -> dict[str, Any]:
    sheet = lay([drawing(seed) for seed in range(3)])
    return json.loads(table(sheet, Timing(shown=shown, **options), form, "walk.png"))


def test_aseprite_has_an_entry_for_every_exposure_with_its_time() -> None:
    shown = [0, 0, 1, 1, 1, 2, 0]
    found = timed(shown, "aseprite-array", fps=24)
    names = ["A_0001.png", "A_0002.png", "A_0003.png", "A_0001_2.png"]
    assert [entry["filename"] for entry in found["frames"]] == names
    assert [entry["duration"] for entry in found["frames"]] == [83, 125, 42, 42]
    [tag] = found["meta"]["frameTags"]
    assert (tag["name"], tag["from"], tag["to"], tag["direction"]) == ("walk", 0, 3, "forward")
    assert tag["repeat"] == "1"
    as_hash = timed(shown, "aseprite-hash", fps=24, is_loop=True)
    assert list(as_hash["frames"]) == names
    assert "filename" not in as_hash["frames"][names[0]]
    assert "repeat" not in as_hash["meta"]["frameTags"][0]


def test_texture_packer_has_each_drawing_once_and_the_film_as_names() -> None:
    found = timed([0, 0, 2, 1], "texturepacker-array", fps=12, is_loop=True)
    names = ["A_0001.png", "A_0002.png", "A_0003.png"]
    assert [entry["filename"] for entry in found["frames"]] == names
    assert found["animations"] == {"walk": [names[0], names[0], names[2], names[1]]}
    assert (found["meta"]["fps"], found["meta"]["loop"]) == (12, True)
    assert list(timed([0], "texturepacker-hash")["frames"]) == names


def test_errors_of_rounding_do_not_add_up() -> None:
    timing = Timing(shown=[number % 2 for number in range(2400)], fps=23.976)
    total = sum(duration for _, duration in timing.exposures())
    assert abs(total - 2400 * 1000 / 23.976) <= 0.5
    assert {duration for _, duration in timing.exposures()} == {41, 42}


@pytest.mark.parametrize("form", FORMS)
def test_names_of_any_script_with_quotes_come_back(form: str) -> None:
    names = ["歩き_01.png", "a \"b\" \\ 'c'.png", "\udcff.png", "歩き_01.png"]
    sheet = lay_out([(name, drawing(seed)) for seed, name in enumerate(names)], Layout())
    text = table(sheet, Timing(shown=range(4)), form, "シート.png")
    assert text.isascii()
    assert [entry["filename"] for entry in entries_in(text)] == [*names[:3], "歩き_01_2.png"]
    assert json.loads(text)["meta"]["image"] == "シート.png"


def test_no_name_is_given_twice() -> None:
    assert unique(["a.png", "a.png", "a_2.png", "a.png", "b", "b"]) == [
        "a.png", "a_3.png", "a_2.png", "a_4.png", "b", "b_2",
    ]  # fmt: skip


# Refusals


@pytest.mark.parametrize(
    ("pictures", "options", "words"),
    [
        ([], {}, ["at least 1 drawing"]),
        ([drawing(1), drawing(2, 14)], {}, ["A_0002.png", "14x9", "13x9", "same size"]),
        ([drawing(n) for n in range(5)], {"max_size": 20}, ["20x20", "smaller", "trim", "several"]),
        ([drawing(n) for n in range(5)], {"max_size": 40, "columns": 5}, ["65x9", "no number of"]),
        ([drawing(1, 33)], {"max_size": 63, "power_of_two": True}, ["64x16", "63x63"]),
        ([drawing(1)[..., 0]], {}, ["(9, 13)", "3 channels"]),
        ([drawing(1)[..., :2]], {}, ["(9, 13, 2)"]),
        ([drawing(1)], {"padding": -1}, ["padding", "0 to 256"]),
        ([drawing(1)], {"columns": 1.5}, ["columns", "1.5"]),
        ([drawing(1)], {"max_size": 0}, ["max size", "1 to 16384"]),
    ],
)
def test_what_cannot_lie_on_a_sheet_is_said_in_a_sentence(
    pictures: list[np.ndarray], options: dict[str, Any], words: list[str]
) -> None:
    assert_refused(lambda: lay(pictures, **options), *words)


def test_webp_has_a_longest_side_and_other_files_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert encode.WEBP_SIDE == 16383
    pixels = np.zeros((1, 16384, 4), np.uint8)
    assert_refused(lambda: encode_sheet(pixels, ".webp"), "16384x1", "16383", ".png")
    assert_refused(lambda: encode_sheet(pixels, ".jpg"), ".png or .webp", "'.jpg'")


@pytest.mark.parametrize("fps", [0, float("nan"), 1001])
def test_a_rate_that_cannot_be_written_is_refused(fps: float) -> None:
    assert_refused(lambda: timed([0], FORMS[0], fps=fps), "fps", "0.1 to 1000")
