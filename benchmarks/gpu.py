"""The whole suite on a device: stages, memory, end to end, the plain path, a profile of one step.

    python -m benchmarks.gpu --out benchmarks/results/NAME.jsonl

Needs torch and einops, no weights and no network, and under ten minutes on a GPU. Without one it
runs the tiny model on the CPU, which shows that it works and measures nothing of use.
"""

import argparse
import sys
import time
from collections.abc import Collection
from contextlib import nullcontext
from pathlib import Path

import torch
from torch import nn

from benchmarks._faster import measure_compiled, measure_graph
from benchmarks._job import Job, Networks, Shape, make_networks, make_plain_networks
from benchmarks._limited import measure_limited
from benchmarks._profile import profile_step
from benchmarks._suite import Suite, count_flops, word
from tooncrafter_core.layers.kernels.availability import without_fused_kernels

SHAPES = (Shape(512, 320, 16), Shape(512, 320, 32), Shape(640, 384, 16), Shape(1024, 576, 16))
TINY_SHAPES = (Shape(64, 64, 4), Shape(64, 64, 8))
STEPS, TINY_STEPS = (50, 25, 20), (2,)
SHORT = 1.5
"""Seconds for a stage of another shape than the default."""


PARTS = ("default", "half", "limit", "plain", "graph", "compiled", "others")
"""What is measured, what matters most first, so that a slow device has that at least."""


def measure(suite: Suite, parts: Collection[str], *, with_compile: bool) -> None:
    """The parts asked for, in the order of ``PARTS``."""
    default, *others = TINY_SHAPES if suite.is_tiny else SHAPES
    all_steps = TINY_STEPS if suite.is_tiny else STEPS
    # Only one set of networks at a time, or its neighbour would count as its memory.
    if "default" in parts:
        suite.part("default size", measure_default, default, all_steps)
    if "half" in parts:
        suite.part("other half", measure_other_half, default)
    if "limit" in parts:
        suite.part("memory limit", measure_limited, default, all_steps[0])
    if "plain" in parts:
        suite.part("plain path", measure_plain, default, all_steps[0])
    if "graph" in parts:
        suite.part("CUDA graph", measure_graph, default)
    if "compiled" in parts and with_compile:
        suite.part("compiled", measure_compiled, default, all_steps[0])
    elif "compiled" in parts:
        suite.add("denoiser step, compiled", shape=str(default), skipped="not asked for: --compile")
    if "others" in parts:
        for shape in others:
            suite.part(f"size {shape}", measure_other_shape, shape, all_steps[0])


def measure_default(suite: Suite, shape: Shape, all_steps: tuple[int, ...]) -> None:
    """The published size, with a profile and the loading of weights."""
    networks = make_networks(suite.config, suite.device, suite.dtype)
    measure_stages(suite, networks, shape)
    for steps in all_steps:
        measure_whole(suite, networks, shape, steps, runs=3 if steps == all_steps[0] else 2)
    suite.part("profiles", measure_profiles, networks, shape)
    suite.part("load the denoiser", measure_load, networks)


def measure_profiles(suite: Suite, networks: Networks, shape: Shape) -> None:
    """Where the time of a step goes, and of decoding."""
    job = Job(networks, shape)
    denoise, references = job.bind(batched=True), job.references()
    for name, function in (
        ("profile of a denoiser step", lambda: denoise(job.z, 500)),
        ("profile of decoding, chunk of 4", lambda: job.decode(references, 4)),
    ):
        found = profile_step(function, suite.device)
        suite.add(name, shape=str(shape), dtype=word(suite.dtype), **found)


def measure_load(suite: Suite, networks: Networks) -> None:
    """Move the denoiser from the host's memory to the device, as after an offload."""
    host = nn.ParameterList(
        p.detach().to("cpu", copy=True) for p in networks.denoiser.parameters()
    ).requires_grad_(False)

    def move() -> None:
        for parameter in host:
            parameter.to(suite.device, copy=True)

    size = sum(p.numel() * p.element_size() for p in host)
    suite.measure("load the denoiser", move, "weights", runs=3, warm_ups=1, bytes=size)


def measure_stages(suite: Suite, networks: Networks, shape: Shape, limit: float = 4.0) -> None:
    """Encode, project, predict and decode a clip; ``limit`` seconds for each."""
    job = Job(networks, shape)
    config = suite.config
    suite.measure(
        "encode the keyframes", job.encode, shape, limit=limit,
        flops=count_flops(config, shape, "encode"),
    )  # fmt: skip
    suite.measure("project the tokens", job.project, shape, limit=limit)
    one_pass = count_flops(config, shape, "denoiser")
    for batched in (False, True):
        denoise = job.bind(batched=batched)
        timing = suite.measure(
            "denoiser step, both at once" if batched else "denoiser step, one by one",
            lambda denoise=denoise: denoise(job.z, 500), shape, limit=limit, flops=2 * one_pass,
        )  # fmt: skip
        if timing is not None:
            suite.step_seconds[str(shape)] = timing.ms / 1e3
    references = job.references()
    decoding = count_flops(config, shape, "decode")
    for chunk in (4, 1):
        suite.measure(
            f"decode, chunk of {chunk}", lambda chunk=chunk: job.decode(references, chunk), shape,
            limit=limit, flops=decoding,
        )  # fmt: skip


def measure_whole(suite: Suite, networks: Networks, shape: Shape, steps: int, *, runs: int) -> None:
    """From keyframes to video."""
    job = Job(networks, shape)
    suite.measure(
        f"whole job, {steps} steps", lambda: job.whole(steps, batched=True), shape,
        warm_ups=0, runs=runs, limit=15.0, needs=suite.job_seconds(shape, steps),
        weight_bytes=networks.weight_bytes,
    )  # fmt: skip


def measure_other_half(suite: Suite, shape: Shape) -> None:
    """The step and the decoding in the other half precision; float16 is the product's."""
    dtype = torch.bfloat16 if suite.dtype == torch.float16 else torch.float16
    job = Job(make_networks(suite.config, suite.device, dtype), shape)
    denoise, references = job.bind(batched=True), job.references()
    suite.measure(
        "denoiser step, both at once", lambda: denoise(job.z, 500), shape, limit=3.0,
        flops=2 * count_flops(suite.config, shape, "denoiser"), dtype=word(dtype),
    )  # fmt: skip
    suite.measure(
        "decode, chunk of 4", lambda: job.decode(references, 4), shape, limit=3.0,
        flops=count_flops(suite.config, shape, "decode"), dtype=word(dtype),
    )  # fmt: skip


def measure_plain(suite: Suite, shape: Shape, steps: int) -> None:
    """The published program's way: float32 weights, autocast, a prediction at a time."""
    networks = make_plain_networks(suite.config, suite.device, suite.dtype)
    job = Job(networks, shape)
    denoise, references = job.bind(batched=False), job.references()
    reduced = suite.dtype != torch.float32
    cast = torch.autocast(suite.device.type, suite.dtype) if reduced else nullcontext()
    with cast, without_fused_kernels():
        suite.measure("plain: encode", job.encode, shape, limit=3.0)
        timing = suite.measure(
            "plain: denoiser step", lambda: denoise(job.z, 500), shape, limit=4.0
        )
        suite.measure("plain: decode", lambda: job.decode(references), shape, runs=5, limit=4.0)
        step_seconds = 0.0 if timing is None else timing.ms / 1e3
        suite.measure(
            f"plain: whole job, {steps} steps", lambda: job.whole(steps, batched=False), shape,
            warm_ups=0, runs=1, needs=1.3 * steps * step_seconds,
            weight_bytes=networks.weight_bytes,
        )  # fmt: skip


def measure_other_shape(suite: Suite, shape: Shape, steps: int) -> None:
    """Stages in short, and the whole job once."""
    networks = make_networks(suite.config, suite.device, suite.dtype)
    measure_stages(suite, networks, shape, SHORT)
    measure_whole(suite, networks, shape, steps, runs=1)


@torch.no_grad()
def main() -> int:
    """Measure the published model's speed and memory, or the tiny one's without a GPU."""
    has_gpu = torch.cuda.is_available()
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, help="file for the results, one JSON line each")
    parser.add_argument("--device", default="cuda" if has_gpu else "cpu")
    parser.add_argument("--size", choices=("full", "tiny"), default="full" if has_gpu else "tiny")
    parser.add_argument(
        "--dtype", choices=("float16", "bfloat16", "float32"),
        default="bfloat16" if has_gpu else "float32",
    )  # fmt: skip
    parser.add_argument("--minutes", type=float, default=9.0, help="what does not fit is left out")
    parser.add_argument("--compile", action="store_true", help="also torch.compile, for minutes")
    parser.add_argument(
        "--parts", nargs="+", choices=PARTS, default=PARTS, metavar="PART",
        help=f"only these of {', '.join(PARTS)}",
    )  # fmt: skip
    options = parser.parse_args()
    begin = time.monotonic()
    suite = Suite(options)
    measure(suite, options.parts, with_compile=options.compile)
    print(f"done in {time.monotonic() - begin:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
