"""Regions: which pixels of which frames change, with an edge, and everything else to the bit."""

import pytest
import torch

from tooncrafter_core.errors import RedrawError, ToonCrafterError
from tooncrafter_core.pictures.regions import Edge, Stretch, lay_back, region, region_cells

CLIP = (6, 24, 40)
SHARP = Edge(grow=0, feather=0)


def square(count: int = 1) -> torch.Tensor:
    """A mask of 4x4 pixels at 8, 20."""
    mask = torch.zeros(count, *CLIP[1:])
    mask[:, 8:12, 20:24] = 1
    return mask


def stretch(first: int = 2, last: int = -2) -> Stretch:
    return Stretch.of(first, last, CLIP[0])


def test_a_stretch_counts_from_1_and_from_the_end() -> None:
    assert Stretch.of(1, -1, 6) == Stretch(first=0, last=5)
    assert Stretch.of(5, 5, 6) == Stretch(first=4, last=4)
    assert len(Stretch.of(-3, -2, 6)) == 2


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        (0, 3, "no frame 0 to redraw from"),
        (1, 7, "no frame 7 to redraw to"),
        (-7, 3, "no frame -7 to redraw from"),
        (4, 3, "Frames 4 to 3 run backwards"),
    ],
)
def test_stretches_that_the_clip_does_not_have_are_refused(
    first: int, last: int, said: str
) -> None:
    with pytest.raises(RedrawError, match=said):
        Stretch.of(first, last, 6)


def test_one_mask_counts_for_every_frame_of_the_stretch_and_for_no_other() -> None:
    found = region(square(), CLIP, stretch(3, 4), SHARP)
    assert torch.equal(found[2:4], square(2))
    assert not found[[0, 1, 4, 5]].any()
    assert torch.equal(region(None, CLIP, stretch(3, 4), SHARP)[2:4], torch.ones(2, 24, 40))


def test_masks_of_the_clip_and_masks_of_the_stretch_lie_on_their_frames() -> None:
    each = torch.zeros(CLIP)
    for number, mask in enumerate(each):
        mask[number, number] = 1
    of_clip = region(each, CLIP, stretch(3, 5), SHARP)
    of_stretch = region(each[2:5], CLIP, stretch(3, 5), SHARP)
    assert torch.equal(of_clip, of_stretch)
    assert torch.equal(of_clip[2:5], each[2:5])
    assert not of_clip[[0, 1, 5]].any()


def test_a_region_grows_by_the_pixels_asked_for_and_fades_within() -> None:
    grown = region(square(), CLIP, stretch(), Edge(grow=3, feather=0))[2]
    expected = torch.zeros(CLIP[1:])
    expected[5:15, 17:27] = 1
    assert torch.equal(grown, expected)
    soft = region(square(), CLIP, stretch(), Edge(grow=3, feather=3))[2]
    assert torch.equal(soft > 0, grown > 0)
    torch.testing.assert_close(soft[10, 17:22], torch.tensor([0.25, 0.5, 0.75, 1.0, 1.0]))
    # A mask that ends with the picture has no edge there.
    left = torch.zeros(1, *CLIP[1:])
    left[:, :, :10] = 1
    faded = region(left, CLIP, stretch(), Edge(grow=0, feather=3))[2]
    torch.testing.assert_close(faded[0], faded[12])
    torch.testing.assert_close(faded[12, [0, 5, 8, 9, 10]], torch.tensor([1, 1, 0.5, 0.25, 0]))


def test_a_single_pixel_reaches_its_cell_and_a_frame_that_stays_none() -> None:
    mask = torch.zeros(1, *CLIP[1:])
    mask[0, 23, 39] = 1
    cells = region_cells(region(mask, CLIP, stretch(2, 3), SHARP), 8, 8)
    assert cells.shape == (6, 3, 5)
    assert cells[1:3].sum() == 2 and bool((cells[1:3, 2, 4] == 1).all())
    assert not cells[[0, 3, 4, 5]].any()
    # The model draws 64x64 around 24x40: what is beyond the corner goes with it.
    wider = region_cells(region(mask, CLIP, stretch(2, 3), SHARP), 64, 8)
    assert wider.shape == (6, 8, 8)
    assert bool((wider[1, 5:, 6:] == 1).all())
    assert wider[1].sum() == 6


def test_what_is_outside_comes_back_to_the_bit_and_what_is_inside_is_what_was_drawn() -> None:
    random = torch.Generator().manual_seed(1)
    frames, drawn = (torch.rand(*CLIP, 3, generator=random) for _ in range(2))
    weights = region(square(), CLIP, stretch(), Edge(grow=4, feather=2))
    found = lay_back(frames, drawn, weights)
    assert torch.equal(found[weights == 0], frames[weights == 0])
    assert torch.equal(found[weights == 1], drawn[weights == 1])
    edge = (weights > 0) & (weights < 1)
    low, high = torch.minimum(frames, drawn)[edge], torch.maximum(frames, drawn)[edge]
    assert bool(((found[edge] >= low - 1e-6) & (found[edge] <= high + 1e-6)).all())
    damaged = drawn.clone()
    damaged[weights == 0] = float("nan")
    assert torch.equal(lay_back(frames, damaged, weights), found)


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (torch.ones(1, 64, 64), "The mask is 64x64 pixels and the frames are 40x24"),
        (torch.ones(24, 40), "paint it on a frame"),
        (torch.ones(3, 24, 40), "There are 3 masks: .* each of the 4 frames from 2 to 5"),
        (torch.ones(0, 24, 40), "There are 0 masks"),
        (torch.zeros(1, 24, 40), "The mask is empty in frames 2 to 5"),
        (torch.full((1, 24, 40), float("nan")), "not numbers"),
    ],
)
def test_masks_that_do_not_lie_on_the_frames_are_refused(mask: torch.Tensor, said: str) -> None:
    with pytest.raises(RedrawError, match=said):
        region(mask, CLIP, stretch(), Edge())


def test_a_mask_that_is_painted_only_where_frames_stay_is_empty() -> None:
    mask = torch.zeros(CLIP)
    mask[0] = 1
    with pytest.raises(RedrawError, match="empty in frames 2 to 5"):
        region(mask, CLIP, stretch(), Edge())


def test_edges_out_of_range_are_refused() -> None:
    with pytest.raises(ToonCrafterError, match="grows by"):
        Edge(grow=-1)
    with pytest.raises(ToonCrafterError, match="soft edge"):
        Edge(feather=10_000)
