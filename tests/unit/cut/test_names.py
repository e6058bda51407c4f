"""Drawings have names that animators' programs read, and keys keep theirs."""

import random
from pathlib import Path

import pytest

from tooncrafter_core.cut.names import (
    file_names,
    folder_names,
    level_of,
    match_files,
    name_drawings,
    table,
)
from tooncrafter_core.cut.plain import time_cut
from tooncrafter_core.cut.plan import plan_cut
from tooncrafter_core.errors import CutError


def names_of(keys: list[str], in_betweens: int = 2) -> list[str]:
    """Names in the order of the film."""
    cut = time_cut(keys, [i * (in_betweens + 1) for i in range(len(keys))])
    plan = plan_cut(cut)
    names = name_drawings(cut, plan)
    return [names[drawing] for drawing in plan.drawings]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (["1", "2", "3"], ["1", "4", "5", "2", "6", "7", "3"]),
        (["1", "4", "7"], ["1", "2", "3", "4", "5", "6", "7"]),
        (["A1", "A5"], ["A1", "A2", "A3", "A5"]),
        (["A1", "A3"], ["A1", "A4", "A5", "A3"]),
        (["001", "010"], ["001", "002", "003", "010"]),
        (["7", "1"], ["7", "8", "9", "1"]),
        (["start", "end"], ["start", "1", "2", "end"]),
        (["1", "A2"], ["1", "2", "3", "A2"]),
        (["1", "01"], ["1", "2", "3", "01"]),
        (["原1", "原2"], ["原1", "原3", "原4", "原2"]),
    ],
)
def test_in_betweens_take_the_numbers_that_keys_leave(keys: list[str], expected: list[str]) -> None:
    assert names_of(keys) == expected


def test_a_key_that_comes_back_has_one_name_and_in_betweens_none_twice() -> None:
    names = names_of(["1", "5", "1", "5"])
    assert names == ["1", "2", "3", "5", "6", "7", "8", "9"]


def test_random_names_are_never_given_twice() -> None:
    draw = random.Random(9)
    for _ in range(100):
        stems = ["", "A", "原"] if draw.random() < 0.3 else [draw.choice(["", "A"])]
        pool = [f"{draw.choice(stems)}{n}" for n in draw.sample(range(30), 6)]
        cut = time_cut(pool, [i * 4 for i in range(6)])
        plan = plan_cut(cut)
        names = name_drawings(cut, plan)
        assert set(names) == set(plan.drawings)
        assert len(set(names.values())) == len(names)
        files = file_names(list(names.values()), "A")
        assert len({file.casefold() for file in files.values()}) == len(names)


def test_files_are_named_as_levels_are() -> None:
    assert file_names(["1", "A2", "start", "12345"], "A") == {
        "1": "A_0001.png", "A2": "A_0002.png", "start": "A_start.png", "12345": "A_12345.png",
    }  # fmt: skip


def test_files_have_no_letters_that_no_disk_takes_and_no_name_twice() -> None:
    assert list(file_names(["a/b", "a:b", "A1", "1", "X", "x"], "A").values()) == [
        "A_a_b.png", "A_a_b_2.png", "A_0001.png", "A_0001_2.png", "A_X.png", "A_x_2.png",
    ]  # fmt: skip


@pytest.mark.parametrize("letter", ["x", "é", "原", "🎬"])
def test_files_of_long_names_in_any_letters_can_be_written(tmp_path: Path, letter: str) -> None:
    keys = [letter * 100, letter * 99 + "画", letter * 100 + "…", "7"]
    files = file_names(keys, letter * 100)
    for file in files.values():
        (tmp_path / file).write_bytes(b"")
    assert len(list(tmp_path.iterdir())) == len(keys)
    assert all(set(file) <= {*letter, *"_画0123456789.png"} for file in files.values())


def test_the_level_is_what_all_names_begin_with() -> None:
    assert level_of(["B_0001", "B_0005"]) == "B"
    assert level_of(["start", "end"]) == level_of(["1", "2"]) == "A"


@pytest.mark.parametrize(
    "files",
    [["1.png", "2.png"], ["A1.png", "A2.png"], ["A_0001.png", "A_0002.tif"], ["A.1.png", "2.jpg"]],
)
def test_a_key_finds_its_file_by_name_or_number(files: list[str]) -> None:
    found = match_files(["1", "2", "1"], [Path(file) for file in files], "A")
    assert [path.name for path in found.values()] == files


def test_an_exact_name_comes_first() -> None:
    found = match_files(["1", "A1"], [Path("A1.png"), Path("1.png")], "A")
    assert {name: path.name for name, path in found.items()} == {"1": "1.png", "A1": "A1.png"}


def test_all_that_does_not_belong_together_is_listed_at_once() -> None:
    files = [Path(name) for name in ("1.png", "x.png", "9.png")]
    with pytest.raises(CutError) as refused:
        match_files(["1", "2", "3"], files, "A")
    assert "no file for 2 keys: '2', '3'; there is no key for 2 files: 'x.png', '9.png'" in str(
        refused.value
    )


def test_a_key_that_two_files_could_be_is_refused() -> None:
    with pytest.raises(CutError, match=r"Key '1' could be any of 'A1\.png', 'A_1\.png'"):
        match_files(["1"], [Path("A1.png"), Path("A_1.png")], "A")


def test_the_table_says_which_is_which() -> None:
    cut = time_cut(["A1", "A2"], [0, 2])
    names = name_drawings(cut, plan_cut(cut))
    rows = table(names, file_names(list(names.values()), "A"))
    assert {row["name"]: row["is"] for row in rows} == {
        "A1": "key", "A2": "key", "A3": "in-between",
    }  # fmt: skip
    assert rows[2] == {
        "name": "A3", "file": "A_0003.png", "is": "in-between", "segment": 1, "half": "",
        "moment": 8, "position": 0.466667,
    }  # fmt: skip


def test_files_of_other_cels_may_lie_with_those_of_a_cel() -> None:
    files = [Path(name) for name in ("A_0001.png", "A2.png", "B_0001.png", "b.png", "C1.png")]
    others = [("1", "B"), ("b", "B")]
    with pytest.raises(CutError, match=r"there is no key for 1 file: 'C1.png'\."):
        match_files(["1", "2"], files, "A", others)
    found = match_files(["1", "2"], files[:-1], "A", others)
    assert list(found.values()) == files[:2]


def test_every_cel_has_a_folder_of_its_own() -> None:
    assert folder_names(["A", "a", "", "A", "x/y", "人物"]) == [
        "A", "a_2", "A_3", "A_4", "x_y", "人物",
    ]  # fmt: skip
