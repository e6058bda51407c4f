"""Times of functions: interleaved on a CPU, by events on a GPU."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch

Function = Callable[[], Any]


@dataclass(frozen=True)
class Ratio:
    """Ours against the twin, measured turn by turn."""

    ours_ms: float
    plain_ms: float
    ratio: float
    """The median of the turns' own ratios: a machine that slows down slows both of a turn."""


def interleaved(ours: Function, plain: Function, runs: int = 7) -> Ratio:
    """Time two functions in turn, after one run of each that is not counted."""
    for function in (ours, plain):
        function()
    turns = [
        # Whoever goes first changes with every turn.
        (seconds(ours), seconds(plain)) if turn % 2 else (seconds(plain), seconds(ours))[::-1]
        for turn in range(runs)
    ]
    return Ratio(
        ours_ms=1e3 * median(a for a, _ in turns),
        plain_ms=1e3 * median(b for _, b in turns),
        ratio=median(a / b for a, b in turns),
    )


def seconds(function: Function) -> float:
    """Wall time of one call."""
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin


@dataclass(frozen=True)
class Timing:
    """One function on one device."""

    ms: float
    """Median."""
    worst_ms: float
    host_ms: float
    """Median time until the call returned: nearly ``ms`` means that the host is the limit."""
    runs: int
    peak_allocated: int
    """Bytes, what was there before included; 0 on a CPU."""
    peak_reserved: int


def timed(
    function: Function, device: torch.device, *, warm_ups: int = 3, runs: int = 20,
    limit: float = 20.0,
) -> Timing:  # fmt: skip
    """Time a function ``runs`` times, or fewer but at least once when ``limit`` seconds are up.

    The first warm-up, in which kernels are compiled and chosen, does not count for the limit.
    """
    on_gpu = device.type == "cuda"
    begin = time.perf_counter()
    for number in range(warm_ups):
        function()
        if on_gpu:
            torch.cuda.synchronize(device)
        if number == 0:
            begin = time.perf_counter()
        elif time.perf_counter() - begin > limit / 2:
            break
    if on_gpu:
        torch.cuda.reset_peak_memory_stats(device)
    times, host = [], []
    while len(times) < runs and (not times or time.perf_counter() - begin < limit):
        if on_gpu:
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            host.append(1e3 * seconds(function))
            end.record()
            end.synchronize()
            times.append(start.elapsed_time(end))
        else:
            host.append(1e3 * seconds(function))
            times.append(host[-1])
    return Timing(
        ms=median(times), worst_ms=max(times), host_ms=median(host), runs=len(times),
        peak_allocated=torch.cuda.max_memory_allocated(device) if on_gpu else 0,
        peak_reserved=torch.cuda.max_memory_reserved(device) if on_gpu else 0,
    )  # fmt: skip
