"""Whether the fused kernels can serve a tensor."""

import importlib.util
import logging
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

import torch
from torch import Tensor

logger = logging.getLogger(__name__)

SWITCH = "TOONCRAFTER_FUSED_KERNELS"
"""Environment variable; 0 leaves everything to torch's own operations."""

OLDEST_CARD = (7, 5)
"""Compute capability: Turing, the first that Triton still compiles for."""

DTYPES = (torch.float16, torch.bfloat16, torch.float32)

FAILURES = (
    RuntimeError, OSError, ImportError, AttributeError, TypeError, ValueError,
    subprocess.CalledProcessError,
)  # fmt: skip
"""By which Triton tells that it cannot work: no C compiler, no Python headers, a wrong version."""

_is_wanted = ContextVar("fused kernels are wanted", default=True)


@contextmanager
def without_fused_kernels() -> Iterator[None]:
    """Let torch's own operations compute everything within the block."""
    token = _is_wanted.set(False)
    try:
        yield
    finally:
        _is_wanted.reset(token)


def can_fuse(x: Tensor) -> bool:
    """Whether the kernels may compute from ``x`` what torch would.

    Not when gradients are recorded, when a precision is dealt out by autocast, or while a graph is
    traced, whose compiler fuses by itself.
    """
    return (
        x.is_cuda
        and not torch.is_grad_enabled()
        and not torch.compiler.is_compiling()
        and not torch.is_autocast_enabled()
        and x.dtype in DTYPES
        and _is_wanted.get()
        and works_on(x.device.index)
    )


def likes_channels_last(x: Tensor) -> bool:
    """Whether the device of ``x`` is quicker with the channels of a pixel side by side.

    So it is where the norms are fused; torch's own would turn every picture round and back.
    """
    if not x.is_cuda:
        return False
    # A compiler writes such kernels itself, and cannot follow the question.
    return torch.compiler.is_compiling() or (_is_wanted.get() and works_on(x.device.index))


@cache
def works_on(index: int) -> bool:
    """Whether the kernels work on a card: tried once, with the reason in the log if they do not."""
    if os.environ.get(SWITCH, "1") == "0":
        return False
    if torch.version.cuda is None or torch.cuda.get_device_capability(index) < OLDEST_CARD:
        return False
    if importlib.util.find_spec("triton") is None:
        logger.info("Triton is not installed, so torch's own kernels are used: right, but slower.")
        return False
    reason = _try_on(torch.device("cuda", index))
    if reason:
        logger.warning(
            "The fused kernels do not work here, torch's own are used: right, but slower. Triton "
            "needs a C compiler and Python's headers. It said: %s", reason,
        )  # fmt: skip
    return not reason


def _try_on(device: torch.device) -> str:
    """Why the kernels cannot be used; empty when they give what torch gives."""
    try:
        from . import launch

        with torch.no_grad(), torch.cuda.device(device):
            weight = torch.linspace(0.5, 1.5, 32, device=device)
            worst = 0.0
            for shift in (0.0, 1.0):  # the second call is launched in another way than the first
                x = torch.linspace(-2, 3, 2 * 24 * 32, device=device).reshape(2, 24, 32) + shift
                sizes = 2, 24, 32
                affine = launch.group_affine(x, sizes, 4, weight, weight, 1e-5)
                found = launch.normalize(x, sizes, affine, torch.empty_like(x), silu=False)
                normed = torch.nn.functional.group_norm(x.mT, 4, weight, weight, 1e-5)
                worst = max(worst, float((found - normed.mT).abs().max()))
    except FAILURES as error:
        return " ".join(f"{type(error).__name__}: {error}".split())[:500]
    return "" if worst < 1e-3 else f"the result is wrong by {worst:g}"
