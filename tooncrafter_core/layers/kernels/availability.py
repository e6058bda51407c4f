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

OLDEST_CARD = {torch.float16: (7, 5), torch.float32: (7, 5), torch.bfloat16: (8, 0)}
"""Compute capability: Triton compiles for Turing and later, Turing has no bfloat16."""

FAR = {torch.float16: 5e-3, torch.float32: 1e-4, torch.bfloat16: 4e-2}
"""Relative difference to torch's results from which a kernel counts as broken."""

FAILURES = (
    RuntimeError, OSError, ImportError, AttributeError, TypeError, ValueError, KeyError,
    subprocess.CalledProcessError,
)  # fmt: skip
"""By which Triton says, besides its own errors, that it cannot work: no C compiler, no headers of
Python, a wrong version."""

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
    traced, whose compiler fuses on its own.
    """
    return (
        x.is_cuda
        and not torch.is_grad_enabled()
        and not torch.compiler.is_compiling()
        and not torch.is_autocast_enabled()
        and _serves(x)
    )


def likes_channels_last(x: Tensor) -> bool:
    """Whether the device of ``x`` is quicker with the channels of a pixel side by side.

    So it is where the norms are fused; torch's own would turn every picture round and back.
    """
    if not x.is_cuda:
        return False
    # A compiler writes such kernels itself, and cannot follow the question.
    return torch.compiler.is_compiling() or _serves(x)


def _serves(x: Tensor) -> bool:
    """Whether the kernels are wanted and work on the card of ``x``, in its precision."""
    return x.dtype in OLDEST_CARD and _is_wanted.get() and works_on(x.device.index, x.dtype)


@cache
def works_on(index: int, dtype: torch.dtype) -> bool:
    """Whether the kernels work on a card: tried once, with the reason in the log if they do not."""
    if os.environ.get(SWITCH, "1") == "0" or torch.version.cuda is None:
        return False
    if torch.cuda.get_device_capability(index) < OLDEST_CARD[dtype]:
        return False
    if importlib.util.find_spec("triton") is None:
        logger.info("Triton is not installed, so torch's own kernels are used: right, but slower.")
        return False
    reason = why_not(torch.device("cuda", index), dtype)
    if reason:
        logger.warning(
            "The fused kernels do not work here, torch's own are used: right, but slower. Triton "
            "needs a C compiler and Python's headers. It said: %s", reason,
        )  # fmt: skip
    return not reason


def why_not(device: torch.device, dtype: torch.dtype) -> str:
    """Why the kernels cannot be used; empty when all of them give what torch gives.

    Where Triton's results cannot be launched directly, they are looked up in every call.
    """
    reason = ""
    try:
        from triton.errors import TritonError  # pyright: ignore[reportMissingImports]

        from .calls import Kernel
        from .self_test import worst_difference
    except FAILURES as error:
        return _in_words(error)
    before = Kernel.is_direct
    for is_direct in (True, False):
        Kernel.is_direct = is_direct
        try:
            with torch.no_grad():
                found = worst_difference(device, dtype)
        except (*FAILURES, TritonError) as error:
            reason = _in_words(error)
            continue
        if found < FAR[dtype]:
            return ""
        reason = f"a result is wrong by {found:g}"
    Kernel.is_direct = before
    return reason


def _in_words(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]
