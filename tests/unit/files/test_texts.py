"""Every text that people write is read in one way: UTF-8, with or without a mark, or refused."""

import ast
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.imports import ROOT
from tooncrafter_core.data.build.scores.captions import caption_at
from tooncrafter_core.data.clips.sources import _text
from tooncrafter_core.errors import DatasetError, EvaluationError, TrainingError
from tooncrafter_core.evaluation.clip_files import find_clips
from tooncrafter_core.evaluation.results import load_results
from tooncrafter_core.files import read_json_text, read_text
from tooncrafter_core.training.settings.read import read_file

OTHERS = {
    "cp932": "猫が跳ぶ".encode("cp932"),
    "Windows-1252": "Café – déjà".encode("cp1252"),
    "UTF-16": "a cat".encode("utf-16"),
}


def test_a_mark_at_the_beginning_is_taken_off(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("猫 jumps\r\nfar".encode("utf-8-sig"))
    assert read_text(tmp_path / "a.txt") == "猫 jumps\r\nfar"
    (tmp_path / "b.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_json_text(tmp_path / "b.json") == {"a": 1}


@pytest.mark.parametrize("encoding", OTHERS)
def test_other_encodings_are_refused_with_the_files_name_and_a_way_out(
    encoding: str, tmp_path: Path
) -> None:
    path = tmp_path / "film.txt"
    path.write_bytes(
        b"first line\n" + OTHERS[encoding] if encoding != "UTF-16" else OTHERS[encoding]
    )
    with pytest.raises(DatasetError, match="UTF-8") as error:
        read_text(path, DatasetError)
    assert "film.txt" in str(error.value) and "save it as UTF-8" in str(error.value)


def test_files_that_are_not_there_or_no_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="There is no file"):
        read_text(tmp_path / "a.txt", TrainingError)
    with pytest.raises(TrainingError, match="no ordinary file"):
        read_text(tmp_path, TrainingError)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.txt")
        with pytest.raises(TrainingError, match="no ordinary file"):
            read_text(tmp_path / "pipe.txt", TrainingError)


@pytest.mark.parametrize("content", [b"", b"{", b'{"a": NaN', b"[" * 200_000, b"\xff"])
def test_what_is_no_json_is_told(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(EvaluationError, match=r"a\.json"):
        read_json_text(tmp_path / "a.json", EvaluationError)


def test_captions_prompts_lists_and_settings_may_have_the_mark(tmp_path: Path) -> None:
    mark = b"\xef\xbb\xbf"
    (tmp_path / "film.txt").write_bytes(mark + b"a cat")
    assert _text(tmp_path / "film.txt") == "a cat"
    assert caption_at(read_text(tmp_path / "film.txt"), 0) == "a cat"
    (tmp_path / "run.yaml").write_bytes(mark + b"steps: 3\n")
    assert read_file(tmp_path / "run.yaml") == {"steps": 3}
    (tmp_path / "film").mkdir()
    (tmp_path / "list.csv").write_bytes(mark + b"path\nfilm\n")
    assert [(clip.name, clip.prompt) for clip in find_clips([tmp_path / "list.csv"])] == [
        ("film", "a cat")
    ]


def test_captions_lists_and_settings_of_other_encodings_are_refused(tmp_path: Path) -> None:
    for name in ("film.txt", "run.yaml", "list.csv"):
        (tmp_path / name).write_bytes(OTHERS["Windows-1252"])
    (tmp_path / "results.json").write_bytes(OTHERS["cp932"])
    with pytest.raises(DatasetError, match=r"film\.txt' is not UTF-8"):
        _text(tmp_path / "film.txt")
    with pytest.raises(TrainingError, match=r"run\.yaml' is not UTF-8"):
        read_file(tmp_path / "run.yaml")
    with pytest.raises(EvaluationError, match=r"list\.csv' is not UTF-8"):
        find_clips([tmp_path / "list.csv"])
    with pytest.raises(EvaluationError, match=r"results\.json' is not UTF-8"):
        load_results(tmp_path)


OTHER_MODES = {"rb", "w", "wb", "a", "ab", "x", "xb", "r:"}
"""Modes of files that are no texts, or are written."""


def raw_readers(source: str) -> Iterator[int]:
    """Lines where a text file is opened for reading otherwise than by ``read_text``."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        base, _, name = ast.unparse(node.func).rpartition(".")
        given = [*node.args, *(keyword.value for keyword in node.keywords)]
        words = {str(one.value) for one in given if isinstance(one, ast.Constant)}
        is_text = (
            base not in ("av", "Image", "os", "tarfile", "zipfile") and not words & OTHER_MODES
        )
        if (
            (name == "read_text" and base)
            or (name == "load" and base in ("OmegaConf", "json", "yaml"))
            or (name == "open" and is_text)
        ):
            yield node.lineno


OWN_WAYS = {
    "tooncrafter_core/evaluation/report_html.py", "tooncrafter_core/evaluation/study/page.py",
}  # fmt: skip
"""They read a page that comes with the project. No more may follow."""


def test_no_file_of_the_project_reads_texts_another_way() -> None:
    found = [
        f"{path.relative_to(ROOT).as_posix()}:{line}"
        for folder in ("tooncrafter_core", "nodes")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if path.relative_to(ROOT).as_posix() not in OWN_WAYS
        for line in raw_readers(path.read_text("utf-8"))
    ]
    assert not found, "use files.read_text"


@pytest.mark.parametrize(
    "source",
    ["path.read_text()", "open(p)", "p.open()", "p.open('r')", "json.load(f)",
     "OmegaConf.load(p)", "open(p, encoding='utf-8')"],
)  # fmt: skip
def test_a_raw_reader_would_be_found(source: str) -> None:
    assert list(raw_readers(source)) == [1]


@pytest.mark.parametrize("source", ["p.open('rb')", "open(p, 'w')", "read_text(p)", "av.open(p)"])
def test_other_ways_of_opening_are_free(source: str) -> None:
    assert not list(raw_readers(source))
