"""Softmax splatting: moves pixels forward along a flow, the important ones on top.

Niklaus and Liu, "Softmax Splatting for Video Frame Interpolation", CVPR 2020; in plain torch.

Legend: b batch, c channels, h w space; flows in pixels, x then y.
"""

import torch
from einops import rearrange
from torch import Tensor

EPSILON = 1e-7


def splat(x: Tensor, flow: Tensor) -> Tensor:
    """Add every pixel of ``b c h w`` to the four pixels around where ``flow`` takes it.

    Each gets its bilinear share; what leaves the picture is lost. Shapes: ``b c h w``,
    ``b 2 h w`` to ``b c h w``.
    """
    batch, channels, height, width = x.shape
    ys, xs = torch.meshgrid(
        torch.arange(height, device=x.device), torch.arange(width, device=x.device), indexing="ij"
    )
    to_x, to_y = xs + flow[:, 0], ys + flow[:, 1]
    left, top = to_x.floor(), to_y.floor()
    source = rearrange(x, "b c h w -> (b h w) c")
    result = x.new_zeros(batch * height * width, channels)
    first_of_item = rearrange(torch.arange(batch, device=x.device), "b -> b 1 1") * height * width
    for right in (0, 1):
        for down in (0, 1):
            column, row = left + right, top + down
            share = (1 - (to_x - column).abs()) * (1 - (to_y - row).abs())
            # Comparisons with what is not a number are false, so such a flow is lost as well.
            inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
            index = (first_of_item + row.nan_to_num() * width + column.nan_to_num())[inside].long()
            result.index_add_(0, index, source[inside.flatten()] * share[inside][:, None])
    return rearrange(result, "(b h w) c -> b c h w", b=batch, h=height)


def softsplat(x: Tensor, flow: Tensor, importance: Tensor, strMode: str = "soft") -> Tensor:  # noqa: N803
    """Splat and normalise by the importance that arrived, ``b 1 h w``; holes stay 0.

    ``strMode`` is there because GMFSS passes it; only ``soft`` is known.
    """
    if strMode != "soft":
        raise ValueError(f"Only soft splatting is known here, not '{strMode}'.")
    weight = importance.float().exp()
    moved = splat(torch.cat([x.float() * weight, weight], 1), flow.float())
    return (moved[:, :-1] / (moved[:, -1:] + EPSILON)).to(x.dtype)
