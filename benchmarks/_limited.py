"""A whole job on a small card: a cap on what the device gives, networks there one at a time."""

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from benchmarks._job import Job, Networks, Shape, make_networks
from benchmarks._suite import Suite, reason, word
from tooncrafter_core.interpolation.offloading import visiting

CAPS = (5.0e9, 5.5e9)
"""Bytes for everything torch takes; the first is the goal, the second about a 6 GB card's."""

FEW_STEPS = 5
"""Enough to see the memory of both halves of guidance at once."""


def measure_limited(suite: Suite, shape: Shape, steps: int) -> None:
    """The product's way on a small card: float16, weights visiting for their own stage.

    The encoders of prompt and picture are left out: their stage is their weights, 2.1 GB.
    """
    name = "whole job within a memory limit"
    if not suite.on_gpu:
        suite.add(name, shape=str(shape), skipped="only on a GPU")
        return
    networks = waiting_networks(suite)
    for batched, count in ((False, steps), (True, FEW_STEPS)):
        for cap in CAPS:
            described = {
                "shape": str(shape), "dtype": word(torch.float16), "steps": count,
                "batched": batched, "cap": cap,
            }  # fmt: skip
            title = f"{name}, {'both at once' if batched else 'one by one'}, {cap / 1e9:g} GB"
            if suite.seconds_left < 5 + suite.job_seconds(shape, count):
                suite.add(title, **described, skipped="no time left")
                continue
            found, why = None, ""
            try:
                with capped(suite.device, cap):
                    found = run_by_stage(suite, networks, shape, count, batched=batched)
            except RuntimeError as error:
                why = reason(error)
            suite.tidy()
            if found is not None:
                suite.add(title, **described, **found)
                break
            suite.add(title, **described, skipped=why)


def waiting_networks(suite: Suite) -> Networks:
    """Networks in float16 whose weights wait in the host's memory."""
    networks = make_networks(suite.config, suite.device, torch.float16)
    for network in (networks.denoiser, networks.autoencoder, networks.projector):
        network.to("cpu")
    suite.tidy()
    return networks


@contextmanager
def capped(device: torch.device, cap: float) -> Iterator[None]:
    """Let torch take no more than ``cap`` bytes of the device within the block."""
    total = torch.cuda.get_device_properties(device).total_memory
    torch.cuda.empty_cache()
    # It takes a number, or None for the current device; torch.device("cuda") has none.
    torch.cuda.set_per_process_memory_fraction(min(1.0, cap / total), device.index)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, device.index)


def run_by_stage(
    suite: Suite, networks: Networks, shape: Shape, steps: int, *, batched: bool
) -> dict[str, Any]:
    """Seconds and peaks of every stage of one job, and of all together."""
    job, stages = Job(networks, shape), dict[str, dict[str, float]]()

    @contextmanager
    def stage(name: str, network: nn.Module) -> Iterator[None]:
        gc.collect()
        torch.cuda.reset_peak_memory_stats(suite.device)
        begin = time.perf_counter()
        with visiting(suite.device, network):
            yield
            torch.cuda.synchronize(suite.device)
        stages[name] = {
            "ms": 1e3 * (time.perf_counter() - begin),
            "peak_allocated": torch.cuda.max_memory_allocated(suite.device),
            "peak_reserved": torch.cuda.max_memory_reserved(suite.device),
        }

    with stage("encode", networks.autoencoder):
        _, references = job.encode()
    with stage("project", networks.projector):
        job.project()
    with stage("sample", networks.denoiser):
        latents = job.sample(steps, batched=batched)
    with stage("decode", networks.autoencoder):
        video = job.decode(references)
    peaks = {
        name: max(stage[name] for stage in stages.values())
        for name in ("peak_allocated", "peak_reserved")
    }
    return {
        "ms": sum(stage["ms"] for stage in stages.values()),
        **peaks,
        "is_finite": bool(latents.isfinite().all() and video.isfinite().all()),
        "stages": stages,
    }
