"""Every kernel once on a card, before anything relies on it.

Legend: n samples, s rows, c channels.
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from ..subpixel import combined, woven

SAMPLES, ROWS, CHANNELS, GROUPS, FRAMES, HEADS = 2, 24, 128, 4, 6, 2
EPS = 1e-5


def worst_difference(device: torch.device, dtype: torch.dtype) -> float:
    """How far the kernels are from torch's operations on the CPU, relative; NaN counts as far.

    Each is called twice: from the second call on it is launched in another way. Whatever Triton
    raises is raised here.
    """
    worst = 0.0
    for seed in (1, 2):
        for found, expected in _results(device, dtype, seed):
            difference = (_plain(found) - expected).norm() / expected.norm()
            worst = max(worst, float(difference.nan_to_num(nan=torch.inf)))
    return worst


def _plain(x: Tensor) -> Tensor:
    # On the CPU float32 is float32, whatever a card is set to for TF32.
    return x.cpu().float()


def _results(
    device: torch.device, dtype: torch.dtype, seed: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Pairs of what a kernel gives and what it should."""
    from . import calls as launch

    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator).to(device, dtype)

    sizes = SAMPLES, ROWS, CHANNELS
    x, y = draw(*sizes), draw(*sizes)
    weight, bias, offset, share = draw(CHANNELS), draw(CHANNELS), draw(CHANNELS), draw(1)
    affine = launch.group_affine(x, sizes, GROUPS, weight, bias, EPS, offset)
    normed = F.group_norm(
        rearrange(_plain(x) + _plain(offset), "n s c -> n c s"), GROUPS, _plain(weight),
        _plain(bias), EPS,
    )  # fmt: skip
    expected = rearrange(F.silu(normed), "n c s -> n s c")
    yield launch.normalize(x, sizes, affine, torch.empty_like(x), silu=True), expected
    turned = rearrange(expected, "n (t p) c -> n (p t) c", t=FRAMES)
    out = torch.empty_like(x)
    yield launch.normalize(x, sizes, affine, out, silu=True, num_frames=FRAMES), turned

    total = (_plain(x) + _plain(y)).to(dtype).float()
    summed, normed = launch.layer_norm(x, weight, bias, EPS, y)
    yield summed, total
    yield normed, F.layer_norm(total, (CHANNELS,), _plain(weight), _plain(bias), EPS)
    value, gate = _plain(x).chunk(2, dim=-1)
    yield launch.gated_gelu(x), value * F.gelu(gate)
    mixed = launch.add(x, y, sizes, torch.empty_like(x), offset=offset, share=share)
    yield mixed, _plain(x) + _plain(share) * (_plain(y) + _plain(offset))

    kernel = rearrange(draw(CHANNELS, 3, 3, HEADS), "o k l i -> o i k l")
    four = launch.combine(kernel, draw(4 * CHANNELS, 2, 2, HEADS))
    yield rearrange(four, "o k l i -> o i k l"), combined(_plain(kernel))
    parts = draw(SAMPLES, 4, 6, 4 * CHANNELS)
    picture = launch.weave(parts, bias, draw(SAMPLES, 6, 10, CHANNELS))
    expected = woven(rearrange(_plain(parts), "n h w c -> n c h w"))
    yield picture, rearrange(expected, "n c h w -> n h w c") + _plain(bias)

    for tokens in launch.SHORT_LENGTHS:
        q, k, v = (draw(SAMPLES, tokens, CHANNELS) for _ in "qkv")
        heads = (rearrange(_plain(z), "b n (h d) -> b h n d", h=HEADS) for z in (q, k, v))
        attended = F.scaled_dot_product_attention(*heads)  # pyright: ignore[reportArgumentType]
        expected = rearrange(attended, "b h n d -> b n (h d)")
        yield launch.short_attention(q, k, v, HEADS), expected
