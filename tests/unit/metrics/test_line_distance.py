"""Line distance against shifts that are known."""

import pytest
import torch
from torch import Tensor

from tooncrafter_core.metrics.line_distance import FARTHEST, line_distance


def bar(x: int, num_frames: int = 2) -> Tensor:
    """White frames with a dark upright line at ``x``."""
    frames = torch.ones(num_frames, 3, 48, 64)
    frames[..., x : x + 2] = -1
    return frames


def test_lines_are_as_far_apart_as_they_were_moved() -> None:
    assert line_distance(bar(20), bar(20)).tolist() == [0.0, 0.0]
    found = line_distance(bar(26), bar(20))
    assert found.tolist() == pytest.approx([6.0, 6.0], abs=1.0)
    assert found.tolist() == line_distance(bar(20), bar(26)).tolist()


def test_a_picture_without_lines_is_as_far_as_can_be() -> None:
    empty = torch.ones(2, 3, 48, 64)
    assert line_distance(empty, bar(20)).tolist() == [FARTHEST, FARTHEST]
    assert line_distance(empty, empty).tolist() == [0.0, 0.0]
