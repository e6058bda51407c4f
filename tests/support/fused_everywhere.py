"""A pytest plugin: the networks take the fused kernels on the CPU, run by Triton's interpreter.

TRITON_INTERPRET=1 python -m pytest -p support.fused_everywhere tests/golden/...
"""

from typing import Any

from torch import Tensor

from tooncrafter_core import layer_mixins, operations
from tooncrafter_core.fused import launch, layout
from tooncrafter_core.fused.availability import OLDEST_CARD

launched: list[object] = []


def _can_fuse(x: Tensor) -> bool:
    # Goldens are computed without gradients, though nobody says so to torch.
    return not x.requires_grad and x.dtype in OLDEST_CARD


def _likes_channels_last(x: Tensor) -> bool:
    return True


class _Counted(launch.Kernel):
    def __call__(self, grid: tuple[int, int, int], key: object, *arguments: Any) -> None:
        launched.append(key)
        super().__call__(grid, key, *arguments)


def _count_kernels() -> None:
    for name, kernel in vars(launch).items():
        for found in kernel.values() if isinstance(kernel, dict) else [kernel]:
            if isinstance(found, launch.Kernel) and not name.startswith("__"):
                found.__class__ = _Counted


operations.can_fuse = layer_mixins.can_fuse = _can_fuse
operations.likes_channels_last = layout.likes_channels_last = _likes_channels_last
_count_kernels()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many kernels ran: none would mean that nothing was tested."""
    terminalreporter.write_line(f"{len(launched)} kernels launched")
