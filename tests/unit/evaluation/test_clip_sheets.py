"""The sheet of a method's best, median and worst clip."""

from collections.abc import Callable
from pathlib import Path

import pytest
from torch import Tensor

from tooncrafter_core.errors import EvaluationError
from tooncrafter_core.evaluation.clip_files import read_clip
from tooncrafter_core.evaluation.clip_sheets import (
    COMPARED,
    chosen_clips,
    rank_clips,
    write_clip_sheet,
)
from tooncrafter_core.evaluation.methods.making import TRUTH, frames_folder
from tooncrafter_core.evaluation.results import MetricInfo, Results
from tooncrafter_core.pictures.stills import read_image
from tooncrafter_core.pictures.write import write_video

MakeClip = Callable[..., Tensor]
LPIPS = MetricInfo(key="lpips", title="LPIPS", is_higher_better=False, decimals=4, weights="none")


def made_results(values: dict[str, float], metrics: tuple[MetricInfo, ...] = (LPIPS,)) -> Results:
    """Results of three methods; each clip's LPIPS is the first's."""
    names = (TRUTH, "ours", *COMPARED)
    return Results(
        kind="compare", num_frames=4, width=64, height=48, metrics=list(metrics),
        methods=dict.fromkeys(names, "none"), clips=dict.fromkeys(values, ""),
        frames={
            name: {clip: {"lpips": [0, value, value, 0]} for clip, value in values.items()}
            for name in names
        },
    )  # fmt: skip


def test_clips_are_ranked_and_three_of_them_chosen() -> None:
    values = {"a": 0.3, "b": 0.1, "c": 0.5, "d": 0.2, "e": 0.4}
    ranked = rank_clips(made_results(values), "ours")
    assert ranked == ["b", "d", "a", "e", "c"]
    assert chosen_clips(ranked) == {"best": "b", "median": "a", "worst": "c"}
    assert chosen_clips(["a", "b"]) == {"best": "a", "worst": "b"}
    assert chosen_clips(["a"]) == {"best": "a"}


def test_the_sheet_has_a_row_for_every_method_and_place(
    tmp_path: Path, make_clip: MakeClip
) -> None:
    results = made_results({"a": 0.3, "b": 0.1, "c": 0.5})
    for index, method in enumerate(results.methods):
        for clip in results.clips:
            write_video(make_clip(4, 64, 48, 8.0 * index), frames_folder(tmp_path, method, clip))
    path = write_clip_sheet(results, tmp_path, "ours")
    sheet = read_image(path)
    assert path.name == "sheet_ours.png" and sheet.shape[-2] > 12 * 48
    frame = read_clip(frames_folder(tmp_path, "ours", "c"))[1]
    height, width = frame.shape[-2:]
    windows = sheet.unfold(1, height, 1)[:, :, 10 + width + 10 : 10 + 2 * width + 10]
    found = (windows.movedim(-1, 2) - frame[:, None]).abs().amax((0, 2, 3)) < 1e-3
    # Of every clip the same frames were drawn.
    assert int(found.sum()) == 3


def test_without_lpips_there_is_no_sheet(tmp_path: Path) -> None:
    results = made_results({"a": 0.3})
    results.frames["ours"]["a"] = {}
    with pytest.raises(EvaluationError, match="ranks clips by LPIPS"):
        write_clip_sheet(results, tmp_path, "ours")
