"""What the fused kernels must compute, by torch's own operations in float32 or float64.

As a program it has Triton's interpreter compute them on the CPU and reports which are wrong.
"""

import sys
from collections.abc import Callable, Iterator
from itertools import product
from types import ModuleType
from typing import NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from support.networks import normal

TOLERANCES = {torch.float32: 2e-6, torch.float16: 1e-3, torch.bfloat16: 8e-3}
"""Of the norm of the difference to the norm: rounding to each precision once, or truncating."""

SAMPLES = ((2, 70, 20, 4, 7), (1, 130, 96, 32, 13))
"""Samples, rows, channels, groups, frames: with rows and channels that fill no tile."""


class Case(NamedTuple):
    """A call, and what it should give."""

    name: str
    found: Callable[[], Tensor]
    expected: Tensor


def deviation(found: Tensor, expected: Tensor) -> float:
    """Of all values together, relative."""
    return float((found.float() - expected).norm() / expected.norm())


def wrong_cases(launch: ModuleType, device: torch.device, calls: int = 1) -> tuple[int, list[str]]:
    """How many were computed in all precisions, and those that are wrong; each ``calls`` times."""
    number, wrong = 0, []
    for dtype, tolerance in TOLERANCES.items():
        for case in cases(launch, dtype, device):
            for call in range(calls):
                difference = deviation(case.found(), case.expected)
                number += 1
                if not difference < tolerance:
                    wrong.append(f"{dtype}, {case.name}, call {call}: off by {difference:.2g}")
    return number, wrong


def cases(launch: ModuleType, dtype: torch.dtype, device: torch.device) -> Iterator[Case]:
    """Every kernel on sizes that fill its tiles and that do not."""

    def draw(*shape: int, seed: int) -> Tensor:
        return normal(*shape, seed=seed).to(device, dtype)

    for sizes in SAMPLES:
        yield from _norms(launch, draw, *sizes)
        yield from _pointwise(launch, draw, *sizes)
    yield from _enlarging(launch, draw)
    if device.type == "cpu" and dtype == torch.bfloat16:
        return  # Triton's interpreter cannot multiply matrices of it
    for tokens, heads, size in ((5, 3, 16), (16, 5, 64), (40, 2, 32)):
        # As a projection of more than is needed gives them: strides that are not the shape's.
        q, k, v = draw(6, tokens, 3 * heads * size, seed=tokens).chunk(3, dim=-1)
        apart = [rearrange(x.float(), "b n (h d) -> b h n d", h=heads) for x in (q, k, v)]
        expected = rearrange(F.scaled_dot_product_attention(*apart), "b h n d -> b n (h d)")
        yield Case(
            f"attention among {tokens}",
            lambda q=q, k=k, v=v, heads=heads: launch.short_attention(q, k, v, heads), expected,
        )  # fmt: skip


def _norms(
    launch: ModuleType, draw: Callable[..., Tensor], samples: int, rows: int, channels: int,
    groups: int, frames: int,
) -> Iterator[Case]:  # fmt: skip
    sizes = samples, rows, channels
    # Means far from zero, where squares of values would cancel.
    x = draw(*sizes, seed=1) * 2 + 25
    weight, bias = draw(channels, seed=2), draw(channels, seed=3)
    offsets = None, draw(channels, seed=4), draw(samples, channels, seed=5)
    for offset, over_time, silu in product(offsets, (0, frames), (False, True)):
        # In float64: with such means a norm in float32 has as large an error as it may find.
        added = 0 if offset is None else offset.double().reshape(-1, 1, channels)
        normed = F.group_norm(
            rearrange(x.double() + added, "n s c -> n c s"), groups, weight.double(), bias.double()
        )
        expected = rearrange(F.silu(normed) if silu else normed, "n c s -> n s c")
        if over_time:
            expected = rearrange(expected, "n (t p) c -> n (p t) c", t=over_time)

        def found(offset: Tensor | None = offset, frames: int = over_time, silu: bool = silu):  # noqa: ANN202
            affine = launch.group_affine(x, sizes, groups, weight, bias, 1e-5, offset)
            out = torch.empty_like(x)
            return launch.normalize(x, sizes, affine, out, silu=silu, num_frames=frames)

        kind = "no offset" if offset is None else f"offset {tuple(offset.shape)}"
        yield Case(f"group norm of {sizes}, {kind}, {over_time}, {silu}", found, expected)


def _pointwise(
    launch: ModuleType, draw: Callable[..., Tensor], samples: int, rows: int, channels: int,
    groups: int, frames: int,
) -> Iterator[Case]:  # fmt: skip
    del groups
    sizes = samples, rows, channels
    x, y = draw(*sizes, seed=6) + 3, draw(*sizes, seed=7)
    weight, bias, share = draw(channels, seed=8), draw(channels, seed=9), draw(1, seed=10)
    total = (x.float() + y.float()).to(x.dtype).float()
    # Of the kernel's own sum, whose rounding a norm would enlarge by how far the mean is from zero.
    summed = launch.layer_norm(x, weight, bias, 1e-5, y)[0]
    normed, alone = (
        F.layer_norm(of.double(), (channels,), weight.double(), bias.double()) for of in (summed, x)
    )
    yield Case("sum", lambda: launch.layer_norm(x, weight, bias, 1e-5, y)[0], total)
    yield Case("norm of a sum", lambda: launch.layer_norm(x, weight, bias, 1e-5, y)[1], normed)
    yield Case("layer norm", lambda: launch.layer_norm(x, weight, bias, 1e-5)[1], alone)
    both = torch.cat([x, y], dim=-1)
    gated = x.float() * F.gelu(y.float())
    yield Case("gated GELU", lambda: launch.gated_gelu(both), gated)
    expected = x.float() + share.float() * (y.float() + bias.float())
    yield Case(
        "mix",
        lambda: launch.add(x, y, sizes, torch.empty_like(x), offset=bias, share=share), expected,
    )  # fmt: skip
    turned = rearrange(y.float(), "n (p t) c -> n (t p) c", t=frames)
    yield Case(
        "sum over time",
        lambda: launch.add(x, y, sizes, torch.empty_like(x), num_frames=frames),
        x.float() + turned,
    )


def _enlarging(launch: ModuleType, draw: Callable[..., Tensor]) -> Iterator[Case]:
    for outputs, inputs, height, width in ((20, 70, 3, 5), (64, 1100, 6, 1)):
        kernel = draw(outputs, 3, 3, inputs, seed=11)
        flat = rearrange(kernel, "o k l i -> o i k l")
        # Each place of a pixel joins the rows, and the columns, that fall on the same pixel.
        joins = (((0,), (1, 2)), ((0, 1), (2,)))
        rows = torch.stack(
            [kernel.float()[:, list(row)].sum(1) for a in joins for row in a], dim=1
        ).unflatten(1, (2, 2))
        both = torch.stack(
            [rows[..., list(column), :].sum(-2) for b in joins for column in b], dim=-2
        ).unflatten(-2, (2, 2))
        expected = rearrange(both, "o a k b l i -> (a b o) k l i")
        yield Case(
            f"kernels of {outputs}, {inputs}",
            lambda flat=flat, like=expected: launch.combine(
                flat, torch.empty_like(like, dtype=flat.dtype)
            ), expected,
        )  # fmt: skip
        parts = draw(3, height + 1, width + 1, 4 * outputs, seed=12)
        bias = draw(outputs, seed=13)
        places = parts.float().unflatten(-1, (2, 2, outputs))
        expected = torch.stack([
            places[:, a : a + height, b : b + width, a, b] for a in (0, 1) for b in (0, 1)
        ]).unflatten(0, (2, 2))  # fmt: skip
        expected = rearrange(expected, "a b n h w o -> n (h a) (w b) o") + bias.float()
        yield Case(
            f"weaving of {height}x{width}",
            lambda parts=parts, bias=bias, like=expected: launch.weave(
                parts, bias, torch.empty_like(like, dtype=parts.dtype)
            ), expected,
        )  # fmt: skip


def main() -> int:
    """Compute every case on the CPU."""
    from tooncrafter_core.layers.kernels import calls as launch
    from tooncrafter_core.layers.kernels.availability import why_not

    number, wrong = wrong_cases(launch, torch.device("cpu"))
    for dtype in (torch.float32, torch.float16):
        if reason := why_not(torch.device("cpu"), dtype):
            wrong.append(f"the trial in {dtype}: {reason}")
    sys.stdout.write("\n".join([f"{number} cases", *wrong, ""]))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
