"""The same step with less work for the host: compiled, and replayed as a CUDA graph."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor
from torch._dynamo.utils import counters

from benchmarks._job import Job, Networks, Shape, make_networks
from benchmarks._suite import Suite, count_flops, within
from benchmarks._timing import seconds
from tooncrafter_core.device.compiling import compile_denoiser

OTHER_FRAMES = 24
"""Of a clip that the compiled denoiser has not seen."""
KEPT_BACK = 25.0
"""Seconds that compiling leaves to what comes after it."""

TIMESTEP = 500


def measure_graph(suite: Suite, shape: Shape) -> None:
    """The uncompiled step as a graph: what is left when the host launches nothing."""
    networks = make_networks(suite.config, suite.device, suite.dtype)
    replay(suite, networks, shape, "denoiser step, CUDA graph")


def replay(suite: Suite, networks: Networks, shape: Shape, name: str) -> None:
    """Capture a guided step and replay it, on inputs that stay where they are."""
    if not suite.on_gpu:
        suite.add(name, shape=str(shape), skipped="only on a GPU")
        return
    job = Job(networks, shape)
    denoise = job.bind(batched=True)

    def step() -> Tensor:
        return denoise(job.z, TIMESTEP)

    expected = step()
    graph, result = captured(step, suite.device)
    graph.replay()
    torch.cuda.synchronize(suite.device)
    suite.measure(
        name, graph.replay, shape,
        flops=2 * count_flops(suite.config, shape, "denoiser"),
        difference=relative(result, expected),
    )  # fmt: skip


def captured(
    function: Callable[[], Tensor], device: torch.device
) -> tuple[torch.cuda.CUDAGraph, Tensor]:
    """A graph of the function's kernels and where it leaves its result.

    Libraries choose their kernels in calls on a stream of its own before, as torch asks for.
    """
    stream = torch.cuda.Stream(device)
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(stream):
        for _ in range(2):
            function()
    torch.cuda.current_stream(device).wait_stream(stream)
    torch.cuda.synchronize(device)
    graph = torch.cuda.CUDAGraph()
    # The outer block brings back today's stream, which a failed capture leaves changed.
    with torch.cuda.stream(torch.cuda.current_stream(device)), torch.cuda.graph(graph):
        result = function()
    return graph, result


def relative(found: Tensor, expected: Tensor) -> float:
    """The largest difference relative to the largest value."""
    return float((found - expected).abs().max() / expected.abs().max())


def measure_compiled(suite: Suite, shape: Shape, steps: int) -> None:
    """The compiled step, its whole job, and what another frame count costs."""
    networks = make_networks(suite.config, suite.device, suite.dtype)
    job = Job(networks, shape)
    expected = job.bind(batched=True)(job.z, TIMESTEP)
    compiled = replace(networks, denoiser=compile_denoiser(networks.denoiser))
    job.networks = compiled
    denoise = job.bind(batched=True)
    torch._dynamo.reset()
    counters.clear()
    with within(suite.seconds_left - KEPT_BACK):
        first = timed_call(suite, lambda: denoise(job.z, TIMESTEP))
    graphs = num_graphs()
    suite.measure(
        "denoiser step, compiled", lambda: denoise(job.z, TIMESTEP), shape,
        flops=2 * count_flops(suite.config, shape, "denoiser"), compiling_s=first, graphs=graphs,
        difference=relative(denoise(job.z, TIMESTEP), expected),
    )  # fmt: skip
    measure_other_frames(suite, compiled, Shape(shape.width, shape.height, OTHER_FRAMES))
    suite.measure(
        f"whole job, compiled, {steps} steps", lambda: job.whole(steps, batched=True), shape,
        warm_ups=0, runs=2, limit=6.0, needs=suite.job_seconds(shape, steps),
        weight_bytes=networks.weight_bytes,
    )  # fmt: skip
    replay(suite, compiled, shape, "denoiser step, compiled and as a CUDA graph")


def measure_other_frames(suite: Suite, compiled: Networks, shape: Shape) -> None:
    """Whether another frame count compiles again: graphs before and after, and the first calls."""
    before = num_graphs()
    job = Job(compiled, shape)
    denoise = job.bind(batched=True)
    with within(suite.seconds_left - KEPT_BACK / 2):
        calls = [timed_call(suite, lambda t=t: denoise(job.z, t)) for t in (999, 979, 959)]
    suite.measure(
        "denoiser step, compiled, other frames", lambda: denoise(job.z, TIMESTEP), shape,
        runs=5, warm_ups=0, limit=2.0, first_call_s=calls[0], later_calls_s=calls[1:],
        graphs_before=before, graphs_after=num_graphs(),
    )  # fmt: skip


def timed_call(suite: Suite, function: Callable[[], object]) -> float:
    """Seconds of one call, its kernels included."""

    def call() -> None:
        function()
        if suite.on_gpu:
            torch.cuda.synchronize(suite.device)

    return seconds(call)


def num_graphs() -> int:
    """Graphs that torch has compiled since its counters were cleared."""
    return counters["stats"]["unique_graphs"]
