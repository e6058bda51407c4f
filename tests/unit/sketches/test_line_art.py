"""Line art of flat cartoons; the cartoons are drawn here."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tooncrafter_core.errors import SketchError
from tooncrafter_core.sketches.hints import to_hint
from tooncrafter_core.sketches.line_art import line_art

BACKGROUND, SKIN = (0.3, 0.7, 0.9), (0.95, 0.75, 0.6)


def distance(height: int = 160, width: int = 256) -> Tensor:
    """From a circle in the middle, in units of 1/160 of the height; negative inside."""
    y, x = torch.arange(height)[:, None] - height / 2, torch.arange(width)[None] - width / 2
    return (x.square() + y.square()).sqrt() * 160 / height - 50


def cartoon(inside: tuple[float, ...] = SKIN, outside: tuple[float, ...] = BACKGROUND,
            height: int = 160, width: int = 256) -> Tensor:  # fmt: skip
    """A disc without an outline, 1 3 h w in [-1, 1]."""
    share = (0.5 - distance(height, width) * height / 160).clamp(0, 1)
    colours = (torch.tensor(c).view(1, 3, 1, 1) for c in (inside, outside))
    disc, paper = colours
    return (disc * share + paper * (1 - share)) * 2 - 1


def closed(lines: Tensor) -> bool:
    """Whether a flood from the middle stays inside the lines."""
    free = (lines < 0.5).float()
    flood = torch.zeros_like(free)
    flood[..., free.shape[-2] // 2, free.shape[-1] // 2] = 1
    for _ in range(sum(free.shape[-2:])):
        # Steps to the side only, so that corners that touch keep it in.
        flood = torch.maximum(F.max_pool2d(flood, (3, 1), 1, (1, 0)),
                              F.max_pool2d(flood, (1, 3), 1, (0, 1))) * free  # fmt: skip
    return not flood[..., 0, 0].any()


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        (SKIN, BACKGROUND),
        ((0.1, 0.1, 0.12), (0.9, 0.9, 0.9)),
        ((0.9, 0.9, 0.9), (0.0, 0.0, 0.0)),
        ((0.8, 0.3, 0.3), (0.3, 0.3, 0.8)),  # red on blue of the same mean
        ((0.5, 0.5, 0.5), (0.67, 0.67, 0.67)),
    ],
)
def test_a_flat_shape_gets_one_closed_outline(
    inside: tuple[float, ...], outside: tuple[float, ...]
) -> None:
    lines = line_art(cartoon(inside, outside))
    assert lines.shape == (1, 1, 160, 256)
    assert closed(lines)
    away = distance().abs() > 5
    assert not lines[0, 0][away].any()  # no tone, no second line
    assert lines.max() > 0.8


def test_a_drawn_outline_is_found_in_its_place() -> None:
    outline = (1.5 - distance().abs()).clamp(0, 1)
    picture = cartoon() * (1 - outline) - outline
    lines = line_art(picture)
    assert closed(lines)
    assert lines[0, 0][distance().abs() < 0.7].min() > 0.8
    assert not lines[0, 0][distance().abs() > 6].any()


def test_grain_and_shading_give_hardly_any_lines() -> None:
    shade = torch.linspace(-0.6, 0.6, 256).expand(1, 3, 160, 256)
    grain = 0.02 * torch.randn(shade.shape, generator=torch.Generator().manual_seed(0))
    assert line_art(shade + grain).mean() < 3e-3


def test_a_drawing_looks_the_same_at_any_size() -> None:
    small = line_art(cartoon(height=320, width=512))
    large = line_art(cartoon(height=640, width=1024))
    assert (F.avg_pool2d(large, 2) - small).abs().mean() < 0.01
    assert abs(large.mean() / small.mean() - 1) < 0.25


def test_wider_lines_are_wider_and_a_higher_threshold_draws_less() -> None:
    picture = cartoon((0.5, 0.5, 0.5), (0.7, 0.7, 0.7), height=320, width=512)
    assert line_art(picture, 2.0).sum() > 1.4 * line_art(picture, 1.0).sum()
    assert not line_art(picture, threshold=0.3).any()
    assert line_art(picture, sharpness=50.0).sum() > line_art(picture, sharpness=3.0).sum()


def test_every_frame_of_a_clip_is_drawn_alone() -> None:
    clip = torch.cat([cartoon(), cartoon((0.2, 0.2, 0.3)), cartoon()])
    lines = line_art(clip)
    assert torch.equal(lines[:1], lines[2:])
    assert torch.equal(lines[1:2], line_art(clip[1:2]))


def test_line_art_is_taken_as_a_hint_either_way_round() -> None:
    lines = line_art(cartoon())
    for picture, polarity in ((lines, "light_on_dark"), (1 - lines, "dark_on_light")):
        found = to_hint(picture * 2 - 1)
        assert found.polarity == (polarity,)
        assert not found.warnings
        torch.testing.assert_close(found.hints, lines, atol=0.02, rtol=0)


@pytest.mark.parametrize(
    ("settings", "reported"),
    [
        ({"line_width": 0.0}, "line width must be a finite number over 0; got 0"),
        ({"line_width": float("inf")}, "line width must be a finite number over 0; got inf"),
        ({"sharpness": float("inf")}, "sharpness of lines must be a finite number over 0"),
        ({"threshold": 1.5}, "between 0 and 1; got 1.5"),
        ({"sharpness": -1.0}, "over 0; got -1"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, float], reported: str) -> None:
    with pytest.raises(SketchError, match=reported):
        line_art(cartoon(), **settings)


@pytest.mark.parametrize("shape", [(1, 1, 8, 8), (3, 8, 8), (0, 3, 8, 8), (1, 4, 8, 8)])
def test_what_is_no_colour_picture_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(SketchError, match="drawn from colour pictures"):
        line_art(torch.zeros(shape))


@pytest.mark.parametrize("size", [(1, 1), (2, 9), (64, 3)])
def test_small_pictures_do_no_harm(size: tuple[int, int]) -> None:
    assert line_art(torch.zeros(1, 3, *size)).shape == (1, 1, *size)
