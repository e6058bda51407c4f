"""What errors quote can be shown anywhere, and errors go from one process to another."""

import pickle
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from tooncrafter_core.errors import (
    CheckpointError,
    KeyframeError,
    ToonCrafterError,
    check_choice,
    check_number,
    counted,
    printable,
)

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\ud800", "\\ud800"),
        ("a\udcffb", "a\\udcffb"),
        ("nul\0bell\x07esc\x1b[31m", "nul\\x00bell\\x07esc\\x1b[31m"),
        ("\x85\x9b", "\\x85\\x9b"),
        ("\u202egnp.evil\u2066", "\\u202egnp.evil\\u2066"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("line\u2028end\u2029", "line\\u2028end\\u2029"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("two\r\nlines\tand a tab", "two lines and a tab"),
        (
            "Schlüssel 鍵 キーフレーム 열쇠 ключ clé 🐱",
            "Schlüssel 鍵 キーフレーム 열쇠 ключ clé 🐱",
        ),
        ("the model's file's name", "the model's file's name"),
    ],
)
def test_what_cannot_be_shown_is_spelt_and_letters_stay(text: str, shown: str) -> None:
    assert printable(text) == shown == str(KeyframeError(text))
    assert KeyframeError(text).args == (shown,)
    shown.encode()
    reported = "".join(traceback.format_exception(CheckpointError(f"'{text}' is not there.")))
    assert f"tooncrafter.CheckpointError: '{shown}' is not there." in reported


def test_what_is_long_loses_its_middle_and_says_what_to_do() -> None:
    reported = str(ToonCrafterError(f"'{'x' * 10**6}' is no frame. Write for example '1, 8'."))
    assert len(reported) < 400
    assert reported.startswith("'xxx") and "xxx ... xxx" in reported
    assert reported.endswith("xxx' is no frame. Write for example '1, 8'.")
    for long in ("\ud800" * 10**6, "'" * 10**6, "it's " * 10**5, "\n" * 10**6 + "x" * 10**6):
        assert len(printable(long)) <= 2000
    names = "The model's parts are " + ", ".join(f"part {i} of a file's" for i in range(40))
    assert printable(names) == names


def every_error() -> list[type[ToonCrafterError]]:
    found, kinds = [ToonCrafterError], [ToonCrafterError]
    while kinds:
        kinds = [sub for kind in kinds for sub in kind.__subclasses__()]
        found += [kind for kind in kinds if kind.__module__ == "tooncrafter"]
    return found


def test_errors_are_shown_by_a_plain_name_and_survive_pickle() -> None:
    kinds = every_error()
    assert {
        "ToonCrafterError",
        "UnsafeCheckpointError",
        "EvaluationError",
        "MissingWeightsError",
    } <= {kind.__qualname__ for kind in kinds}
    for kind in kinds:
        error = kind("'\ud800' is not there.")
        error.__cause__ = KeyError("x")
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is kind
        assert (str(again), again.args) == (str(error), error.args)


def test_another_process_reads_a_pickled_error(tmp_path: Path) -> None:
    path = tmp_path / "error.pickle"
    path.write_bytes(pickle.dumps(KeyframeError("'鍵.png' is not there.")))
    code = (
        "import pickle, sys, pathlib\n"
        "error = pickle.loads(pathlib.Path(sys.argv[1]).read_bytes())\n"
        "from tooncrafter_core.errors import KeyframeError\n"
        "assert type(error) is KeyframeError and str(error) == \"'鍵.png' is not there.\""
    )
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", code, str(path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_classes_that_others_derive_stay_theirs() -> None:
    mixed = type("Mixed", (RuntimeError, ToonCrafterError), {"__module__": "ray.exceptions"})
    assert mixed.__module__ == "ray.exceptions"


@pytest.mark.parametrize("value", ["sideways", "", "A", 5, None, ["a"], {"a": 1}, True, "\ud800"])
def test_a_value_that_is_no_choice_is_refused_in_words(value: object) -> None:
    with pytest.raises(ToonCrafterError, match=r"^The way is one of a, b; not .+"):
        check_choice("The way", value, ["a", "b"])
    check_choice("The way", "a", ["a", "b"])


@pytest.mark.parametrize(
    ("value", "is_whole", "message"),
    [
        (0, False, "cfg must be 1 to 4096 pixels, not 0."),
        (float("nan"), False, "cfg must be 1 to 4096 pixels, not nan."),
        (10**400, True, f"cfg must be 1 to 4096 pixels, not 1{'0' * 150}"),
        ("7", False, "cfg must be a number, 1 to 4096 pixels, not '7'."),
        (True, True, "cfg must be a whole number, 1 to 4096 pixels, not True."),
        (2.5, True, "cfg must be a whole number, 1 to 4096 pixels, not 2.5."),
    ],
)
def test_a_number_is_refused_with_its_range_and_unit(
    value: object, is_whole: bool, message: str
) -> None:
    with pytest.raises(ToonCrafterError) as caught:
        check_number("cfg", value, 1.0, 4096, "pixels", is_whole=is_whole)
    assert str(caught.value).startswith(message)


def test_numbers_in_range_pass_at_both_bounds() -> None:
    for value in (0, 1, 0.5, 1.0):
        check_number("share", value, 0, 1)
    check_number("seed", 2**64 - 1, 0, 2**64 - 1, is_whole=True)


def test_one_thing_is_said_as_one() -> None:
    assert counted(1, "drawing") == "1 drawing" and counted(0, "drawing") == "0 drawings"
    assert counted(2, "index", "indices") == "2 indices" and counted(1, "index", "x") == "1 index"
