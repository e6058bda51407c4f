"""Flow between drawings that differ by a few pixels, and fields that go along with it."""

import torch
from torch import Tensor
from torch.nn import functional as F

from tooncrafter_core.interpolation.small_flow import carried, explained, moved, small_flow


def disc(x: float, y: float, size: int = 64) -> Tensor:
    """A soft bright disc of radius 10 before a dark chequered background, ``1 3 h w``."""
    rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    distance = ((columns - x) ** 2 + (rows - y) ** 2).sqrt()
    share = (10.5 - distance).clamp(0, 1)
    background = -0.7 + 0.2 * torch.sin(columns * 0.5) * torch.sin(rows * 0.6)
    return (share * 0.9 + (1 - share) * background).expand(1, 3, -1, -1)


def inside(field: Tensor, x: float, y: float) -> Tensor:
    """The mean of a field within eight pixels of a place."""
    rows, columns = torch.meshgrid(*map(torch.arange, field.shape[-2:]), indexing="ij")
    return field[0][:, ((columns - x) ** 2 + (rows - y) ** 2) < 64].mean(1)


def test_the_flow_of_what_slides_is_its_way_and_nothing_where_it_stands() -> None:
    one, other = disc(28, 30), disc(32.5, 28)
    flow = small_flow(one, other)
    # Windows at the disc's edge also see the background: half a pixel is left to them.
    assert (inside(flow, 28, 30) - torch.tensor([4.5, -2.0])).abs().max() < 0.8
    # Around a thing its flow reaches into what stands, where trust has none.
    assert (explained(one, other, flow) * flow)[..., :8].abs().max() < 0.1
    assert (small_flow(disc(28, 30), disc(28, 30)) == 0).all()


def test_a_way_longer_than_the_finest_window_is_found_from_coarse_to_fine() -> None:
    flow = small_flow(disc(26, 32), disc(35, 32))
    assert abs(float(inside(flow, 26, 32)[0]) - 9) < 2


def test_a_larger_picture_has_the_same_motion_in_more_pixels() -> None:
    one, other = (F.interpolate(disc(x, 30), scale_factor=4, mode="bilinear") for x in (26.0, 33.0))
    way = small_flow(one, other)[..., 110:130, 94:114].mean((2, 3))
    # A disc of radius 10 goes 7 of 64 pixels; here 28 of 256, which the finest size alone misses.
    assert abs(float(way[0, 0]) - 28) < 3


def test_pictures_smaller_than_a_window_have_a_flow_too() -> None:
    assert small_flow(disc(4, 4, 9), disc(5, 4, 9)).shape == (1, 2, 9, 9)


def test_trust_is_full_where_the_flow_fits_and_none_where_nothing_does() -> None:
    one, other = disc(28, 30), disc(31, 30)
    flow = small_flow(one, other)
    assert float(inside(explained(one, other, flow), 28, 30)) > 0.6
    noise = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert float(explained(one, noise, small_flow(one, noise)).mean()) < 0.4
    assert (explained(one, one, torch.zeros(1, 2, 64, 64)) == 0).all()


def test_a_bend_moves_the_pixels_by_its_length() -> None:
    bend = torch.zeros(1, 2, 64, 64)
    bend[:, 0] = 3
    shifted = disc(28, 30).roll(3, 3)
    assert (moved(disc(28, 30), bend)[..., 8:-8] - shifted[..., 8:-8]).abs().max() < 1e-4


def test_a_field_goes_along_with_its_pixels_and_the_heavier_wins() -> None:
    rows, columns = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
    is_disc = (((columns - 20) ** 2 + (rows - 32) ** 2) < 100).float().view(1, 1, 64, 64)
    field, way = 2.0 * is_disc, torch.cat([20 * is_disc, 0 * is_disc], dim=1)
    found = carried(field, way, is_disc + 1e-4)
    assert abs(float(inside(found, 40, 32)) - 2) < 0.05
    assert found[..., 32, 2].abs().max() < 1e-3
