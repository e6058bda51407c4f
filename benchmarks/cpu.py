"""Each exact optimisation on the CPU, against a plain twin of the same mathematics.

    python dev.py bench cpu [--out FILE] [--only WORD]

Turn by turn in one process, median of seven. The exit code is 1 when one is over its goal by more
than the noise of a shared machine.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from benchmarks._networks import (
    MEDIUM,
    fill,
    make_autoencoder,
    make_conditions,
    make_denoiser,
    make_references,
)
from benchmarks._plain import PlainOperations, per_frame_text, plain_decoder
from benchmarks._results import Report
from benchmarks._timing import Function, interleaved
from tooncrafter_core.diffusion.guidance import guided_prediction
from tooncrafter_core.interpolation.guided_denoiser import Guidance, GuidedDenoiser
from tooncrafter_core.layers.operations import TORCH_OPERATIONS

CPU, F32 = torch.device("cpu"), torch.float32
PLAIN = PlainOperations()
NOISE = 1.1


class Case(NamedTuple):
    """Two ways to the same numbers."""

    ours: Function
    plain: Function
    shape: str
    goal: float
    """Ours may take this share of the plain time."""
    difference: Callable[[], float]
    """Largest difference of the two results, relative to their size."""


def same(ours: Function, plain: Function) -> Callable[[], float]:
    """The difference of what two functions return."""

    def difference() -> float:
        expected: Tensor = plain()
        return float((ours() - expected).abs().max() / expected.abs().max())

    return difference


def attention(b: int, n: int, m: int, heads: int, goal: float) -> Case:
    """Attention alone, with the published model's numbers of channels."""
    q, k, v = (torch.randn(b, tokens, heads * 64) for tokens in (n, m, m))

    def ours() -> Tensor:
        return TORCH_OPERATIONS.attention(q, k, v, heads)

    def plain() -> Tensor:
        return PLAIN.attention(q, k, v, heads)

    return Case(ours, plain, f"{b}x{n}x{m}, {heads} heads", goal, same(ours, plain))


def temporal_convolution() -> Case:
    """One of the published model's, at its second level."""
    conv = TORCH_OPERATIONS.TemporalConv3d(640, 640, (3, 1, 1), padding=(1, 0, 0))
    fill(conv)
    twin = nn.Conv3d(640, 640, (3, 1, 1), padding=(1, 0, 0))
    twin.load_state_dict(conv.state_dict())
    twin.requires_grad_(False)
    x = torch.randn(1, 640, 16, 10, 16)

    def ours() -> Tensor:
        return conv(x)

    def plain() -> Tensor:
        return twin(x)

    return Case(ours, plain, "1x640x16x10x16", 1.0, same(ours, plain))


def denoiser_step() -> Case:
    """A guided step: one prediction after the other, as without memory for both at once."""
    frames, height, width = 16, 16, 24
    network = make_denoiser(MEDIUM.unet, CPU, F32)
    twin = make_denoiser(MEDIUM.unet, CPU, F32, PLAIN)
    twin.load_state_dict(network.state_dict())
    conditions = make_conditions(MEDIUM, frames, height, width, CPU, F32)
    z = torch.randn(1, 4, frames, height, width)
    denoise = GuidedDenoiser(network, *conditions, Guidance(scale=7.5, rescale=0.7))

    def plain() -> Tensor:
        predictions = [
            twin(
                torch.cat([z, condition.keyframe_latents], dim=1),
                torch.full((1,), 500),
                per_frame_text(condition.text, frames),
                condition.image_tokens,
                condition.motion_fps,
            )
            for condition in conditions
        ]
        return guided_prediction(*predictions, 7.5, 0.7)

    def ours() -> Tensor:
        return denoise(z, 500)

    return Case(ours, plain, f"medium, {frames}x{height}x{width}", 1.0, same(ours, plain))


def encode() -> Case:
    """The two keyframes that count, against all frames of a clip padded with grey."""
    network = make_autoencoder(MEDIUM.autoencoder, CPU, F32)
    images = torch.randn(2, 3, 64, 96)
    clip = torch.cat([images[:1], torch.zeros(14, 3, 64, 96), images[1:]])

    def ours() -> Tensor:
        return network.encode(images).mean

    def plain() -> Tensor:
        return network.encode(clip).mean[[0, -1]]

    return Case(ours, plain, "medium, 64x96, 2 of 16", 0.2, same(ours, plain))


def decode(chunk: int) -> Case:
    """A clip with references, frame chunks and folded queries against the whole at once."""
    frames, height, width = 16, 64, 96
    network = make_autoencoder(MEDIUM.autoencoder, CPU, F32)
    twin = make_autoencoder(MEDIUM.autoencoder, CPU, F32, PLAIN)
    twin.load_state_dict(network.state_dict())
    plain_decoder(twin)
    references = make_references(MEDIUM.autoencoder, height, width, CPU, F32)
    cell = MEDIUM.autoencoder.downsampling
    z = torch.randn(1, 4, frames, height // cell, width // cell)

    def ours() -> Tensor:
        return network.decode(z, references, chunk)

    def plain() -> Tensor:
        return twin.decode(z, references, frames)

    return Case(ours, plain, f"medium, {width}x{height}x{frames}", 1.0, same(ours, plain))


CASES: dict[str, Callable[[], Case]] = {
    "denoiser step": denoiser_step,
    "encode": encode,
    "decode, chunk of 4": lambda: decode(4),
    "spatial attention": lambda: attention(2, 2560, 2560, 5, 0.5),
    "attention over frames": lambda: attention(640, 16, 16, 5, 1.0),
    "attention over frames, deep": lambda: attention(160, 16, 16, 20, 1.0),
    "attention over 48 frames": lambda: attention(160, 48, 48, 5, 1.0),
    "attention to image tokens": lambda: attention(4, 640, 16, 10, 1.0),
    "attention to text": lambda: attention(1, 2560, 77, 10, 1.0),
    "temporal convolution": temporal_convolution,
}
"""What is measured; made one at a time."""


def run(report: Report, names: list[str], runs: int = 7) -> Iterator[str]:
    """Measure, and name what is over its goal."""
    for name in names:
        torch.manual_seed(0)
        case = CASES[name]()
        times = interleaved(case.ours, case.plain, runs)
        report.add(
            name, suite="cpu", shape=case.shape, dtype="float32", device=CPU,
            ratio=round(times.ratio, 3), goal=case.goal, ours_ms=round(times.ours_ms, 2),
            plain_ms=round(times.plain_ms, 2), difference=case.difference(),
        )  # fmt: skip
        if times.ratio > case.goal * NOISE:
            yield f"{name}: {times.ratio:.2f} of the plain time, the goal is {case.goal:g}"


@torch.no_grad()
def main() -> int:
    """Measure the ratios; the exit code says whether all goals hold."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, help="file for the results, one JSON line each")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    names = [name for name in CASES if options.only in name]
    over = list(run(Report(options.out), names, options.runs))
    print("\n".join(over) or "all goals hold")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
