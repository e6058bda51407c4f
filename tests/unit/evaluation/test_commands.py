"""The commands that need a film or a checkpoint, from the command line."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tooncrafter_core.checkpoints import save_checkpoint
from tooncrafter_core.checkpoints.synthetic import made_up_checkpoint
from tooncrafter_core.cli import main
from tooncrafter_core.config import embedded
from tooncrafter_core.config.embedded import MINI as MINI_NAME
from tooncrafter_core.config.presets import MINI, TINY
from tooncrafter_core.evaluation.results import load_results
from tooncrafter_core.pictures.write import write_video

MakeClip = Callable[..., Tensor]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_checkpoint(made_up_checkpoint(TINY), path, config=TINY)
    return path


def test_films_are_cut_into_folders(
    tmp_path: Path, make_clip: MakeClip, capsys: pytest.CaptureFixture[str]
) -> None:
    film = write_video(make_clip(30, 64, 48, 30.0), tmp_path / "a film.mkv")
    out = tmp_path / "clips"
    command = ["evaluate", "cut", str(film), "-o", str(out), "--quiet", "--frames", "4"]
    command += ["--width", "48", "--height", "32"]
    assert main([*command, "--every", "12"]) == 0
    assert "2 clips of 4 frames" in capsys.readouterr().out
    assert sorted(path.name for path in out.iterdir()) == [
        "a film_000000",
        "a film_000012",
    ]
    rest = ["--rest", str(tmp_path / "rest"), "--every", "14", "--apart", "1", "--stride", "1"]
    assert main([*command[:4], str(tmp_path / "again"), *command[5:], *rest]) == 0
    assert {path.name: len(list(path.iterdir())) for path in (tmp_path / "rest").iterdir()} == {
        "a film_000005": 8,
        "a film_000019": 8,
    }
    capsys.readouterr()
    assert main([*command, "--stride", "40", "--overwrite"]) == 2
    assert "No clip was found" in capsys.readouterr().err


def test_a_still_film_has_no_clip(
    tmp_path: Path, make_clip: MakeClip, capsys: pytest.CaptureFixture[str]
) -> None:
    film = write_video(make_clip(40, 64, 48, 0.0), tmp_path / "still.mkv")
    assert main(["evaluate", "cut", str(film), "-o", str(tmp_path / "clips"), "--quiet"]) == 2
    assert "stands still" in capsys.readouterr().err


@pytest.mark.usefixtures("lpips_weights")
def test_models_are_compared_and_clips_reconstructed(
    checkpoint: Path, tmp_path: Path, make_clip: MakeClip, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    write_video(make_clip(4, 128, 64), tmp_path / "clips" / "slow")
    (tmp_path / "clips" / "slow.txt").write_text("a ball rolls", encoding="utf-8")
    shared = [str(tmp_path / "clips"), "--quiet", "--frames", "4", "--width", "128"]
    shared += ["--height", "64", "--model", f"ours={checkpoint}", "--device", "cpu"]
    out = tmp_path / "compared"
    command = ["evaluate", "compare", *shared, "-o", str(out), "--methods", "cross-fade"]
    assert main([*command, "--clip", str(checkpoint), "--steps", "1", "--motion-fps", "8"]) == 0
    results = load_results(out)
    assert list(results.methods)[1:] == ["hold", "cross-fade", "ours"]
    assert "motion fps 8" in results.methods["ours"]
    assert {"clip_img", "clip_txt"} <= set(results.frames["ours"]["slow"])
    out = tmp_path / "rebuilt"
    assert main(["evaluate", "reconstruct", *shared, "-o", str(out), "--parts"]) == 0
    assert "ours, without HAR and P3D" in capsys.readouterr().out
    assert (out / "table4_reconstruction.csv").is_file()


@pytest.mark.usefixtures("lpips_weights")
def test_the_mini_model_is_compared_by_its_name_with_its_own_settings(
    tmp_path: Path, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    torch.manual_seed(0)
    monkeypatch.setattr(embedded, "FOLDER", tmp_path)
    write_video(make_clip(4, 128, 64), tmp_path / "clips" / "slow")
    out = tmp_path / "out"
    command = ["evaluate", "compare", str(tmp_path / "clips"), "--quiet", "--frames", "4"]
    command += ["--width", "128", "--height", "64", "-o", str(out), "--methods", "cross-fade"]
    command += ["--model", f"ours={embedded.MINI}", "--device", "cpu"]
    assert main(command) == 2
    assert "mini.safetensors is missing" in capsys.readouterr().err
    save_checkpoint(made_up_checkpoint(MINI), tmp_path / "mini.safetensors", config=MINI)
    assert main(command) == 0
    reported = load_results(out).methods["ours"]
    assert f"{embedded.MINI_STEPS} steps, guidance {embedded.MINI_GUIDANCE:g}," in reported
    assert str(out / "sheet_ours.png") in capsys.readouterr().out
    assert (out / "sheet_ours.png").is_file()


def test_a_model_that_is_not_there_is_reported(
    tmp_path: Path, make_clip: MakeClip, capsys: pytest.CaptureFixture[str]
) -> None:
    write_video(make_clip(4), tmp_path / "slow")
    command = ["evaluate", "reconstruct", str(tmp_path / "slow"), "-o", str(tmp_path / "out")]
    assert main([*command, "--frames", "4", "--model", "ours=nowhere.ckpt"]) == 2
    assert "nothing at 'nowhere.ckpt'" in capsys.readouterr().err


def reported(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    assert main(["evaluate", *map(str, arguments)]) == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("command", [["compare"], ["reconstruct", "--model", MINI_NAME]])
def test_results_are_never_written_over_clips_or_other_files(
    tmp_path: Path, make_clip: MakeClip, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    clips, out = tmp_path / "clips", tmp_path / "out"
    write_video(make_clip(4), clips / "slow")
    assert "what is read" in reported(capsys, *command, clips, "-o", clips)
    inside = clips / "frames" / "true_frames"
    write_video(make_clip(4), inside / "slow")
    assert "what is read" in reported(capsys, *command, inside, "-o", clips)
    out.mkdir()
    (out / "report.html").write_text("mine")
    assert "has a 'report.html' of its own" in reported(capsys, *command, clips, "-o", out)
    assert (out / "report.html").read_text() == "mine"
    assert "is no folder" in reported(capsys, *command, clips, "-o", out / "report.html" / "x")


def test_clips_are_not_cut_into_each_other(
    tmp_path: Path, make_clip: MakeClip, capsys: pytest.CaptureFixture[str]
) -> None:
    film = write_video(make_clip(30, 64, 48, 30.0), tmp_path / "film.mkv")
    (tmp_path / "other").mkdir()
    other = write_video(make_clip(30, 64, 48, 30.0), tmp_path / "other" / "film.mkv")
    out = tmp_path / "clips"
    size = ("--quiet", "--frames", "4", "--width", "48", "--height", "32", "--every", "12")
    assert "Two films are named 'film'" in reported(capsys, "cut", film, other, "-o", out, *size)
    rest = ("--rest", tmp_path / "x" / ".." / "clips")
    assert "name the same place" in reported(capsys, "cut", film, "-o", out, *rest, *size)
    assert main(["evaluate", "cut", str(film), "-o", str(out), *size]) == 0
    assert "has a 'film_000000' of its own" in reported(capsys, "cut", film, "-o", out, *size)
    assert main(["evaluate", "cut", str(film), "-o", str(out), *size, "--overwrite"]) == 0


def test_clips_whose_folders_would_be_one_are_refused(
    tmp_path: Path, make_clip: MakeClip, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a walk", "a_walk"):
        write_video(make_clip(4), tmp_path / "clips" / name)
    out = tmp_path / "out"
    arguments = ("compare", tmp_path / "clips", "-o", out, "--frames", "4", "--methods", "hold")
    assert "Two clips are called 'a_walk' or nearly so" in reported(capsys, *arguments)


def test_a_report_of_answers_replaces_another_only_when_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report, key = tmp_path / "table2_study.md", tmp_path / "study.key.json"
    report.write_text("mine")
    key.write_text("{}")
    arguments = ("study-report", key, tmp_path / "answers", "-o", tmp_path)
    assert "has a 'table2_study.md' of its own. Choose another" in reported(capsys, *arguments)
    assert report.read_text() == "mine"
    assert "of its own" not in reported(capsys, *arguments, "--overwrite")
