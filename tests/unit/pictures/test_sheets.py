"""Sheets show the frames they are given, at their places and in their order."""

import torch

from tooncrafter_core.pictures.sheets import (
    LINE,
    MARGIN,
    SheetRow,
    cross_fade,
    draw_sheet,
    sheet_with_cross_fade,
    shown_frames,
)


def clip(count: int, width: int = 200) -> torch.Tensor:
    """Frames of one grey each, from black to white."""
    greys = torch.linspace(-1, 1, count)
    return greys[:, None, None, None].expand(count, 3, 40, width)


def test_frames_are_spread_with_both_ends() -> None:
    assert shown_frames(16) == [0, 2, 4, 6, 9, 11, 13, 15]
    assert shown_frames(3) == [0, 1, 2] and shown_frames(1) == [0]


def test_a_cross_fade_begins_and_ends_with_its_pictures() -> None:
    first, last = -torch.ones(3, 4, 4), torch.ones(3, 4, 4)
    faded = cross_fade(first, last, 5)
    assert faded[:, 0, 0, 0].tolist() == [-1, -0.5, 0, 0.5, 1]


def test_every_row_lies_below_its_words() -> None:
    rows = [SheetRow("a", clip(4)), SheetRow("b", clip(4).flip(0)), SheetRow("c", clip(4), True)]
    sheet = draw_sheet(rows, ["one line"])
    assert sheet.shape == (1, 3, 2 * MARGIN + 2 * LINE + 3 * (40 + LINE + MARGIN), 850)
    for number, expected in enumerate(([-1, -1 / 3, 1 / 3, 1], [1, 1 / 3, -1 / 3, -1])):
        y = MARGIN + 2 * LINE + number * (40 + LINE + MARGIN) + 20
        found = [sheet[0, 0, y, MARGIN + 100 + column * 210] for column in range(4)]
        assert torch.allclose(torch.stack(found), torch.tensor(expected), atol=1 / 127)
    y = MARGIN + 2 * LINE + 2 * (40 + LINE + MARGIN) + 20
    ends = [sheet[0, :, y, MARGIN + 100 + column * 210] for column in range(4)]
    assert torch.equal(ends[1], sheet[0, :, 0, 0]) and torch.equal(ends[2], ends[1])
    assert float(ends[0][0]) == -1 and float(ends[3][0]) == 1


def test_groups_part_the_rows() -> None:
    rows = [SheetRow("a", clip(3))] * 4
    plain, grouped = draw_sheet(rows), draw_sheet(rows, groups=["best", "worst"])
    assert grouped.shape[2] - plain.shape[2] == 2 * (LINE + MARGIN)


def test_a_clip_stands_between_its_drawings_and_their_cross_fade() -> None:
    video = torch.zeros(3, 3, 40, 200)
    sheet = sheet_with_cross_fade(video, -torch.ones(3, 40, 200), torch.ones(3, 40, 200), [])
    ys = [MARGIN + LINE + number * (40 + LINE + MARGIN) + 20 for number in range(3)]
    middle = [float(sheet[0, 0, y, MARGIN + 310]) for y in ys]
    assert middle[0] > 0.9 and abs(middle[1]) < 0.01 and abs(middle[2]) < 0.01
    assert float(sheet[0, 0, ys[2], MARGIN + 100]) == -1
