"""Hints from every kind of drawing; the drawings are made here."""

from functools import cache

import pytest
import torch
from torch import Tensor

from tooncrafter_core.errors import SketchError
from tooncrafter_core.pictures.fitting import FIT_MODES, FitMode, fit
from tooncrafter_core.sketches.hints import fit_hints, to_hint

HEIGHT, WIDTH = 160, 256


@cache
def drawing(height: int = HEIGHT, width: int = WIDTH, line_width: float = 1.5) -> Tensor:
    """Ink, ``1 1 h w``: a circle, a box and a stroke with soft edges."""
    y = torch.arange(height)[:, None] * HEIGHT / height
    x = torch.arange(width)[None] * WIDTH / width
    circle = ((x - 100).square() + (y - 80).square()).sqrt() - 50
    box = torch.maximum((x - 200).abs() - 30, (y - 80).abs() - 60)
    stroke = torch.maximum((x - y - 20).abs() / 2**0.5, (y - 75).abs() - 65)
    distance = torch.minimum(torch.minimum(circle.abs(), box.abs()), stroke.clamp(min=0))
    return (line_width - distance).clamp(0, 1)[None, None]


def noise(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(3))


def colour(*values: float) -> Tensor:
    return torch.tensor(values).view(1, -1, 1, 1)


def uneven() -> Tensor:
    x, y = torch.linspace(-1, 1, WIDTH)[None], torch.linspace(-1, 1, HEIGHT)[:, None]
    return (0.72 + 0.18 * x - 0.12 * y * y)[None, None]


def pencils() -> Tensor:
    """A pencil of another colour in each quarter of the picture."""
    colours = torch.tensor([[0.85, 0.2, 0.2], [0.2, 0.3, 0.85], [0.95, 0.8, 0.1], [0.2, 0.6, 0.3]])
    return colours.T[None, :, None].repeat_interleave(WIDTH // 4, dim=3)


def over(paper: Tensor, pigment: Tensor, ink: Tensor) -> Tensor:
    return paper * (1 - ink) + pigment * ink


def kinds() -> dict[str, tuple[Tensor, str, float]]:
    """Pictures in [0, 1] of the same drawing, their polarity, and how near the hint must come."""
    ink = drawing()
    dark, light, white = "dark_on_light", "light_on_dark", colour(1, 1, 1)
    tinted = colour(0.96, 0.9, 0.78)
    grey_paper = uneven() * (1 - 0.85 * ink) + 0.01 * noise(*ink.shape)
    scan = (1 - 0.75 * ink) * uneven() + 0.05 * noise(1, 3, HEIGHT, WIDTH)
    blue_alpha = torch.cat([colour(0.1, 0.3, 0.9).expand(1, 3, HEIGHT, WIDTH), ink], dim=1)
    white_alpha = torch.cat([torch.ones_like(ink), ink], dim=1)
    return {
        "black on white": (1 - ink, dark, 0.01),
        "white on black": (ink, light, 0.01),
        "black on white, three channels": (white * (1 - ink), dark, 0.01),
        "faint pencil": (1 - 0.2 * ink, dark, 0.01),
        "even grey paper": (0.6 * (1 - ink), dark, 0.01),
        "uneven grey paper": (grey_paper, dark, 0.2),
        "noisy scan": (scan, dark, 0.55),
        "noisy negative": (1 - scan, light, 0.55),
        "coloured line on nothing": (blue_alpha, "alpha", 0.01),
        "white line on nothing": (white_alpha, "alpha", 0.01),
        "opaque with an alpha channel": (torch.cat([1 - ink, ink * 0 + 1], dim=1), dark, 0.01),
        "yellow on white": (over(white, colour(1, 1, 0.2), ink), dark, 0.01),
        "blueprint": (over(colour(0.05, 0.1, 0.35), colour(0.8, 0.9, 1), ink), light, 0.05),
        "yellow on brown": (over(colour(0.7, 0.55, 0.35), colour(1, 0.9, 0.2), ink), light, 0.05),
        "coloured pencils": (over(tinted, pencils(), ink), dark, 0.5),
    }


@pytest.mark.parametrize("kind", kinds())
def test_hint_is_white_lines_on_black(kind: str) -> None:
    picture, polarity, tolerance = kinds()[kind]
    found = to_hint(picture.clamp(0, 1) * 2 - 1)
    ink = drawing()
    assert found.hints.shape == ink.shape
    assert found.polarity == (polarity,)
    assert not found.warnings
    off, on = found.hints[ink == 0], found.hints[ink == 1]
    assert (off > 0.1).float().mean() < 2e-3
    assert off.mean() < 0.01
    assert on.mean() > 0.6
    assert (found.hints - ink).abs().quantile(0.99) < tolerance
    assert 0.99 <= found.hints.max() <= 1
    assert found.hints.min() == 0


def test_soft_lines_stay_soft_in_proportion() -> None:
    ink = drawing() * torch.linspace(0.2, 1, HEIGHT)[:, None]
    hints = to_hint((1 - ink) * 2 - 1).hints
    torch.testing.assert_close(hints, (ink / ink[ink > 0].quantile(0.995)).clamp(max=1),
                               atol=0.02, rtol=0)  # fmt: skip


def test_large_filled_areas_do_not_turn_the_polarity() -> None:
    ink = drawing().clone()
    ink[..., :, 128:] = 1  # half of the picture and most of the border
    ink[..., 140:, :] = 1
    found = to_hint((1 - ink) * 2 - 1)
    assert found.polarity == ("light_on_dark",)  # nearly everything is black: black is the paper
    ink[..., :, 128:] = drawing()[..., :, 128:]
    ink[..., 60:120, 60:140] = 1
    found = to_hint((1 - ink) * 2 - 1)
    assert found.polarity == ("dark_on_light",)
    assert (found.hints - ink).abs().max() < 0.02
    assert "Sketch 1 has large filled areas" in found.warnings[0]


def test_a_black_rim_is_no_paper() -> None:
    picture = 1 - drawing()
    picture = torch.nn.functional.pad(picture, (4, 4, 4, 4))
    assert to_hint(picture * 2 - 1).polarity == ("dark_on_light",)


def test_specks_of_a_scan_are_no_lines() -> None:
    scan = 0.9 * (1 - drawing()) + 0.02 * noise(1, 1, HEIGHT, WIDTH)
    specks = torch.rand(scan.shape, generator=torch.Generator().manual_seed(1)) < 0.001
    far = torch.nn.functional.max_pool2d(drawing(), 9, 1, 4) == 0
    hints = to_hint((scan - 0.6 * specks.float()).clamp(0, 1) * 2 - 1).hints
    assert (specks & far).sum() > 10
    assert hints[specks & far].mean() < 0.15


def test_a_filled_drawing_cut_out_of_its_background_gives_its_lines() -> None:
    ink = drawing()
    y, x = torch.arange(HEIGHT)[:, None], torch.arange(WIDTH)[None]
    inside = (((x - 100) ** 2 + (y - 80) ** 2) <= 52**2).float()[None, None]
    paper = colour(1, 0.9, 0.8).expand(1, 3, HEIGHT, WIDTH) * (1 - ink)
    found = to_hint(torch.cat([paper, inside], dim=1) * 2 - 1)
    assert found.polarity == ("dark_on_light",)
    assert (found.hints - ink * inside).abs().max() < 0.05


def test_polarity_can_be_forced() -> None:
    picture = (1 - drawing()) * 2 - 1
    assert torch.equal(to_hint(picture, "dark_on_light").hints, to_hint(picture).hints)
    forced = to_hint(picture, "light_on_dark")
    assert forced.polarity == ("light_on_dark",)
    assert forced.hints[drawing() == 0].min() == 1
    with pytest.raises(SketchError, match="auto, dark_on_light, light_on_dark; not 'black'"):
        to_hint(picture, "black")


def test_pictures_of_a_batch_are_judged_alone() -> None:
    pictures = torch.cat([1 - drawing(), drawing(), 0.5 * (1 - drawing())]) * 2 - 1
    before = pictures.clone()
    together = to_hint(pictures)
    assert together.polarity == ("dark_on_light", "light_on_dark", "dark_on_light")
    for i in range(3):
        assert torch.equal(together.hints[i : i + 1], to_hint(pictures[i : i + 1]).hints)
    assert torch.equal(pictures, before)


FLAT = {
    "white": torch.ones(1, 3, 64, 64),
    "grey": torch.full((1, 1, 64, 64), 0.5),
    "one pixel": torch.zeros(1, 3, 1, 1),
    "clear": torch.zeros(1, 4, 64, 64),
    "grain": 0.8 + 0.03 * noise(1, 3, 128, 128),
    "uneven light": uneven().expand(1, 3, -1, -1),
}


@pytest.mark.parametrize("kind", FLAT)
def test_a_picture_without_lines_is_refused(kind: str) -> None:
    picture = FLAT[kind].clamp(0, 1)
    with pytest.raises(SketchError, match="Sketch 1 is one flat colour"):
        to_hint(picture * 2 - 1)


def test_the_flat_picture_of_a_batch_is_named() -> None:
    pictures = torch.cat([drawing(), torch.ones_like(drawing())])
    with pytest.raises(SketchError, match="Sketch 2 is one flat colour"):
        to_hint(pictures * 2 - 1)


def test_a_photograph_is_accepted_with_a_warning() -> None:
    clouds = torch.nn.functional.interpolate(noise(1, 3, 6, 9), (HEIGHT, WIDTH), mode="bicubic")
    picture = (0.5 + 0.25 * clouds + 0.02 * noise(1, 3, HEIGHT, WIDTH)).clamp(0, 1)
    found = to_hint(picture * 2 - 1)
    (warning,) = found.warnings
    assert warning == "Sketch 1 has large filled areas. Check the hint or use line art."
    assert len(warning) <= 2 * 36  # of which the node shows two lines
    assert found.hints.max() == 1


@pytest.mark.parametrize(
    ("number", "words"),
    [(2, "Sketches 1 and 2 have large"), (7, "Sketches 1, 2, 3 and 4 more have large")],
)
def test_one_warning_names_all_photographs_of_a_batch(number: int, words: str) -> None:
    clouds = torch.nn.functional.interpolate(noise(1, 3, 6, 9), (HEIGHT, WIDTH), mode="bicubic")
    picture = (0.5 + 0.25 * clouds).clamp(0, 1) * 2 - 1
    (warning,) = to_hint(torch.cat([picture] * number)).warnings
    assert warning.startswith(words)


@pytest.mark.parametrize(
    ("images", "reported"),
    [
        (torch.zeros(0, 3, 8, 8), "the batch of pictures is empty"),
        (torch.zeros(3, 8, 8), "their shape is 3 x 8 x 8"),
        (torch.zeros(1, 5, 8, 8), "their shape is 1 x 5 x 8 x 8"),
        (torch.zeros(1, 3, 0, 8), "have no pixels"),
        (torch.full((1, 1, 8, 8), float("nan")), "not numbers"),
        (torch.full((1, 1, 8, 8), 255.0), "from 255 to 255"),
    ],
)
def test_what_is_no_picture_is_refused(images: Tensor, reported: str) -> None:
    with pytest.raises(SketchError, match=reported):
        to_hint(images)


@pytest.mark.parametrize("size", [(5, 7), (1, 40), (40, 1), (2, 2)])
def test_pictures_of_few_pixels_do_no_harm(size: tuple[int, int]) -> None:
    picture = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0))
    assert torch.isfinite(to_hint(picture * 2 - 1).hints).all()


@pytest.mark.parametrize("mode", FIT_MODES)
@pytest.mark.parametrize("size", [(512, 320), (130, 300), (64, 64), (256, 160)])
def test_hints_are_fitted_as_the_keyframes_are(mode: FitMode, size: tuple[int, int]) -> None:
    hints = drawing()
    fitted, placement = fit_hints(hints, *size, mode)
    canvas, keyframe_placement = fit(hints * 2 - 1, *size, mode)
    assert placement == keyframe_placement
    assert fitted.shape == canvas.shape
    assert 0 <= fitted.min() < fitted.max() <= 1
    outside = torch.ones_like(fitted)
    placement.picture.cut(outside).zero_()
    if mode in ("pad", "official"):
        assert not (fitted * outside).any()


def test_hints_of_the_right_size_pass_unchanged() -> None:
    hints = (drawing(320, 512) > 0.5).float()
    fitted, _ = fit_hints(hints, 512, 320)
    assert torch.equal(fitted, hints)


def test_lines_do_not_fade_where_they_are_drawn_smaller() -> None:
    large = drawing(1280, 2048, 0.4)
    fitted, _ = fit_hints(large, 256, 160, multiple=32)
    plain = (fit(large * 2 - 1, 256, 160, multiple=32)[0] + 1) / 2
    assert plain[drawing() == 1].mean() < 0.5
    assert fitted[drawing() == 1].mean() > plain[drawing() == 1].mean() * 1.2
    assert fitted.max() > 0.99
