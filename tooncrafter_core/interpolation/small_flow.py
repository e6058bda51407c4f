"""Dense optical flow between drawings that differ by a few pixels, without weights.

Least squares in windows, from coarse to fine (Lucas and Kanade, "An iterative image registration
technique", IJCAI 1981). It is exact for what slides, and reaches into what stands around that:
see ``explained``.

Legend: n pictures (1), c channels, h w space; pictures in [-1, 1], flow in pixels, x before y.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from ..models.motion.warping import warp

ROUNDS = 4
"""Corrections of the flow at each size."""
WINDOW = 3.0
"""Standard deviation in pixels of the window that has one motion."""
STIFFNESS = 2e-3
"""What counts against motion where a window shows no edge that would prove it."""
LONGEST_STEP = 2.0
"""Pixels of one correction; beyond, the picture is no longer nearly linear."""
SMALLEST_SIDE = 32
"""Pixels of the coarsest size, each of which is half of the one before: what moves a share of the
picture moves the same few pixels there, whatever the picture's size."""


def blurred(x: Tensor, deviation: float) -> Tensor:
    """``n c h w`` under a Gaussian; beyond the edges lie the pixels of the edges."""
    reach = int(3 * deviation) + 1
    weights = torch.exp(-(torch.arange(-reach, reach + 1).to(x) ** 2) / (2 * deviation**2))
    weights = weights / weights.sum()
    channels = x.shape[1]
    across = weights.view(1, 1, 1, -1).repeat(channels, 1, 1, 1)
    down = weights.view(1, 1, -1, 1).repeat(channels, 1, 1, 1)
    x = F.conv2d(F.pad(x, (reach, reach, 0, 0), mode="replicate"), across, groups=channels)
    return F.conv2d(F.pad(x, (0, 0, reach, reach), mode="replicate"), down, groups=channels)


def small_flow(one: Tensor, other: Tensor) -> Tensor:
    """Where in ``other`` each pixel of ``one`` lies: ``1 2 h w`` from ``1 c h w`` twice.

    It finds ways of up to a twelfth of the shorter side; where nothing moves it is 0 to the bit.
    """
    sizes = [(one, other)]
    while min(sizes[-1][0].shape[-2:]) >= 2 * SMALLEST_SIDE:
        first, second = (F.avg_pool2d(blurred(picture, 0.7), 2) for picture in sizes[-1])
        sizes.append((first, second))
    flow = torch.zeros_like(sizes[-1][0][:, :2])
    for first, second in reversed(sizes):
        size = first.shape[-2:]
        if flow.shape[-2:] != size:
            flow = 2 * F.interpolate(flow, size=size, mode="bilinear")
        for _ in range(ROUNDS):
            flow = blurred(flow + _correction(first, warp(second, flow)), 1.0)
    return flow


def _correction(first: Tensor, fetched: Tensor) -> Tensor:
    """How much further each pixel went, by the slopes and the difference of both pictures."""
    middle, gone = (first + fetched) / 2, fetched - first
    across = (middle.roll(-1, 3) - middle.roll(1, 3)) / 2
    down = (middle.roll(-1, 2) - middle.roll(1, 2)) / 2
    products = [across**2, across * down, down**2, across * gone, down * gone]
    sums = torch.cat([product.sum(1, keepdim=True) for product in products], dim=1)
    xx, xy, yy, xt, yt = blurred(sums, WINDOW).split(1, dim=1)
    xx, yy = xx + STIFFNESS, yy + STIFFNESS
    area = xx * yy - xy**2
    step = torch.cat([xy * yt - yy * xt, xy * xt - xx * yt], dim=1) / area
    return step.clamp(-LONGEST_STEP, LONGEST_STEP)


def explained(one: Tensor, other: Tensor, flow: Tensor) -> Tensor:
    """How far a flow can be trusted, ``1 1 h w`` from 0 to 1: by the difference it explains.

    It is 0 where the pictures fit no better along the flow than as they lie, and where they are
    equal; 1 where half of the difference or more is gone.
    """
    whole, left = (
        blurred((picture - one).abs().mean(1, keepdim=True), 2.0)
        for picture in (other, warp(other, flow))
    )
    return (2 * (whole - left) / (whole + 1e-3)).clamp(0, 1)


def moved(picture: Tensor, bend: Tensor) -> Tensor:
    """A picture ``1 c h w`` whose pixels went ``bend``, ``1 2 h w``.

    The field is read where they arrive: see ``carried``.
    """
    return warp(picture, -bend, is_sharp=True)


def carried(field: Tensor, way: Tensor, weight: Tensor) -> Tensor:
    """A field ``1 n h w`` that goes along with the pixels that it belongs to.

    Each pixel goes ``way``, ``1 2 h w``; where several arrive, those of greater ``weight``,
    ``1 1 h w``, count for more. Where none arrives the field is that of the pixels around.
    """
    height, width = field.shape[-2:]
    rows = torch.arange(height, device=field.device).view(-1, 1)
    columns = torch.arange(width, device=field.device).view(1, -1)
    x, y = (columns + way[0, 0]).round().long(), (rows + way[0, 1]).round().long()
    is_inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    places = (y * width + x)[is_inside]
    weighted = torch.cat([weight, weight * field], dim=1)[0][:, is_inside]
    sums = torch.zeros(len(weighted), height * width, dtype=field.dtype, device=field.device)
    sums.index_add_(1, places, weighted)
    sums = blurred(sums.view(1, -1, height, width), 1.5)
    return sums[:, 1:] / (sums[:, :1] + 1e-6)
