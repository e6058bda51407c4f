"""The whole suite on a device: stages, memory, end to end, the plain path, a profile of one step.

    python -m benchmarks.gpu --out benchmarks/results/NAME.jsonl

Needs torch and einops, no weights and no network, and under ten minutes on a GPU. Without one it
runs the tiny model on the CPU, which shows that it works and measures nothing of use.
"""

import argparse
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks._job import Job, Networks, Shape, make_networks, make_plain_networks
from benchmarks._networks import make_autoencoder, make_conditions, make_denoiser, make_references
from benchmarks._profile import profile_step
from benchmarks._results import Report
from benchmarks._timing import seconds, timed
from tooncrafter_core.config import ModelConfig
from tooncrafter_core.presets import TINY, TOONCRAFTER_512

SHAPES = (Shape(512, 320, 16), Shape(512, 320, 32), Shape(640, 384, 16), Shape(1024, 576, 16))
TINY_SHAPES = (Shape(64, 64, 4), Shape(64, 64, 8))
STEPS, TINY_STEPS = (50, 25, 20), (2,)
META = torch.device("meta")
TERA = 1e12


class Suite:
    """What is measured, on what, and how much time is left for it."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.device = torch.device(options.device)
        self.is_tiny: bool = options.size == "tiny"
        self.config: ModelConfig = TINY if self.is_tiny else TOONCRAFTER_512
        self.dtype: torch.dtype = getattr(torch, options.dtype)
        self.report = Report(options.out, size=options.size)
        self._end = time.monotonic() + 60 * options.minutes
        self._peak = self._matmul_rate()

    @property
    def seconds_left(self) -> float:
        """Until everything must be done."""
        return self._end - time.monotonic()

    def add(self, name: str, **values: Any) -> None:
        """Note a result."""
        self.report.add(name, suite="gpu", device=self.device, **values)

    def _matmul_rate(self) -> float:
        """FLOP/s of a large product of matrices: what the device can do, on this day."""
        side = 1024 if self.device.type == "cpu" else 8192
        a, b = (torch.randn(side, side, device=self.device, dtype=self.dtype) for _ in range(2))
        timing = timed(lambda: a @ b, self.device, limit=5)
        rate = 2 * side**3 / timing.ms * 1e3
        self.add(
            "matrix product", shape=f"{side}x{side}", dtype=_word(self.dtype), ms=timing.ms,
            tflops_a_second=rate / TERA,
        )  # fmt: skip
        return rate

    def measure(
        self, name: str, function: Callable[[], Any], shape: Shape | str, *,
        flops: float | None = None, runs: int = 20, warm_ups: int = 3, limit: float = 20.0,
        **values: Any,
    ) -> None:  # fmt: skip
        """Time one function; note why when there is no figure."""
        if self.is_tiny:
            runs, warm_ups = min(runs, 3), min(warm_ups, 1)
        described = {"shape": str(shape), "dtype": _word(self.dtype), **values}
        if self.seconds_left < 5:
            self.add(name, **described, skipped="no time left")
            return
        limit = min(limit, self.seconds_left / 2)
        try:
            timing = timed(function, self.device, warm_ups=warm_ups, runs=runs, limit=limit)
        except torch.cuda.OutOfMemoryError:
            self.add(name, **described, skipped="out of memory")
            return
        finally:
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
        if flops is not None:
            described["tflop"] = flops / TERA
            described["share_of_possible"] = flops / (timing.ms / 1e3) / self._peak
        self.add(name, **described, **asdict(timing))


def _word(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def count_flops(config: ModelConfig, shape: Shape, stage: str) -> float:
    """FLOPs of one stage, counted without computing anything."""
    dtype, (_, _, frames, height, width) = torch.bfloat16, shape.latents
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        if stage == "denoiser":
            network = make_denoiser(config.unet, META, dtype)
            condition, _ = make_conditions(config, frames, height, width, META, dtype)
            prepared = network.prepare_context(condition.text, condition.image_tokens)
            before = counter.get_total_flops()
            x = torch.empty(1, 8, frames, height, width, device=META, dtype=dtype)
            network(x, torch.empty(1, device=META), prepared, fps=condition.motion_fps)
            return counter.get_total_flops() - before
        autoencoder = make_autoencoder(config.autoencoder, META, dtype)
        if stage == "encode":
            images = torch.empty(2, 3, shape.height, shape.width, device=META, dtype=dtype)
            autoencoder.encode(images)
        else:
            references = make_references(config.autoencoder, shape.height, shape.width, META, dtype)
            latents = torch.empty(shape.latents, device=META, dtype=dtype)
            autoencoder.decode(latents, references, frames)
            if frames >= 4:  # the second pass leaves two frames out
                autoencoder.decode(latents[:, :, :-2], references, frames)
        return counter.get_total_flops()


def measure_load(suite: Suite, networks: Networks) -> None:
    """Move the denoiser from the host's memory to the device, as after an offload."""
    host = nn.ParameterList(
        p.detach().to("cpu", copy=True) for p in networks.denoiser.parameters()
    ).requires_grad_(False)

    def move() -> None:
        for parameter in host:
            parameter.to(suite.device, copy=True)

    size = sum(p.numel() * p.element_size() for p in host)
    suite.measure("load the denoiser", move, "weights", runs=5, warm_ups=1, bytes=size)


def measure_stages(suite: Suite, networks: Networks, shape: Shape) -> None:
    """Encode, project, predict and decode a clip."""
    job = Job(networks, shape)
    config = suite.config
    suite.measure(
        "encode the keyframes", job.encode, shape, flops=count_flops(config, shape, "encode")
    )
    suite.measure("project the tokens", job.project, shape)
    one_pass = count_flops(config, shape, "denoiser")
    for batched in (False, True):
        denoise = job.bind(batched=batched)
        suite.measure(
            "denoiser step, both at once" if batched else "denoiser step, one by one",
            lambda denoise=denoise: denoise(job.z, 500),
            shape,
            flops=2 * one_pass,
        )
    references = job.references()
    decoding = count_flops(config, shape, "decode")
    for chunk in (4, 1):
        suite.measure(
            f"decode, chunk of {chunk}", lambda chunk=chunk: job.decode(references, chunk), shape,
            flops=decoding,
        )  # fmt: skip


def measure_whole(suite: Suite, networks: Networks, shape: Shape, steps: int) -> None:
    """From keyframes to video."""
    job = Job(networks, shape)
    suite.measure(
        f"whole job, {steps} steps", lambda: job.whole(steps, batched=True), shape,
        warm_ups=0, runs=3, limit=30.0, weight_bytes=networks.weight_bytes,
    )  # fmt: skip


def measure_compiled(suite: Suite, networks: Networks, shape: Shape) -> None:
    """The step again, compiled; what compiling takes is noted with it."""
    compiled = replace(networks, denoiser=torch.compile(networks.denoiser))
    job = Job(compiled, shape)
    denoise = job.bind(batched=True)
    first = seconds(lambda: denoise(job.z, 500))
    suite.measure(
        "denoiser step, compiled", lambda: denoise(job.z, 500), shape, compiling_s=first,
        flops=2 * count_flops(suite.config, shape, "denoiser"),
    )  # fmt: skip


def measure_plain(suite: Suite, shape: Shape, steps: int) -> None:
    """The published program's way: float32 weights, autocast, a prediction at a time."""
    networks = make_plain_networks(suite.config, suite.device, suite.dtype)
    job = Job(networks, shape)
    denoise, references = job.bind(batched=False), job.references()
    reduced = suite.dtype != torch.float32
    with torch.autocast(suite.device.type, suite.dtype) if reduced else nullcontext():
        suite.measure("plain: encode", job.encode, shape)
        suite.measure("plain: denoiser step", lambda: denoise(job.z, 500), shape)
        suite.measure("plain: decode", lambda: job.decode(references), shape)
        suite.measure(
            f"plain: whole job, {steps} steps", lambda: job.whole(steps, batched=False), shape,
            warm_ups=0, runs=2, limit=40.0, weight_bytes=networks.weight_bytes,
        )  # fmt: skip


def measure(suite: Suite, *, with_compile: bool) -> None:
    """Everything, what matters most first, so that a slow device has that at least."""
    default, *others = TINY_SHAPES if suite.is_tiny else SHAPES
    all_steps = TINY_STEPS if suite.is_tiny else STEPS
    measure_default(suite, default, all_steps)
    # Only one set of networks at a time, or its neighbour would count as its memory.
    measure_plain(suite, default, all_steps[0])
    networks = make_networks(suite.config, suite.device, suite.dtype)
    for shape in others:
        measure_stages(suite, networks, shape)
        for steps in all_steps:
            measure_whole(suite, networks, shape, steps)
    if with_compile:
        measure_compiled(suite, networks, default)


def measure_default(suite: Suite, shape: Shape, all_steps: tuple[int, ...]) -> None:
    """The published size, with a profile and the loading of weights."""
    networks = make_networks(suite.config, suite.device, suite.dtype)
    measure_stages(suite, networks, shape)
    for steps in all_steps:
        measure_whole(suite, networks, shape, steps)
    job = Job(networks, shape)
    denoise = job.bind(batched=True)
    suite.add(
        "profile of a denoiser step", shape=str(shape), dtype=_word(suite.dtype),
        **profile_step(lambda: denoise(job.z, 500), suite.device),
    )  # fmt: skip
    measure_load(suite, networks)


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
    options = parser.parse_args()
    begin = time.monotonic()
    suite = Suite(options)
    measure(suite, with_compile=options.compile)
    print(f"done in {time.monotonic() - begin:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
