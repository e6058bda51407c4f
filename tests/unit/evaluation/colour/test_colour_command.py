"""``evaluate colour``: its drifts have the size they say, and its tables the right order."""

import csv
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from support.command_line import failure
from tooncrafter_core.cli import main
from tooncrafter_core.evaluation.clip_files import write_frames
from tooncrafter_core.evaluation.colour.drifts import (
    DRIFTS,
    FLASH,
    NONE,
    drift_of,
    match_histograms,
    match_means,
    scikit_histograms,
)
from tooncrafter_core.pictures.colour.difference import colour_difference

needs_skia = pytest.mark.skipif(find_spec("skia") is None, reason="draws clips: needs skia-python")


def _clip() -> torch.Tensor:
    random = torch.rand(6, 20, 30, 3, generator=torch.Generator().manual_seed(4))
    return (random * 255).round() / 255


@pytest.mark.parametrize("name", [name for name in DRIFTS if name != NONE])
def test_a_stronger_drift_is_further_from_the_truth_and_grows_along_the_clip(name: str) -> None:
    clip = _clip()
    weak, strong = (
        colour_difference(drift_of(name, clip, strength), clip).mean(dim=(1, 2))
        for strength in (0.3, 1.0)
    )
    assert strong.max() > weak.max() > 0.3
    if name == FLASH:
        assert [bool(off > 0) for off in strong] == [False, False, False, True, False, False]
    else:
        assert strong[-1] > strong[0] > 0
    assert torch.equal(drift_of(NONE, clip, 1.0), clip)


def test_rivals_match_a_key_that_is_the_frame_itself() -> None:
    clip = _clip()
    dark = clip * 0.8
    for match, most in ((match_means, 1e-3), (match_histograms, 0.03)):
        found = match(dark[:1], clip[0], clip[0])
        assert (found[0] - clip[0]).abs().mean() < most
        assert (dark[0] - clip[0]).abs().mean() > 0.05


def test_the_library_s_match_gets_each_frame_and_the_nearer_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def match_histograms(frame: Any, key: Any, channel_axis: int) -> Any:
        assert frame.shape == key.shape and channel_axis == -1
        return key + 0 * frame

    library = SimpleNamespace(match_histograms=match_histograms)
    monkeypatch.setitem(sys.modules, "skimage", SimpleNamespace(exposure=library))
    monkeypatch.setitem(sys.modules, "skimage.exposure", library)
    clip = _clip()
    found = scikit_histograms(clip, clip[0], clip[-1])
    assert torch.equal(found, clip[[0, 0, 0, -1, -1, -1]])


@needs_skia
def test_clips_of_files_get_rows_of_their_own_below_those_of_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = tmp_path / "vector" / "walk"
    write_frames(_clip().movedim(-1, 1) * 2 - 1, film)
    out, words = tmp_path / "out", ["--model-clips", "0", "--figures", "0", "--quiet"]
    words += ["--width", "48", "--height", "32", "--clips", "1"]
    assert main(["evaluate", "colour", str(film), "-o", str(out), "--frames", "6", *words]) == 0
    assert "Clips of 6 frames, 48x32: 1 drawn, 1 vector" in capsys.readouterr().out
    with (out / "colour_drifts.csv").open(encoding="utf-8") as file:
        rows = {row["method"]: float(row["as drawn, mean"]) for row in csv.DictReader(file)}
    assert rows[f"{NONE}, vector"] == 0
    drawn, vector = rows["gain, 1.00, drawn"], rows["gain, 1.00, vector"]
    assert rows["gain, 1.00"] == pytest.approx((drawn + vector) / 2, abs=0.01)
    asked = ["evaluate", "colour", str(film), "-o", str(tmp_path / "other"), *words]
    assert "has 6 frames and 8 are needed" in failure(capsys, asked)
    assert "--frames must be" in failure(capsys, [*asked, "--frames", "2"])


@needs_skia
def test_the_lock_and_the_matte_win_over_their_rivals(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = ["evaluate", "colour", "-o", str(out), "--clips", "1", "--model-clips", "0"]
    assert main([*words, "--figures", "2", "--width", "128", "--height", "80", "--quiet"]) == 0
    assert "CIEDE2000" in capsys.readouterr().out
    with (out / "colour_drifts.csv").open(encoding="utf-8") as file:
        rows = {row["method"]: row for row in csv.DictReader(file)}
    assert float(rows[NONE]["colour lock, mean"]) < 0.2
    for name in ("gain", "offset", "gamma"):
        row = rows[f"{name}, 1.00"]
        drawn, locked = (float(row[f"{one}, mean"]) for one in ("as drawn", "colour lock"))
        assert locked < drawn / 2
    with (out / "alpha.csv").open(encoding="utf-8") as file:
        keyed = {row["method"]: row for row in csv.DictReader(file)}
    assert float(keyed["take out"]["alpha"]) < float(keyed["threshold key"]["alpha"]) / 2
    assert "--clips takes 0 to 10000" in failure(capsys, [*words[:-4], "--clips", "-1"])
