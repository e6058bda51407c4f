"""Which frames follow which sketch: what people type, and layers on top of each other."""

import pytest
import torch
from torch import Tensor

from tooncrafter_core.errors import SketchError
from tooncrafter_core.models.motion.port import Residuals
from tooncrafter_core.sketches.frames import (
    FramePlan,
    SketchLayer,
    gather_hint_features,
    parse_frames,
    plan_frames,
    scale_residuals,
)


def layer(*frames: int, strength: float = 0.6, start: float = 0.0, end: float = 1.0) -> SketchLayer:
    return SketchLayer(
        hints=torch.zeros(len(frames), 1, 8, 8), frames=frames, strength=strength,
        start_percent=start, end_percent=end,
    )  # fmt: skip


def plan(*layers: SketchLayer, num_frames: int = 4, percent: float = 0.5,
         missing: str = "empty") -> FramePlan | None:  # fmt: skip
    return plan_frames(layers, num_frames, percent, missing)


@pytest.mark.parametrize(
    ("text", "num_frames", "expected"),
    [
        ("1, 8, 16", 16, [0, 7, 15]),
        ("8", 16, [7]),
        (" 16 ,1 ", 16, [15, 0]),
        ("-1, 1", 24, [23, 0]),
        ("-24", 24, [0]),
        ("1-4", 16, [0, 1, 2, 3]),
        ("2 - 3, 8", 16, [1, 2, 7]),
        ("15--1", 16, [14, 15]),
        ("-4--2", 8, [4, 5, 6]),
        ("3-3", 16, [2]),
        ("1;2、3，4", 16, [0, 1, 2, 3]),
        ("1, 2,", 16, [0, 1]),
        ("all", 3, [0, 1, 2]),
        (" ALL ", 5, [0, 1, 2, 3, 4]),
    ],
)
def test_frame_numbers_are_read(text: str, num_frames: int, expected: list[int]) -> None:
    assert parse_frames(text, num_frames, len(expected)) == expected


@pytest.mark.parametrize(
    ("text", "num_sketches", "reported"),
    [
        ("0", 1, "There is no frame 0: the first frame is 1."),
        ("17", 1, "There is no frame 17: the clip has 16 frames"),
        ("-17", 1, "There is no frame -17"),
        ("10-17", 8, "There is no frame 17"),
        ("1-999999999", 1, "There is no frame 999999999"),
        ("99999999999999", 1, "is no frame number"),
        ("3, 3", 2, r"Frame 3 is given twice; give each frame one sketch only\.$"),
        ("16, -1", 2, r"Frame 16 is given twice \(as '-1' and '16'\)"),
        ("1-4, 2", 5, r"Frame 2 is given twice \(as '1-4' and '2'\)"),
        ("eight", 1, "'eight' is no frame number: write numbers from 1 to 16"),
        ("1 8", 2, "'1 8' is no frame number"),
        ("1.5", 1, "'1.5' is no frame number"),
        ("all, 3", 2, "'all' is no frame number"),
        ("4-1", 4, "'4-1' runs backwards"),
        ("", 1, "No frame number is given"),
        (" , ", 1, "No frame number is given"),
        ("1, 2, 3", 2, "There are 3 frame numbers for 2 sketches: give one for each"),
        ("1", 2, "There is 1 frame number for 2 sketches"),
        ("1, 2", 1, "There are 2 frame numbers for 1 sketch:"),
        ("1", 0, "There is no sketch: the batch of pictures is empty"),
        ("all", 5, "'all' needs one sketch for each of the 16 frames, but there are 5 sketches"),
        ("all", 1, "but there is 1 sketch"),
    ],
)
def test_a_mistake_is_reported_in_one_sentence(text: str, num_sketches: int, reported: str) -> None:
    with pytest.raises(SketchError, match=reported) as error:
        parse_frames(text, 16, num_sketches)
    assert str(error.value).count(". ") == 0


def test_a_clip_without_frames_is_refused() -> None:
    with pytest.raises(SketchError, match="no frames"):
        parse_frames("1", 0, 1)


@pytest.mark.parametrize(
    ("strength", "start", "end", "reported"),
    [
        (-0.1, 0.0, 1.0, "between 0 and 10; got -0.1"),
        (10.5, 0.0, 1.0, "between 0 and 10; got 10.5"),
        (float("nan"), 0.0, 1.0, "between 0 and 10; got nan"),
        (1.0, 0.7, 0.3, "start at 0.7 of sampling, after their end at 0.3"),
        (1.0, -0.1, 0.3, "start at a share of sampling between 0 and 1; got -0.1"),
        (1.0, 0.0, 1.1, "end at a share of sampling between 0 and 1; got 1.1"),
    ],
)
def test_values_out_of_range_are_refused(
    strength: float, start: float, end: float, reported: str
) -> None:
    with pytest.raises(SketchError, match=reported):
        layer(0, strength=strength, start=start, end=end)


@pytest.mark.parametrize("strength", [0.0, 10.0])
def test_both_ends_of_the_strength_are_allowed(strength: float) -> None:
    assert layer(0, strength=strength, start=0.5, end=0.5).strength == strength


@pytest.mark.parametrize(
    ("hints", "frames", "reported"),
    [
        (torch.zeros(2, 1, 8, 8), (0,), "There is 1 frame number for 2 sketches"),
        (torch.zeros(0, 1, 8, 8), (), "There is no sketch"),
        (torch.zeros(2, 1, 8, 8), (3, 3), "Frame 4 is given twice"),
        (torch.zeros(1, 1, 8, 8), (-1,), "Frames count from 0 here"),
        (torch.zeros(1, 3, 8, 8), (0,), "one channel; their shape is 1 x 3 x 8 x 8"),
    ],
)
def test_layers_check_what_they_are_made_of(
    hints: Tensor, frames: tuple[int, ...], reported: str
) -> None:
    with pytest.raises(SketchError, match=reported):
        SketchLayer(hints=hints, frames=frames)


def test_frames_without_a_sketch_get_the_empty_hint_at_the_same_strength() -> None:
    assert plan(layer(2, 0)) == FramePlan(
        sources=((0, 1), None, (0, 0), None), strengths=(0.6, 0.6, 0.6, 0.6)
    )


def test_frames_without_a_sketch_get_nothing_when_asked() -> None:
    assert plan(layer(2, 0), missing="none") == FramePlan(
        sources=((0, 1), None, (0, 0), None), strengths=(0.6, 0.0, 0.6, 0.0)
    )


def test_the_last_active_layer_that_has_the_frame_wins() -> None:
    layers = layer(0, 1, strength=0.2), layer(1, 2, strength=0.8), layer(0, end=0.4)
    assert plan(*layers) == FramePlan(
        sources=((0, 0), (1, 0), (1, 1), None), strengths=(0.2, 0.8, 0.8, 0.8)
    )
    early = plan(*layers, percent=0.4)
    assert early is not None
    assert early.sources[0] == (2, 0)


@pytest.mark.parametrize("percent", [0.0, 0.19, 0.81, 1.0])
def test_no_active_layer_means_no_plan(percent: float) -> None:
    assert plan(layer(1, start=0.2, end=0.8), percent=percent) is None


@pytest.mark.parametrize("percent", [0.2, 0.5, 0.8])
def test_both_ends_of_the_active_part_belong_to_it(percent: float) -> None:
    assert plan(layer(1, start=0.2, end=0.8), percent=percent) is not None


def test_a_layer_of_strength_0_is_as_good_as_absent() -> None:
    assert plan(layer(1, strength=0.0)) is None
    assert plan() is None
    assert plan(layer(1), layer(1, 2, strength=0.0)) == plan(layer(1))


@pytest.mark.parametrize("num_frames", [1, 8, 16, 24, 49])
def test_any_number_of_frames_is_planned(num_frames: int) -> None:
    dense = plan(layer(*range(num_frames)), num_frames=num_frames)
    assert dense is not None
    assert dense.num_frames == num_frames
    assert dense.sources == tuple((0, frame) for frame in range(num_frames))


def test_a_frame_that_the_clip_does_not_have_is_refused() -> None:
    with pytest.raises(SketchError, match="no frame 16: the clip has 8 frames"):
        plan(layer(0, 15), num_frames=8)


def test_an_unknown_treatment_of_other_frames_is_refused() -> None:
    with pytest.raises(SketchError, match="empty or none; not 'zero'"):
        plan(layer(0), missing="zero")


def test_features_come_in_the_order_of_the_frames() -> None:
    found = plan(layer(2, 0), layer(3))
    assert found is not None
    first = torch.arange(1.0, 3).view(2, 1, 1, 1).expand(2, 3, 4, 5)
    second = torch.full((1, 3, 4, 5), 7.0)
    gathered = gather_hint_features([first, second], torch.zeros(1, 3, 4, 5), found)
    assert gathered.shape == (4, 3, 4, 5)
    assert gathered[:, 0, 0, 0].tolist() == [2, 0, 1, 7]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_a_frame_scaled_among_others_is_scaled_as_alone(dtype: torch.dtype) -> None:
    residual = torch.randn(8, 3, 2, 2, generator=torch.Generator().manual_seed(0)).to(dtype)
    even, mixed = plan(layer(1)), plan(layer(1), missing="none")
    assert even is not None
    assert mixed is not None
    (all_scaled,), (some_scaled,) = (
        scale_residuals(Residuals([residual]), p) for p in (even, mixed)
    )
    assert torch.equal(all_scaled, residual * 0.6)
    assert some_scaled.dtype == dtype
    assert torch.equal(some_scaled[[1, 5]], all_scaled[[1, 5]])
    assert not some_scaled[[0, 2, 3, 4, 6, 7]].any()
