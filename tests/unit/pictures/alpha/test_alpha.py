"""Keys on a matte and back: holes, lines, shadows and soft edges, and keys to the bit."""

import pytest
import torch
from torch import Tensor

from tooncrafter_core.errors import KeyframeError
from tooncrafter_core.pictures.alpha.clip import (
    fit_clear,
    is_clear_somewhere,
    on_matte,
    with_alpha,
)
from tooncrafter_core.pictures.alpha.matte import choose_matte, lay_on, premultiplied, straight
from tooncrafter_core.pictures.alpha.take_out import take_out
from tooncrafter_core.pictures.colour.difference import colour_difference

INK, COAT, SKIN = (0.08, 0.06, 0.1), (0.8, 0.25, 0.2), (0.95, 0.8, 0.65)


def _grid(height: int, width: int) -> tuple[Tensor, Tensor]:
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    return y, x


def _over(below: Tensor, colour: tuple[float, ...], alpha: Tensor) -> Tensor:
    """A colour with its own alpha over a picture of premultiplied colours."""
    light = torch.cat([torch.tensor(colour)[:, None, None] * alpha, alpha[None]])
    return light + below * (1 - alpha)


def _figure(left: float, height: int = 80, width: int = 120) -> Tensor:
    """A coat with a hole in it, a line thinner than a pixel, and a soft shadow, ``4 h w``."""
    y, x = _grid(height, width)

    def disc(cx: float, cy: float, radius: float, soft: float = 1.0) -> Tensor:
        return ((radius - torch.hypot(x - cx, y - cy)) / soft + 0.5).clamp(0, 1)

    picture = torch.zeros(4, height, width)
    shadow = 0.5 * (1 - torch.hypot((x - left - 20) / 28, (y - 70) / 8)).clamp(0, 1)
    picture = _over(picture, (0.0, 0.0, 0.0), shadow)
    ring = disc(left + 20, 38, 22) * (1 - disc(left + 20, 38, 9))
    picture = _over(picture, INK, ring)
    inner = disc(left + 20, 38, 20) * (1 - disc(left + 20, 38, 11))
    picture = _over(picture, COAT, inner)
    picture = _over(picture, SKIN, disc(left + 20, 12, 6))
    line = (0.8 - (y - 10 - 0.2 * (x - left - 40)).abs()).clamp(0, 0.7)
    picture = _over(picture, INK, line * ((x > left + 40) & (x < left + 70)))
    return straight(picture)


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_a_figure_comes_back_with_its_hole_its_line_and_its_shadow(noise: float) -> None:
    keys = [_figure(5), _figure(35)]
    matte = choose_matte(keys)
    true = _figure(20)
    drawn = lay_on(true, matte.colour)
    random = torch.randn(drawn.shape, generator=torch.Generator().manual_seed(2))
    found = take_out((drawn + noise * random).clamp(0, 1), matte)
    off = (found[3] - true[3]).abs()
    assert off.mean() < 0.012
    # Threshold keys, which know no half, are off by a half on the line and the shadow.
    assert off.max() < 0.5 + 20 * noise
    hole = found[3, 34:42, 36:44]
    assert hole.max() == 0
    for ground in (torch.zeros(3), torch.ones(3)):
        assert (lay_on(found, ground) - lay_on(true, ground)).abs().mean() < 0.012


def test_soft_edges_keep_nothing_of_the_matte() -> None:
    matte = choose_matte([_figure(5), _figure(35)])
    found = take_out(lay_on(_figure(20), matte.colour), matte)
    edges = (found[3] > 0.3) & (found[3] < 0.95)
    nearest = colour_difference(
        found[:3].permute(1, 2, 0)[edges][:, None], matte.palette[None]
    ).amin(dim=1)
    assert edges.sum() > 100
    assert nearest.mean() < 6
    assert colour_difference(matte.colour, matte.palette).min() > 30


def test_the_matte_is_far_from_the_colours_of_every_key() -> None:
    green = _figure(5)
    green[:3][:, green[3] > 0] = torch.tensor([0.0, 0.9, 0.1])[:, None]
    matte = choose_matte([_figure(5), green])
    shown = torch.tensor([INK, COAT, SKIN, (0.0, 0.9, 0.1)])
    assert colour_difference(matte.colour, shown).min() > 25


def test_keys_come_back_to_the_bit_and_are_at_levels_for_the_model() -> None:
    keys = [(_figure(left) * 255).round() / 255 * 2 - 1 for left in (5, 35)]
    keyframes, matte = on_matte(keys, (0, -1))
    for picture in keyframes.pictures:
        levels = (picture + 1) * 127.5
        assert (levels - levels.round()).abs().max() < 1e-3
    frames = torch.cat([keyframes.pictures[0], keyframes.pictures[1], keyframes.pictures[1]])
    video = with_alpha(frames, matte, keys, keyframes.indices)
    assert torch.equal(video[0], keys[0]) and torch.equal(video[-1], keys[1])
    assert ((video[1, 3] - keys[1][3]).abs() / 2).mean() < 0.012


def test_a_key_is_scaled_without_the_colour_of_what_is_clear() -> None:
    key = torch.zeros(1, 4, 40, 40)
    key[:, :3] = torch.tensor([-1.0, 1.0, -1.0])[:, None, None]  # green where clear
    key[:, 3] = -1.0
    key[:, :, :, 20:] = torch.tensor([1.0, -1.0, -1.0, 1.0])[:, None, None]
    half = fit_clear(key, (31, 31), "stretch")
    shown = half[:, (half[3] > -0.9)]
    assert torch.allclose(shown[0], torch.ones(()), atol=1e-3)
    assert shown[1].max() < -0.99
    assert torch.equal(fit_clear(key, (40, 40), "crop"), key[0])


def test_straight_and_premultiplied_lead_to_each_other() -> None:
    picture = _figure(10)
    shown = picture[3] > 1e-3
    again = straight(premultiplied(picture))
    torch.testing.assert_close(again[:, shown], picture[:, shown], atol=1e-4, rtol=0)
    assert premultiplied(torch.tensor([1.0, 0.5, 0, 0.5])[:, None, None]).flatten().tolist() == [
        0.5, 0.25, 0, 0.5,
    ]  # fmt: skip


def test_only_a_fourth_channel_that_is_not_full_is_transparency() -> None:
    full = torch.ones(1, 4, 4, 4)
    assert not is_clear_somewhere(full)
    assert not is_clear_somewhere(full[:, :3] - 2)
    full[0, 3, 0, 0] = 0.9
    assert is_clear_somewhere(full)


def test_keys_that_cannot_be_taken_out_again_are_said() -> None:
    figure = _figure(5)
    with pytest.raises(KeyframeError, match="Key 2 has no alpha"):
        choose_matte([figure, figure[:3]])
    with pytest.raises(KeyframeError, match="Key 1 is transparent everywhere"):
        choose_matte([torch.zeros(4, 8, 8), figure])
    steps = torch.linspace(0, 1, 12)
    everything = torch.stack(torch.meshgrid(steps, steps, steps, indexing="ij")).reshape(3, 36, 48)
    with pytest.raises(KeyframeError, match="no matte is far enough"):
        choose_matte([torch.cat([everything, torch.ones(1, 36, 48)])])
    with pytest.raises(KeyframeError, match="Key 1 has values that are not numbers"):
        on_matte([torch.full((4, 8, 8), float("nan")), figure], (0, -1))


def _glass(alpha: float, side: int = 40) -> Tensor:
    """A pane of blue glass that an ink frame closes off from what is clear, ``4 h w``."""
    picture = torch.zeros(4, side + 40, side + 40)
    picture[:, 8:-8, 8:-8] = torch.tensor([*INK, 1.0])[:, None, None]
    picture[:, 20:-20, 20:-20] = torch.tensor([0.3, 0.6, 0.9, alpha])[:, None, None]
    return picture


@pytest.mark.parametrize("alpha", [0.3, 0.62, 0.7, 0.8, 0.9])
def test_glass_within_a_frame_of_ink_stays_glass(alpha: float) -> None:
    true = _glass(alpha)
    matte = choose_matte([true, true])
    levels = (lay_on(true, matte.colour) * 255).round() / 255
    found = take_out(levels, matte)
    pane = (slice(None), slice(24, -24), slice(24, -24))
    # A level of 255 is 0.004; alpha is stretched by 1.14 around its middle, see LEAST and MOST.
    assert (found[pane][3] - alpha).abs().max() < 0.07
    assert (found[pane][:3] - true[pane][:3]).abs().max() < 0.06


def test_what_is_opaque_after_all_has_no_tinge_of_the_matte() -> None:
    true = _glass(1.0)
    matte = choose_matte([true, true])
    drawn = lay_on(true, matte.colour)
    # Texture that a model draws: nearly a mixture with the matte, and nothing clear is near.
    glass = true[:3, 40, 40]
    across = torch.linalg.cross(matte.colour - glass, torch.tensor([0.3, 0.1, 0.9]))
    texture = torch.lerp(glass, matte.colour, 0.2) + across / across.norm() * 0.05
    drawn[:, 38:42, 38:42] = texture[:, None, None]
    found = take_out(drawn, matte)
    assert (found[3, 38:42, 38:42] == 1).all()
    nearest = colour_difference(found[:3, 40, 40], matte.palette).amin()
    assert nearest < 1


def test_a_pane_is_one_however_large_it_is() -> None:
    true = torch.zeros(4, 16, 1000)
    true[:, :, 40:] = torch.tensor([0.3, 0.6, 0.9, 0.8])[:, None, None]
    true[:, :, -20:] = torch.tensor([*INK, 1.0])[:, None, None]
    matte = choose_matte([true, true])
    # Farther from its line than what is a mixture for certain: only the flood knows it.
    drawn = lay_on(true, matte.colour)
    across = torch.linalg.cross(matte.colour - true[:3, 0, 500], torch.tensor([0.3, 0.1, 0.9]))
    drawn[:, :, 40:-20] += (across / across.norm() * 0.04)[:, None, None]
    alpha = take_out(drawn.clamp(0, 1), matte)[3, :, 50:-30]
    assert alpha.max() - alpha.min() < 0.01
    assert alpha.max() < 0.9
