"""Takes the matte out of drawn frames: what was clear becomes clear, soft edges are unmixed.

Every pixel is a mixture of the matte and one colour of the drawing. As the matte is far from all
of these, both can be found: the colour whose line to the matte passes the pixel, and how far along
it lies. So holes within a figure come out, thin lines that no pixel shows in full, and soft
shadows; and no colour keeps the matte's tinge.

Legend: h w space, n pixels, p colours of the palette. Values are sRGB in [0, 1].
"""

import torch
from einops import rearrange
from torch import Tensor
from torch.nn.functional import max_pool2d

from .matte import Matte

KNOWN = 0.07
"""How far a pixel is from a colour of the palette that it shows in full, as a length in RGB."""
UNEXPLAINED = 0.12
"""How far from every line a pixel lies that is no mixture: a new colour, which is opaque."""
LEAST, MOST = 0.06, 0.94
"""Alpha that counts as none and as full."""
SURELY_CLEAR = 0.6
"""A mixture with less of the drawing than this is one wherever it is; one with more only where it
touches what is clear, or is a mixture to ``CLOSE``: there is texture that looks like it."""
CLOSE = 0.02
"""How far from its line a mixture lies that is one also within the drawing, as glass in a frame."""
NEIGHBOURHOOD = 4
"""Pixels around an edge in which its colour is looked for."""
_FOR_NEIGHBOUR = 0.08
_CHUNK = 1 << 16


def take_out(frame: Tensor, matte: Matte) -> Tensor:
    """A frame ``3 h w`` that was drawn on a matte, as ``4 h w`` with straight alpha."""
    height, width = frame.shape[1:]
    pixels = rearrange(frame.float().cpu().clamp(0, 1), "c h w -> (h w) c")
    off = torch.cat([torch.cdist(part, matte.palette).amin(1) for part in pixels.split(_CHUNK)])
    to_matte = (pixels - matte.colour).norm(dim=1)
    is_full = (off < KNOWN) & (off < to_matte)
    near, has_near = _nearby(pixels, is_full, height, width)
    parts = [
        _unmix(*each, matte)
        for each in zip(
            pixels.split(_CHUNK), near.split(_CHUNK), has_near.split(_CHUNK), strict=True
        )
    ]
    alpha, colours, is_close = (torch.cat(each) for each in zip(*parts, strict=True))
    alpha = torch.where(is_full, 1.0, alpha)
    is_mixture = _is_open(alpha, height, width) | (alpha < SURELY_CLEAR) | is_close
    is_texture = ~is_mixture & (alpha < MOST)
    alpha = torch.where(is_mixture, alpha, 1.0)
    alpha = ((alpha - LEAST) / (MOST - LEAST)).clamp(0, 1)
    clear = (1 - alpha)[:, None]
    unmixed = ((pixels - clear * matte.colour) / alpha.clamp_min(1e-3)[:, None]).clamp(0, 1)
    # The clearer, the less a pixel says of its colour, and the more of the noise would show.
    shown = torch.where(alpha[:, None] < 1, torch.lerp(colours, unmixed, alpha[:, None]), pixels)
    # What is opaque after all must not keep the matte's tinge either.
    shown = torch.where(is_texture[:, None], colours, shown)
    shown = shown * (alpha > 0)[:, None]
    rgba = torch.cat([shown, alpha[:, None]], dim=1)
    return rearrange(rgba, "(h w) c -> c h w", h=height, w=width)


def _unmix(
    pixels: Tensor, near: Tensor, has_near: Tensor, matte: Matte
) -> tuple[Tensor, Tensor, Tensor]:
    """Alpha and colour of pixels ``n 3``, and whether each is closely a mixture of that colour.

    ``near`` is the colour around each that is shown in full.
    """
    lines = matte.palette - matte.colour
    from_matte = pixels - matte.colour
    along = ((from_matte @ lines.T) / (lines**2).sum(dim=1)).clamp(0, 1)
    # |x - a v|² in parts: n p 3 would be large.
    squares = (
        (from_matte**2).sum(1, keepdim=True)
        - 2 * along * (from_matte @ lines.T)
        + along**2 * (lines**2).sum(dim=1)
    )
    off = squares.clamp_min(0).sqrt()
    cost = off + _FOR_NEIGHBOUR * torch.cdist(near, matte.palette) * has_near[:, None]
    chosen = cost.argmin(dim=1, keepdim=True)
    alpha = along.gather(1, chosen)[:, 0]
    is_new = off.amin(dim=1) > UNEXPLAINED
    is_close = off.gather(1, chosen)[:, 0] < CLOSE
    return torch.where(is_new, 1.0, alpha), matte.palette[chosen[:, 0]], is_close


def _nearby(pixels: Tensor, is_full: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """For each pixel the colour of the nearest that are shown in full, and whether there is one."""
    grid = rearrange(pixels, "(h w) c -> 1 c h w", h=height)
    known = is_full.float().reshape(1, 1, height, width)
    colours = grid * known
    for _ in range(NEIGHBOURHOOD):
        count, total = (_sum_around(each) for each in (known, colours))
        is_new = (known == 0) & (count > 0)
        colours = torch.where(is_new, total / count.clamp_min(1), colours)
        known = torch.where(is_new, 1.0, known)
    return rearrange(colours, "1 c h w -> (h w) c"), known.reshape(-1) > 0


def _sum_around(grid: Tensor) -> Tensor:
    kernel = torch.ones(grid.shape[1], 1, 3, 3)
    return torch.nn.functional.conv2d(grid, kernel, padding=1, groups=grid.shape[1])


def _is_open(alpha: Tensor, height: int, width: int) -> Tensor:
    """Whether a pixel that is not full touches what is clear, over others that are not full."""
    partly = (alpha < MOST).reshape(height, width)
    reached = (alpha < LEAST).reshape(height, width)
    while True:
        around = max_pool2d(reached[None, None].float(), 3, stride=1, padding=1)[0, 0] > 0
        further = _along_rows(around & partly, partly)
        further = _along_rows(further.T, partly.T).T
        if torch.equal(further, reached):
            return reached.reshape(-1)
        reached = further


def _along_rows(reached: Tensor, partly: Tensor) -> Tensor:
    """The runs of ``partly`` in each row ``h w`` of which some pixel is reached, whole."""
    begins = partly.clone()
    begins[:, 1:] &= ~partly[:, :-1]
    numbers = begins.flatten().cumsum(0).reshape(partly.shape)
    is_reached = torch.zeros(int(numbers[-1, -1]) + 1, dtype=torch.bool)
    is_reached[numbers[reached]] = True
    return is_reached[numbers] & partly
