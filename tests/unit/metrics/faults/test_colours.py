"""Colours of a clip: off its keys, flickering, drifting."""

import torch
from torch import Tensor

from tooncrafter_core.metrics.faults.colours import drift, flicker, off_keys


def plain(*levels: float) -> Tensor:
    """Frames ``t 3 h w`` whose left half is red and whose right half has a grey of each level."""
    frames = torch.zeros(len(levels), 3, 64, 64)
    frames[:, 0, :, :32] = 0.6
    frames[..., 32:] = torch.tensor(levels).reshape(-1, 1, 1, 1)
    return frames


def ends(clip: Tensor) -> Tensor:
    return clip[[0, -1]]


def test_a_clip_that_keeps_its_colours_has_no_fault() -> None:
    clip = plain(*[0.2] * 5)
    for found in (off_keys(clip, ends(clip)), flicker(clip), drift(clip, ends(clip))):
        assert found.shape == (5,)
        assert float(found.abs().max()) < 1e-4


def test_ends_are_compared_with_the_keys_and_nothing_between_is() -> None:
    clip = plain(0.2, 0.9, 0.9, 0.4)
    off = off_keys(clip, plain(0.2, 0.2))
    assert off[:3].abs().max() < 1e-4
    assert float(off[3]) > 2


def test_one_frame_that_flashes_is_found() -> None:
    found = flicker(plain(0.2, 0.2, 0.2, 0.5, 0.2, 0.2))
    assert int(found.argmax()) == 3
    assert float(found[3]) > 5


def test_brightness_that_grows_evenly_in_lab_hardly_flickers() -> None:
    assert float(flicker(plain(0.20, 0.22, 0.24, 0.26, 0.28)).max()) < 0.1


def test_drift_is_the_difference_to_the_nearest_colour_of_the_keys() -> None:
    clip = plain(0.2, 0.25, 0.3, 0.2)
    found = drift(clip, ends(clip))
    assert float(found[0]) < 1e-4
    assert 0.2 < float(found[1]) < float(found[2])


def test_a_clip_without_a_flat_place_does_not_drift() -> None:
    noise = torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    assert torch.isfinite(drift(noise, ends(noise))).all()
