"""A study is blind and balanced, and its answers become shares with intervals."""

import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tooncrafter_core.cli import main
from tooncrafter_core.errors import EvaluationError
from tooncrafter_core.evaluation.methods.making import TRUTH, frames_folder
from tooncrafter_core.evaluation.results import Results
from tooncrafter_core.evaluation.study.page import (
    QUESTIONS,
    StudySettings,
    _choose,
    key_path,
    make_study,
)
from tooncrafter_core.evaluation.study.report import report_study, wilson_interval
from tooncrafter_core.pictures.write import write_video

METHODS = ("hold", "cross-fade", "secret flow")
CLIPS = ("slow", "fast")


@pytest.fixture
def results(tmp_path: Path, make_clip: Callable[..., Tensor]) -> Path:
    """Results of three methods on two clips, without numbers."""
    folder = tmp_path / "results"
    frames = make_clip(4, 64, 48)
    for shade, method in enumerate((TRUTH, *METHODS)):
        for clip in CLIPS:
            write_video(frames - 0.1 * shade, frames_folder(folder, method, clip))
    Results(
        kind="compare", num_frames=4, width=64, height=48,
        methods=dict.fromkeys((TRUTH, *METHODS), "none"), clips=dict.fromkeys(CLIPS, ""),
    ).save(folder)  # fmt: skip
    return folder


def test_the_page_names_no_method_and_the_key_names_all(results: Path, tmp_path: Path) -> None:
    page = make_study(results, tmp_path / "study", StudySettings(num_trials=6))
    text = page.read_text(encoding="utf-8")
    assert not any(method in text for method in ("cross-fade", "secret", TRUTH))
    assert "http://" not in text and "https://" not in text
    media = sorted(path.name for path in (page.parent / "media").iterdir())
    assert len(media) == 6 and all(f"media/{name}" in text for name in media)
    key = json.loads(key_path(page.parent).read_text(encoding="utf-8"))
    assert key_path(page.parent).parent == tmp_path
    assert set(key["methods"]) == set(METHODS) and len(key["trials"]) == 6
    assert {trial["clip"] for trial in key["trials"].values()} == set(CLIPS)


def test_pairs_are_balanced_and_come_once() -> None:
    clips, methods = [f"clip {i}" for i in range(5)], ["a", "b", "c", "d"]
    trials = _choose(clips, methods, 30, random.Random(1))
    assert all(one[1] == other[1] for one, other in trials)
    pairs = Counter(frozenset((one[0], other[0])) for one, other in trials)
    assert set(pairs.values()) == {5} and len(pairs) == 6
    assert len({(frozenset((a[0], b[0])), a[1]) for a, b in trials}) == 30
    few = Counter(a[1] for a, _ in _choose(clips, methods, 10, random.Random(1)))
    assert max(few.values()) - min(few.values()) <= 1


def test_the_same_seed_makes_the_same_study(results: Path, tmp_path: Path) -> None:
    pages = [
        make_study(results, tmp_path / name, StudySettings(num_trials=4, seed=seed)).read_text()
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    assert pages[0] == pages[1] != pages[2]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (StudySettings(methods=("hold", "magic")), "'magic' is not among"),
        (StudySettings(methods=("hold",)), "two methods or more"),
        (StudySettings(num_trials=0), "one pair or more"),
    ],
)
def test_studies_that_cannot_be_made_are_reported(
    settings: StudySettings, words: str, results: Path, tmp_path: Path
) -> None:
    with pytest.raises(EvaluationError, match=words):
        make_study(results, tmp_path / "study", settings)
    assert not (tmp_path / "study").exists()


def test_a_folder_with_something_in_it_and_lost_frames_are_reported(
    results: Path, tmp_path: Path
) -> None:
    with pytest.raises(EvaluationError, match="is there already"):
        make_study(results, results, StudySettings())
    (results / "frames").rename(tmp_path / "gone")
    with pytest.raises(EvaluationError, match=r"not in .* any more"):
        make_study(results, tmp_path / "study", StudySettings())


def answers(key: dict[str, Any], rater: str, favourite: str) -> dict[str, Any]:
    """What a rater says who prefers one method wherever it is shown, else the one called a."""
    given = []
    for number, trial in key["trials"].items():
        side = "b" if trial["b"] == favourite else "a"
        given.append({"trial": number, "left": "a", **dict.fromkeys(QUESTIONS, side)})
    return {
        "format": "tooncrafter-study-answers", "version": 1, "study": key["study"],
        "rater": rater, "exported": "2026-01-01T00:00:00Z", "answers": given,
    }  # fmt: skip


@pytest.fixture
def study(results: Path, tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    page = make_study(results, tmp_path / "study", StudySettings(num_trials=6))
    path = key_path(page.parent)
    return path, json.loads(path.read_text(encoding="utf-8"))


def test_answers_become_shares(study: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    path, key = study
    folder = tmp_path / "answers"
    folder.mkdir()
    for rater in ("one", "two"):
        content = answers(key, rater, "secret flow")
        (folder / f"{rater}.json").write_text(json.dumps(content), encoding="utf-8")
        # A second export of the same rater counts once.
        (folder / f"{rater}-again.json").write_text(json.dumps(content), encoding="utf-8")
    report = report_study(path, [folder])
    assert report.num_raters == 2 and report.num_trials == 12
    assert report.seen == Counter(dict.fromkeys(METHODS, 8))
    for question in QUESTIONS:
        assert report.share(question, "secret flow") == (1.0, *wilson_interval(8, 8))
        assert sum(report.wins[question].values()) == 12
    text = report.to_markdown()
    assert "| secret flow | 100 (68 to 100) |" in text
    assert "cross-fade over secret flow | 0 (0 to 49)" in text
    assert report.to_json()["methods"]["secret flow"]["motion"]["share"] == 1


def test_wilsons_interval_has_known_values() -> None:
    assert wilson_interval(8, 10) == pytest.approx((0.4901625, 0.9433178), abs=1e-6)
    assert wilson_interval(0, 10) == pytest.approx((0.0, 0.2775328), abs=1e-6)
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_answers_that_do_not_belong_are_reported(
    study: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    path, key = study
    good = answers(key, "one", "hold")
    cases = {
        "another study": {**good, "study": "other"},
        "of version 2": {**good, "version": 2},
        "does not hold the answers": {**good, "format": "x"},
        "are damaged": {**good, "answers": [{"trial": "999"}]},
        "no answers to report": {**good, "answers": []},
    }
    file = tmp_path / "answers.json"
    for words, content in cases.items():
        file.write_text(json.dumps(content), encoding="utf-8")
        with pytest.raises(EvaluationError, match=words):
            report_study(path, [file])
    file.write_text("{", encoding="utf-8")
    with pytest.raises(EvaluationError, match="cannot be read"):
        report_study(path, [file])
    with pytest.raises(EvaluationError, match="no file"):
        report_study(tmp_path / "nowhere.key.json", [file])
    (tmp_path / "none").mkdir()
    with pytest.raises(EvaluationError, match="holds no answers"):
        report_study(path, [tmp_path / "none"])


def test_the_command_line_makes_a_study_and_reports_it(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = tmp_path / "a study"
    command = ["evaluate", "study", str(results), "-o", str(study), "--pairs", "3"]
    assert main([*command, "--methods", "hold, secret flow"]) == 0
    key = json.loads(key_path(study).read_text(encoding="utf-8"))
    file = tmp_path / "one.json"
    file.write_text(json.dumps(answers(key, "one", "hold")), encoding="utf-8")
    out = tmp_path / "report"
    report = ["evaluate", "study-report", str(key_path(study)), str(file), "-o", str(out)]
    assert main(report) == 0
    assert "| hold | 100 (44 to 100) |" in capsys.readouterr().out
    assert {path.name for path in out.iterdir()} == {"table2_study.md", "table2_study.json"}
    assert main(["evaluate", "study", str(tmp_path), "-o", str(study)]) == 2
    assert "no 'results.json'" in capsys.readouterr().err


def test_the_key_of_an_earlier_study_stays(results: Path, tmp_path: Path) -> None:
    key = key_path(tmp_path / "study")
    key.write_text("mine")
    with pytest.raises(EvaluationError, match="is the key of an earlier study"):
        make_study(results, tmp_path / "study", StudySettings(num_trials=4))
    assert key.read_text() == "mine" and not (tmp_path / "study").exists()


def test_frames_are_packed_in_reading_order(make_clip: Callable[..., Tensor]) -> None:
    import io

    import numpy as np
    from PIL import Image

    from tooncrafter_core.evaluation.report_html import encode_strip

    frames = torch.stack([torch.full((3, 48, 64), value / 5 - 0.5) for value in range(6)])
    sheet = np.asarray(Image.open(io.BytesIO(encode_strip(frames, 100))).convert("RGB"))
    assert sheet.shape == (96, 256, 3)
    middles = [int(sheet[24 + 48 * (i // 4), 32 + 64 * (i % 4), 0]) for i in range(8)]
    expected = [round((value / 5 + 0.5) * 127.5) for value in range(6)] + [0, 0]
    assert max(abs(a - b) for a, b in zip(middles, expected, strict=True)) <= 2
