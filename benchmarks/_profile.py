"""Where the time of one call goes."""

from collections.abc import Callable
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

LISTED = 25

KINDS = {
    "attention": ("attention", "flash", "fmha", "sdpa"),
    "convolution": ("conv", "implicit_gemm", "cudnn", "xmma_fprop"),
    "matrix product": ("gemm", "matmul", "mm", "cutlass", "linear", "nvjet"),
    "norm": ("norm", "moments", "affine", "welford"),
    "copy": ("copy", "cat", "contiguous", "transpose", "memcpy", "memset"),
    "elementwise": ("elementwise", "gelu", "silu", "add", "mul", "upsample"),
}
"""What the names of kernels and operators give away, in the order they are asked."""


def profile_step(function: Callable[[], Any], device: torch.device) -> dict[str, Any]:
    """The kernels of a call by time, and the shares of their kinds."""
    on_gpu = device.type == "cuda"
    function()
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    with profile(activities=activities) as profiler:
        function()
        if on_gpu:
            torch.cuda.synchronize(device)
    rows: list[tuple[str, float, int]] = []
    for event in profiler.key_averages():
        if on_gpu and event.device_type != torch.autograd.DeviceType.CUDA:
            continue  # an operator, whose kernels are listed by themselves
        time = event.self_device_time_total if on_gpu else event.self_cpu_time_total
        rows.append((event.key, time / 1e3, event.count))
    rows.sort(key=lambda row: -row[1])
    total = sum(ms for _, ms, _ in rows) or 1.0
    shares: dict[str, float] = {}
    for name, ms, _ in rows:
        kind = kind_of(name)
        shares[kind] = shares.get(kind, 0.0) + ms / total
    return {
        "kernel_ms": total,
        "launches": sum(count for _, _, count in rows),
        "shares": {kind: round(share, 4) for kind, share in shares.items()},
        "kernels": [
            {"name": name[:120], "ms": round(ms, 4), "count": count}
            for name, ms, count in rows[:LISTED]
        ],
    }


def kind_of(name: str) -> str:
    """What kind of work a kernel or operator does, by its name."""
    lowered = name.lower()
    return next((kind for kind, words in KINDS.items() if any(w in lowered for w in words)), "rest")
