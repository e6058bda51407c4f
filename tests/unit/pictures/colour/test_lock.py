"""Colour lock: drifts of known size go, and what has not drifted stays."""

import json

import pytest
import torch
from torch import Tensor

from tooncrafter_core.errors import KeyframeError
from tooncrafter_core.pictures.colour.correction import (
    changes,
    corrected,
    fit_correction,
    no_correction,
)
from tooncrafter_core.pictures.colour.difference import colour_difference
from tooncrafter_core.pictures.colour.lock import lock_colours, neighbours
from tooncrafter_core.pictures.keyframes import Keyframes

COLOURS = [
    [0.55, 0.75, 0.9],
    [0.3, 0.6, 0.25],
    [0.85, 0.3, 0.2],
    [0.95, 0.9, 0.7],
    [0.1, 0.1, 0.15],
]
NUM_FRAMES = 9


def _scene(is_still: bool = True) -> Tensor:
    """A cel before a ground of two colours, ``t h w 3`` in [0, 1]; the ground scrolls or not."""
    sky, grass, coat, skin, ink = map(torch.tensor, COLOURS)
    frames = torch.empty(NUM_FRAMES, 96, 144, 3)
    for number, frame in enumerate(frames):
        frame[:] = sky
        frame[60 if is_still else 60 - 5 * number :] = grass
        left = 12 + 11 * number
        frame[20:84, left - 2 : left + 34] = ink
        frame[22:82, left : left + 32] = coat
        frame[26:46, left + 4 : left + 28] = skin
    return frames


def _lock(seen: Tensor, true: Tensor, places: tuple[int, ...] = (0, -1)) -> Tensor:
    video, keys = (rearranged(clip) for clip in (seen, true))
    found = lock_colours(video, Keyframes(tuple(keys[i : i + 1 or None] for i in places), places))
    return (found.frames.permute(0, 2, 3, 1) + 1) / 2


def rearranged(clip: Tensor) -> Tensor:
    """``t h w 3`` in [0, 1] as ``t 3 h w`` in [-1, 1]."""
    return clip.permute(0, 3, 1, 2) * 2 - 1


def _off(one: Tensor, other: Tensor) -> float:
    return float(colour_difference(one[1:-1], other[1:-1]).mean())


DRIFTS = {
    "gain": lambda clip, part: clip * (1 - part * torch.tensor([0.2, 0.1, 0.15])),
    "offset": lambda clip, part: (clip + part * torch.tensor([0.06, -0.04, 0.05])).clamp(0, 1),
    "gamma": lambda clip, part: clip ** (1 + 0.3 * part),
    "hue": lambda clip, part: torch.lerp(clip, clip.roll(1, dims=-1), 0.15 * part),
}


@pytest.mark.parametrize("is_still", [True, False])
@pytest.mark.parametrize("name", DRIFTS)
def test_a_drift_that_grows_along_the_clip_is_taken_back(name: str, is_still: bool) -> None:
    true = _scene(is_still)
    part = torch.linspace(0.4, 1, NUM_FRAMES).reshape(-1, 1, 1, 1)
    seen = DRIFTS[name](true, part)
    before, after = _off(seen, true), _off(_lock(seen, true), true)
    assert before > 2
    # A fifth at the most here; a third leaves room for rounding.
    assert after < before / 3


def test_a_drift_of_the_middle_alone_is_measured_on_the_still_ground() -> None:
    true = _scene()
    part = torch.linspace(-1, 1, NUM_FRAMES).square().neg().add(1).reshape(-1, 1, 1, 1)
    seen = DRIFTS["gain"](true, part)
    assert _off(seen, true) > 2
    assert _off(_lock(seen, true), true) < _off(seen, true) / 3


@pytest.mark.parametrize("is_still", [True, False])
def test_what_has_not_drifted_stays_to_the_bit(is_still: bool) -> None:
    video = rearranged(_scene(is_still))
    before = video.clone()
    locked = lock_colours(video, Keyframes((video[:1], video[-1:]), (0, -1)))
    assert torch.equal(locked.frames, before)
    assert torch.equal(video, before)
    assert locked.report.flashes == ()


def test_noise_without_a_drift_is_left_alone() -> None:
    true = _scene()
    noise = torch.randn(true.shape, generator=torch.Generator().manual_seed(3))
    seen = (true + 0.02 * noise).clamp(0, 1)
    assert torch.equal(_lock(seen, true)[1:-1], ((seen * 2 - 1) + 1)[1:-1] / 2)


@pytest.mark.parametrize("is_still", [True, False])
def test_a_frame_that_flashes_is_taken_back_and_named(is_still: bool) -> None:
    true = _scene(is_still)
    seen = true.clone()
    seen[4] = seen[4] * 0.75
    keys = rearranged(true)
    locked = lock_colours(rearranged(seen), Keyframes((keys[:1], keys[-1:]), (0, -1)))
    frames = (locked.frames.permute(0, 2, 3, 1) + 1) / 2
    assert locked.report.flashes == (4,)
    before = colour_difference(seen[4], true[4]).mean()
    assert colour_difference(frames[4], true[4]).mean() < before / 3
    assert torch.equal(locked.frames[[1, 2, 3, 5, 6, 7]], rearranged(seen)[[1, 2, 3, 5, 6, 7]])
    assert locked.report.after.flicker < locked.report.before.flicker / 2


def test_what_passes_before_most_of_the_ground_is_no_drift_of_it() -> None:
    true = _scene()
    # Both keys show the sky; in the middle a dark wing covers most of it, and all is a bit paler.
    true[3:6, :40, :] = torch.tensor(COLOURS[4])
    true[3:6, :40, 60:90] = torch.tensor(COLOURS[0])
    seen = true.clone()
    seen[3:6] = seen[3:6] * 0.98
    moved = colour_difference(_lock(seen, true), seen)[3:6].mean(dim=(1, 2))
    # 33 where the wing is taken for a sky that has drifted; the true drift is 1 to 2.
    assert moved.max() < 5


def test_keys_stand_at_their_places_to_the_bit_in_the_middle_as_well() -> None:
    true = _scene()
    seen = true * 0.9
    keys = rearranged(true)
    places = (0, 4, 8)
    found = lock_colours(
        rearranged(seen), Keyframes(tuple(keys[i : i + 1] for i in places), places)
    )
    assert torch.equal(found.frames[list(places)], keys[list(places)])


def test_the_report_says_how_far_colours_were_and_are() -> None:
    true = _scene()
    keys = rearranged(true)
    report = lock_colours(rearranged(true * 0.9), Keyframes((keys[:1], keys[-1:]), (0, -1))).report
    assert report.before.at_keys > 2 > 0.5 > report.after.at_keys
    assert report.before.mean > 2 * report.after.mean
    assert report.before.largest >= report.before.mean
    assert json.loads(json.dumps(report.as_plain()))["flashes"] == []
    assert f"{report.before.at_keys:.2f} before" in report.as_text()


def test_a_key_at_the_wrong_place_is_said() -> None:
    true = rearranged(_scene())
    wrong = torch.rand(1, 3, 96, 144, generator=torch.Generator().manual_seed(1)) * 2 - 1
    report = lock_colours(true, Keyframes((true[:1], wrong), (0, -1))).report
    assert any("frame 9" in note for note in report.notes)


def test_keys_of_another_size_and_at_frames_that_are_not_there_are_refused() -> None:
    video = rearranged(_scene())
    small = video[:1, :, ::2, ::2]
    with pytest.raises(KeyframeError, match="72x48 and the frames are 144x96"):
        lock_colours(video, Keyframes((small, small), (0, -1)))
    with pytest.raises(KeyframeError, match="no frame of the index 20"):
        lock_colours(video, Keyframes((video[:1], video[:1]), (0, 20)))


def test_no_colour_is_changed_further_than_the_furthest_measured_one() -> None:
    seen = torch.tensor(COLOURS).repeat_interleave(40, dim=0)
    true = (seen * 1.1).clamp(0, 1)
    table = fit_correction(seen, true, torch.ones(len(seen)))
    most = (true - seen).norm(dim=1).max()
    everywhere = torch.rand(5000, 3, generator=torch.Generator().manual_seed(5))
    assert changes(table, everywhere).norm(dim=1).max() <= most * 1.001
    assert colour_difference(corrected(table, seen), true).max() < 1
    assert torch.equal(fit_correction(seen, seen, torch.ones(len(seen))), no_correction())


def test_frames_lie_between_their_two_keys() -> None:
    assert neighbours(3, (0, 6)) == (0, 1, 0.5)
    assert neighbours(9, (0, 6)) == (1, 1, 0.0)
    assert neighbours(1, (4, 6)) == (0, 0, 0.0)
    assert neighbours(4, (4, 6)) == (0, 1, 0.0)
