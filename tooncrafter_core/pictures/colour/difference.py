"""How different two colours look: CIE Lab and CIEDE2000.

The formula and its test pairs: Sharma, Wu, Dalal, "The CIEDE2000 color-difference formula", 2005.
"""

import math

import torch
from einops import rearrange
from torch import Tensor

FULL_TURN = 2 * math.pi
_SATURATED = 25.0**7


def to_lab(colours: Tensor) -> Tensor:
    """Colours ``... 3`` in sRGB, [0, 1], as CIE Lab under D65, float32."""
    from kornia.color import rgb_to_lab

    shape = colours.shape
    pixels = rearrange(colours.float().reshape(-1, 3), "n c -> 1 c n 1")
    return rearrange(rgb_to_lab(pixels), "1 c n 1 -> n c").reshape(shape)


def colour_difference(one: Tensor, other: Tensor) -> Tensor:
    """CIEDE2000 of colours ``... 3`` in sRGB, [0, 1]; 1 can just be seen."""
    return ciede2000(to_lab(one), to_lab(other))


def ciede2000(one: Tensor, other: Tensor) -> Tensor:
    """The difference of Lab colours ``... 3``, as CIEDE2000 with weights of 1; gives ``...``."""
    light_1, a_1, b_1 = one.unbind(-1)
    light_2, a_2, b_2 = other.unbind(-1)
    stretch = 1.5 - _share_of_seventh((torch.hypot(a_1, b_1) + torch.hypot(a_2, b_2)) / 2) / 2
    chroma_1, hue_1 = _polar(a_1 * stretch, b_1)
    chroma_2, hue_2 = _polar(a_2 * stretch, b_2)
    has_hue = chroma_1 * chroma_2 > 0
    turn = torch.where(has_hue, _nearer_way(hue_2 - hue_1), 0.0)
    light, chroma = (light_1 + light_2) / 2, (chroma_1 + chroma_2) / 2
    hue = torch.where(has_hue, _mean_hue(hue_1, hue_2), hue_1 + hue_2)

    tone = (
        1
        - 0.17 * torch.cos(hue - math.radians(30))
        + 0.24 * torch.cos(2 * hue)
        + 0.32 * torch.cos(3 * hue + math.radians(6))
        - 0.20 * torch.cos(4 * hue - math.radians(63))
    )
    from_middle = (light - 50) ** 2
    by_light = (light_2 - light_1) / (1 + 0.015 * from_middle / torch.sqrt(20 + from_middle))
    by_chroma = (chroma_2 - chroma_1) / (1 + 0.045 * chroma)
    by_hue = 2 * torch.sqrt(chroma_1 * chroma_2) * torch.sin(turn / 2)
    by_hue = by_hue / (1 + 0.015 * chroma * tone)
    blue = math.radians(30) * torch.exp(-(((torch.rad2deg(hue) - 275) / 25) ** 2))
    rotation = -2 * _share_of_seventh(chroma) * torch.sin(2 * blue)
    total = by_light**2 + by_chroma**2 + by_hue**2 + rotation * by_chroma * by_hue
    return torch.sqrt(total.clamp_min(0))


def _share_of_seventh(chroma: Tensor) -> Tensor:
    """The root of how large the 7th power of a chroma is against that of 25."""
    seventh = chroma**7
    return torch.sqrt(seventh / (seventh + _SATURATED))


def _polar(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Chroma, and hue from 0 to a full turn."""
    return torch.hypot(a, b), torch.atan2(b, a) % FULL_TURN


def _nearer_way(turn: Tensor) -> Tensor:
    """A difference of two hues by the way that is at most half a turn."""
    turn = torch.where(turn > math.pi, turn - FULL_TURN, turn)
    return torch.where(turn < -math.pi, turn + FULL_TURN, turn)


def _mean_hue(one: Tensor, other: Tensor) -> Tensor:
    """The hue in the middle of the nearer way."""
    total = one + other
    is_near = (one - other).abs() <= math.pi
    around = torch.where(total < FULL_TURN, total + FULL_TURN, total - FULL_TURN)
    return torch.where(is_near, total, around) / 2
