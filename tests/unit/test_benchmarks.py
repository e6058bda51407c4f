"""What the benchmarks say about results, and that their plain twins compute the same."""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks import compare, gpu
from benchmarks._plain import PlainOperations, per_frame_text
from benchmarks._profile import kind_of
from benchmarks._results import Report, read
from benchmarks._suite import Suite, within
from benchmarks._timing import interleaved, timed
from support.networks import deviation, filled, normal
from tooncrafter_core.config.presets import TINY
from tooncrafter_core.errors import OutputError
from tooncrafter_core.models.denoiser import Denoiser

CPU = torch.device("cpu")


def result(**values: Any) -> dict[str, Any]:
    return {"suite": "gpu", "name": "step", "shape": "s", "dtype": "d", "device": "x", **values}


@pytest.mark.parametrize(
    ("before", "after", "is_worse"),
    [
        ({"ms": 100.0}, {"ms": 106.0}, False),
        ({"ms": 100.0}, {"ms": 108.0}, True),
        ({"peak_allocated": 1000}, {"peak_allocated": 1015}, False),
        ({"peak_allocated": 1000}, {"peak_allocated": 1025}, True),
        ({"ms": 100.0}, {"ms": 50.0}, False),
    ],
)
def test_seven_per_cent_slower_or_two_larger_is_worse(
    before: dict[str, float], after: dict[str, float], is_worse: bool
) -> None:
    (change,) = compare.compare([result(**before)], [result(**after)])
    assert change.is_worse == is_worse
    assert str(change).startswith("WORSE") == is_worse


def test_only_the_same_measurement_on_the_same_device_is_compared() -> None:
    new = [result(ms=9.0, device="y"), result(ms=9.0, shape="t"), result(ms=9.0, dtype="e")]
    assert compare.compare([result(ms=1.0)], new) == []


def test_a_measurement_that_no_longer_runs_is_lost() -> None:
    old = [result(ms=1.0), result(ms=1.0, name="other"), result(ms=1.0, device="y")]
    new = [result(skipped="out of memory"), result(ms=1.0, name="other")]
    assert compare.lost(old, new) == ["step s"]


def test_results_are_lines_with_commit_device_and_versions(tmp_path: Path) -> None:
    path = tmp_path / "results" / "new.jsonl"
    report = Report(path, size="tiny")
    report.add("step", device=CPU, shape="2x2", ms=1.5)
    report.add("step", device=CPU, shape="4x4", skipped="no time left")
    first, second = read(path)
    assert first == report.results[0] and second["skipped"] == "no time left"
    assert {"commit", "date", "device", "torch", "python", "size", "shape", "ms"} <= set(first)
    assert len(path.read_text("utf-8").splitlines()) == 2


def test_times_are_medians_and_end_at_their_limit() -> None:
    calls: list[str] = []
    ratio = interleaved(lambda: calls.append("a"), lambda: calls.append("b"), runs=4)
    assert sorted(calls) == ["a"] * 5 + ["b"] * 5 and ratio.ratio > 0
    timing = timed(lambda: calls.append("c"), CPU, warm_ups=1, runs=3)
    assert timing.runs == 3 and calls.count("c") == 4 and timing.peak_allocated == 0
    assert timed(lambda: None, CPU, runs=50, limit=0).runs == 1


def test_what_fails_on_a_device_is_noted_and_the_others_go_on(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    options = argparse.Namespace(out=path, device="cpu", size="tiny", dtype="float32", minutes=1.0)
    suite = Suite(options)

    def broken(suite: Suite, shape: str) -> None:
        suite.measure("quick", lambda: None, shape, runs=1)
        suite.measure("too large", lambda: torch.empty(2**60), shape)
        raise KeyError(shape)

    def endless(suite: Suite) -> None:
        with within(0.05):
            time.sleep(20)

    suite.part("first", broken, "2x2")
    suite.part("second", endless)
    _, quick, large, first, second = read(path)
    assert quick["runs"] == 1 and quick["name"] == "quick"
    assert large["skipped"].startswith("RuntimeError") and first["skipped"] == "KeyError: '2x2'"
    assert second["skipped"].startswith("TimeoutError: not done within")


def test_plain_denoiser_predicts_the_same() -> None:
    ours = filled(Denoiser(TINY.unet, device="meta"))
    plain = Denoiser(TINY.unet, operations=PlainOperations(), device="meta")
    plain.load_state_dict(ours.state_dict(), assign=True)
    x, text = normal(1, 8, 3, 8, 8), normal(1, 77, TINY.unet.context_dim)
    image = normal(1, 3, 16, TINY.unet.context_dim, seed=1)
    step = torch.tensor([500])
    with torch.no_grad():
        expected = plain(x, step, per_frame_text(text, 3), image)
        assert deviation(ours(x, step, ours.prepare_context(text, image)), expected) < 1e-4


def test_kinds_of_kernels_are_reported_by_their_names() -> None:
    names = ["flash_fwd_kernel", "sm90_xmma_gemm_bf16", "cudnn::implicit_convolve", "copy_kernel"]
    assert [kind_of(name) for name in names] == [
        "attention", "matrix product", "convolution", "copy",
    ]  # fmt: skip


def test_committed_results_can_be_read() -> None:
    for path in (Path(gpu.__file__).parent / "results").glob("*.jsonl"):
        for line in read(path):
            assert {"name", "device", "commit"} <= set(line), json.dumps(line)


def test_a_file_that_is_not_there_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["compare", __file__, "nowhere.jsonl"])
    with pytest.raises(SystemExit):
        compare.main()
    assert "no file nowhere.jsonl" in capsys.readouterr().err


def test_results_replace_no_other_kind_of_file(tmp_path: Path) -> None:
    drawing = tmp_path / "key.png"
    drawing.write_bytes(b"drawing")
    with pytest.raises(OutputError, match="exists"):
        Report(drawing)
    assert drawing.read_bytes() == b"drawing"
