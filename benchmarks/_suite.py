"""What the suite on a device measures with: its settings, its clock, its report."""

import argparse
import gc
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks._job import Shape
from benchmarks._networks import make_autoencoder, make_conditions, make_denoiser, make_references
from benchmarks._results import Report
from benchmarks._timing import Timing, timed
from tooncrafter_core.config.model import ModelConfig
from tooncrafter_core.config.presets import TINY, TOONCRAFTER_512

META = torch.device("meta")
TERA = 1e12
NEEDED = 5.0
"""Seconds below which nothing more is begun."""

FAILURES = (
    RuntimeError, ValueError, TypeError, AttributeError, LookupError, AssertionError, ImportError,
    OSError,
)  # fmt: skip
"""By which a part may fail on a machine where nobody has run it; the other parts go on. Running out
of memory, errors of CUDA and those of the compiler are RuntimeErrors, a timeout is an OSError."""


class Suite:
    """What is measured, on what, and how much time is left for it."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.device = torch.device(options.device)
        self.on_gpu = self.device.type == "cuda"
        self.is_tiny: bool = options.size == "tiny"
        self.config: ModelConfig = TINY if self.is_tiny else TOONCRAFTER_512
        self.dtype: torch.dtype = getattr(torch, options.dtype)
        self.report = Report(options.out, size=options.size)
        self.step_seconds: dict[str, float] = {}
        """Of a guided step by shape, once it is known."""
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
        side = 8192 if self.on_gpu else 1024
        a, b = (torch.randn(side, side, device=self.device, dtype=self.dtype) for _ in range(2))
        timing = timed(lambda: a @ b, self.device, limit=5)
        rate = 2 * side**3 / timing.ms * 1e3
        self.add(
            "matrix product", shape=f"{side}x{side}", dtype=word(self.dtype), ms=timing.ms,
            tflops_a_second=rate / TERA,
        )  # fmt: skip
        return rate

    def job_seconds(self, shape: Shape, steps: int) -> float:
        """About what a whole job takes, from its step; 0 when that is not known."""
        return 1.3 * steps * self.step_seconds.get(str(shape), 0.0)

    def part(self, name: str, function: Callable[..., None], *arguments: Any) -> None:
        """Measure one part after another: what fails is noted and does not end the others."""
        begin = time.monotonic()
        if self.seconds_left < NEEDED:
            self.add(name, skipped="no time left")
            return
        try:
            function(self, *arguments)
        except FAILURES as error:
            self.add(name, skipped=reason(error))
        # Outside the handler, which would keep the failed part's tensors alive.
        self.tidy()
        took = time.monotonic() - begin
        print(f"-- {name}: {took:.0f} s, {self.seconds_left:.0f} s left", flush=True)

    def tidy(self) -> None:
        """Give back the memory of what is no longer used."""
        gc.collect()
        if self.on_gpu:
            torch.cuda.empty_cache()

    def measure(
        self, name: str, function: Callable[[], Any], shape: Shape | str, *,
        flops: float | None = None, runs: int = 20, warm_ups: int = 3, limit: float = 4.0,
        needs: float = 0.0, **values: Any,
    ) -> Timing | None:  # fmt: skip
        """Time one function; note why when there is no figure.

        ``needs`` are seconds that must be left. ``values`` are noted with the figures.
        """
        if self.is_tiny:
            runs, warm_ups = min(runs, 3), min(warm_ups, 1)
        described = {"shape": str(shape), "dtype": word(self.dtype), **values}
        if self.seconds_left < max(NEEDED, needs):
            self.add(name, **described, skipped="no time left")
            return None
        limit = min(limit, self.seconds_left / 2)
        timing, why = None, ""
        try:
            timing = timed(function, self.device, warm_ups=warm_ups, runs=runs, limit=limit)
        except RuntimeError as error:
            why = reason(error)
        if self.on_gpu:
            torch.cuda.empty_cache()
        if timing is None:
            self.add(name, **described, skipped=why)
            return None
        if flops is not None:
            described["tflop"] = flops / TERA
            described["share_of_possible"] = flops / (timing.ms / 1e3) / self._peak
        self.add(name, **described, **asdict(timing))
        return timing


def word(dtype: torch.dtype) -> str:
    """A precision without its package."""
    return str(dtype).removeprefix("torch.")


def reason(error: BaseException) -> str:
    """Why there is no figure, in a line."""
    if isinstance(error, torch.cuda.OutOfMemoryError):
        return "out of memory"
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:600]}"


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """TimeoutError in the block when the seconds are up: for what cannot be asked to stop.

    Windows has no such alarm; there the block takes as long as it takes.
    """
    if not hasattr(signal, "SIGALRM"):
        yield
        return

    def stop(signum: int, frame: object) -> None:
        raise TimeoutError(f"not done within {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, stop)
    # Again every few seconds: a library that catches everything may swallow the first.
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001), 3.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@cache
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
