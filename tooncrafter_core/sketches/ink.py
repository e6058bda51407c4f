"""Separates a drawing's ink from its background: finds the polarity and the background's colour.

Legend: c channels, h w space, n samples. Pictures are ``1 c h w`` in [0, 1].
"""

from math import gcd

import torch
from einops import rearrange, reduce
from torch import Tensor
from torch.nn import functional as F

LARGEST_SAMPLE = 2**18
"""Largest number of pixels, evenly spread, that statistics are computed from."""

SURFACE_SAMPLES = 2**13
SURFACE_TOLERANCES = (0.4, 0.25, 0.15, 0.1, 0.06)
"""Largest distance of background pixels from the fitted surface, from the first fit to the last."""

EVENNESS = 0.004
"""A background that differs less from its surface is even: about one step of 8 bits."""

SMALL_SIDE = 160
"""Short side, in pixels, of the reduced picture for large scales."""

FEW_LINES = 0.03
"""If nearly all of a picture differs by less than this, ink covers hardly any of it."""

DARKEST_PAPER = 0.1

DIRECTIONS = 8
"""Number of directions in which lines are looked for."""


def quantile(values: Tensor, share: float) -> Tensor:
    """The value below which a share of all values lies, from an even sample of many."""
    flat = values.flatten()
    return flat[:: _stride(len(flat), LARGEST_SAMPLE, values.shape[-1])].quantile(share)


def border(pixels: Tensor) -> Tensor:
    """The outermost pixels of ``1 c h w``, flat."""
    sides = (pixels[..., 0, :], pixels[..., -1, :], pixels[..., :, 0], pixels[..., :, -1])
    return torch.cat([side.flatten() for side in sides])


def is_dark_on_light(pixels: Tensor) -> bool:
    """Whether the lines are darker than the background.

    Three measures vote between -1 and 1: the brightness of most pixels, the brightness of the
    border, and whether outliers are darker or lighter than their surroundings. The last one works
    on uneven backgrounds and next to large filled areas; the others work where lines are dense.
    """
    grey = reduce(pixels, "1 c h w -> 1 1 h w", "mean")
    low, high = quantile(grey, 0.005), quantile(grey, 0.995)
    if high - low < FEW_LINES:
        low, high = grey.aminmax()
    spread = (high - low).clamp(min=1e-6)
    votes = [2 * (value - low) / spread - 1 for value in (grey.median(), border(grey).median())]
    height, width = grey.shape[-2:]
    surroundings = F.interpolate(_blurred(shrunk(grey)), (height, width), mode="bilinear")
    departures = grey - surroundings
    departures = departures - departures.mean()
    skewness = departures.pow(3).mean() / departures.square().mean().clamp(min=1e-8).pow(1.5)
    return bool(torch.stack([*votes, -skewness]).clamp(-1, 1).sum() >= 0)


def background_of(light: Tensor) -> Tensor:
    """The background colour ``1 c h w`` at every pixel of a drawing that is darker than it.

    A smooth surface is fitted to what is not ink. It follows uneven light but not large filled
    areas. Where the background is uneven, a blur of background pixels alone adds what the surface
    cannot follow.
    """
    surface, samples = _fit_surface(light)
    if samples.median() <= EVENNESS:
        return surface.clamp(DARKEST_PAPER, 1)
    deviation = (light - surface).abs().amax(dim=1, keepdim=True)
    is_background = (deviation < SURFACE_TOLERANCES[-1]).to(light)
    offsets, shares = (
        _blurred(shrunk(x)) for x in ((light - surface) * is_background, is_background)
    )
    # The constant leads back to the surface where there is hardly any background.
    local = F.interpolate(offsets / (shares + 0.05), light.shape[-2:], mode="bicubic")
    return (surface + local).clamp(DARKEST_PAPER, 1)


def shrunk(pixels: Tensor) -> Tensor:
    """The picture with a short side of ``SMALL_SIDE`` at most."""
    height, width = pixels.shape[-2:]
    scale = SMALL_SIDE / min(height, width)
    if scale >= 1:
        return pixels
    size = (max(round(height * scale), 1), max(round(width * scale), 1))
    return F.interpolate(pixels, size, mode="area")


def along_lines(ink: Tensor, reach: int, step: int = 1) -> Tensor:
    """The mean ink of a pixel's neighbours along the line, in whichever direction has most.

    ``ink`` is ``1 1 h w``; ``reach`` neighbours are looked at on either side, ``step`` pixels
    apart. A line keeps its strength, a speck has none.
    """
    places = torch.linspace(-1, 1, 2 * reach + 1)
    padded = F.pad(ink, (reach * step,) * 4, mode="replicate")
    most = torch.zeros_like(ink)
    for angle in torch.arange(DIRECTIONS) / DIRECTIONS * torch.pi:
        kernel = torch.zeros(len(places), len(places))
        rows = (reach * (1 + places * angle.sin())).round().long()
        columns = (reach * (1 + places * angle.cos())).round().long()
        kernel[rows, columns] = 1
        kernel[reach, reach] = 0
        weight = rearrange(kernel / kernel.sum(), "h w -> 1 1 h w").to(ink)
        most = torch.maximum(most, F.conv2d(padded, weight, dilation=step))
    return most


def _fit_surface(light: Tensor) -> tuple[Tensor, Tensor]:
    """A quadratic surface through the background, and its samples' distances from it."""
    height, width = light.shape[-2:]
    y = torch.linspace(-1, 1, height, dtype=torch.float64)
    x = torch.linspace(-1, 1, width, dtype=torch.float64)
    places = torch.arange(0, height * width, _stride(height * width, SURFACE_SAMPLES, width))
    colours = rearrange(light, "1 c h w -> (h w) c")[places.to(light.device)].cpu().double()
    basis = torch.stack(_quadratic(y[places // width], x[places % width]), dim=1)
    weights = _fit_background(basis, colours)
    deviation = (colours - basis @ weights).abs().amax(dim=1)
    background = deviation[deviation < SURFACE_TOLERANCES[-1]]
    terms = _quadratic(y.to(light)[:, None], x.to(light)[None])
    channels = [
        sum((w * term for w, term in zip(ws, terms, strict=True)), torch.zeros_like(light[0, 0]))
        for ws in weights.T.to(light)
    ]
    return rearrange(channels, "c h w -> 1 c h w"), background if len(background) else deviation


def _quadratic(y: Tensor, x: Tensor) -> list[Tensor]:
    """The terms of a quadratic surface."""
    return [torch.ones_like(x), x, y, x * x, x * y, y * y]


def _fit_background(basis: Tensor, colours: Tensor) -> Tensor:
    """Weights ``k c`` of the terms ``n k``, fitted repeatedly to colours ``n c`` without ink.

    It starts from the colour of the lighter half; each fit drops what is far from the last one.
    """
    grey = colours.mean(dim=1)
    middle = (grey.quantile(0.01) + grey.quantile(0.99)) / 2
    start = colours[grey >= middle].median(dim=0).values
    # A little regularisation keeps the surface flat where hardly any background is visible.
    resistance = torch.full((basis.shape[1],), 1e-3).to(basis)
    resistance[0] = 1e-9
    resistance = torch.diag(resistance * len(basis))
    weights = torch.zeros(basis.shape[1], colours.shape[1]).to(colours)
    for tolerance in SURFACE_TOLERANCES:
        deviation = (colours - start - basis @ weights).abs().amax(dim=1)
        seen = basis * (deviation < tolerance).to(basis)[:, None]
        weights = torch.linalg.solve(seen.T @ basis + resistance, seen.T @ (colours - start))
    weights[0] += start
    return weights


def _stride(count: int, most: int, width: int) -> int:
    """A step through rows of pixels that takes few of them, and not always the same columns."""
    stride = max(1, count // most)
    while gcd(stride, width) > 1:
        stride += 1
    return stride


def _blurred(pixels: Tensor) -> Tensor:
    """The picture without anything smaller than a tenth of its short side."""
    from kornia.filters import gaussian_blur2d

    short = min(pixels.shape[-2:])
    sigma = max(short / 12, 0.5)
    size = 2 * min(round(3 * sigma), (short - 1) // 2) + 1
    return gaussian_blur2d(pixels, size, (sigma, sigma), "replicate")
