"""Position error: known shifts, and what ghosts cost."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tooncrafter_core.cli import main
from tooncrafter_core.errors import EvaluationError
from tooncrafter_core.evaluation.clip_files import find_clips
from tooncrafter_core.evaluation.methods.peers import CrossFade, Hold
from tooncrafter_core.evaluation.procedural import procedural_clips
from tooncrafter_core.metrics.position import REACH, load_positions, position_error, save_positions

MakeClip = Callable[..., Tensor]


def edge_of_disc(num_frames: int, width: int, height: int, way: float) -> Tensor:
    """Where the disc's left edge is in each frame."""
    x = width / 2 - way / 2 + way * torch.arange(num_frames) / (num_frames - 1) - height / 4
    return torch.stack([x, torch.full_like(x, height / 2)], 1)[:, None]


def test_a_shifted_video_is_off_by_its_shift(make_clip: MakeClip) -> None:
    truth = make_clip(5, 160, 96, 24.0)
    places = edge_of_disc(5, 160, 96, 24.0)
    assert position_error(truth, truth, places).tolist() == [0.0] * 5
    moved = truth.roll((3, 4), dims=(-2, -1))
    assert position_error(moved, truth, places).tolist() == pytest.approx([5.0] * 5)


def test_holding_is_off_by_the_way_that_is_missing(make_clip: MakeClip) -> None:
    truth = make_clip(7, 160, 96, 24.0)
    places = edge_of_disc(7, 160, 96, 24.0)
    held = Hold()(truth[0], truth[-1], 7, None)  # type: ignore[arg-type]
    found = position_error(held, truth, places).tolist()
    assert found == pytest.approx([0, 4, 8, 12, 8, 4, 0], abs=1.0)
    faded = CrossFade()(truth[0], truth[-1], 7, None)  # type: ignore[arg-type]
    assert position_error(faded, truth, places)[1:-1].mean() > 2


def test_parts_outside_are_looked_for_at_the_edge(make_clip: MakeClip) -> None:
    truth = make_clip(3)
    places = torch.tensor([[[-50.0, 900.0]]]).expand(3, 1, 2)
    assert position_error(truth, truth, places).tolist() == [0.0] * 3
    assert position_error(-truth, truth, places).max() <= REACH * 2**0.5


def test_positions_that_do_not_fit_are_reported(make_clip: MakeClip, tmp_path: Path) -> None:
    truth = make_clip(3)
    with pytest.raises(EvaluationError, match="must be t p 2 for 3 frames"):
        position_error(truth, truth, torch.zeros(4, 1, 2))
    with pytest.raises(EvaluationError, match="a part to look for"):
        position_error(truth, truth, torch.zeros(3, 0, 2))
    path = tmp_path / "clip.npz"
    save_positions(path, np.zeros((3, 1, 2)), 64, 48)
    with pytest.raises(EvaluationError, match="belong to pictures of 64x48"):
        load_positions(path, truth)
    path.write_bytes(b"words")
    with pytest.raises(EvaluationError, match="cannot be read"):
        load_positions(path, truth)


def test_drawn_clips_come_with_their_positions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("skia", reason="needs skia-python, the renderer's package")
    clips = procedural_clips(2, tmp_path / "clips", 128, 96, 5)
    assert find_clips([tmp_path / "clips"]) == clips
    out = tmp_path / "out"
    command = ["evaluate", "compare", "-o", str(out), "--procedural", "2", "--methods", "hold"]
    assert main([*command, "--width", "128", "--height", "96", "--frames", "5", "--quiet"]) == 0
    text = capsys.readouterr().out
    assert "position error (px) ↓" in text and "| hold |" in text
