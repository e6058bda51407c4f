"""Moving what the keyframes show to where it is between them.

The published model has nothing of this: it draws every frame, which takes a large network. A
small one learns sooner where things go than how they look (``UNetConfig.warps_keyframes``,
``AutoencoderConfig.warps_references``).

Legend: n pictures, t frames, c channels, h w space.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def warp(pictures: Tensor, flow: Tensor, is_sharp: bool = False) -> Tensor:
    """Fetch every cell from where ``flow`` points: the field's backward warping.

    Args:
        pictures: n c h w; cells past their edges are those of the edge.
        flow: n 2 h w, how far to the right and down of a cell lies what is fetched, in cells.
        is_sharp: interpolate between sixteen cells by cubics, which keeps fine texture and may
            go a little beyond the values around; else linearly between four.

    Returns:
        n c h w, float32.
    """
    height, width = flow.shape[-2:]
    flow = flow.float()
    down, right = torch.meshgrid(
        torch.arange(height, device=flow.device, dtype=flow.dtype),
        torch.arange(width, device=flow.device, dtype=flow.dtype),
        indexing="ij",
    )
    # The sampler counts from the outer edges of the picture, -1 to 1.
    x = (2 * (right + flow[:, 0]) + 1) / width - 1
    y = (2 * (down + flow[:, 1]) + 1) / height - 1
    places = torch.stack([x, y], -1)
    mode = "bicubic" if is_sharp else "bilinear"
    # Apple's GPUs lack cubics, and frames are the same on every device.
    where = torch.device("cpu") if is_sharp and flow.device.type == "mps" else flow.device
    moved = F.grid_sample(
        pictures.to(where).float(), places.to(where), mode=mode, padding_mode="border",
        align_corners=False,
    )  # fmt: skip
    return moved.to(flow.device)
