"""A pytest plugin: the networks take the fused kernels on the CPU, run by Triton's interpreter.

TRITON_INTERPRET=1 python -m pytest -p support.fused_everywhere tests/golden/...
"""

from typing import Any

from torch import Tensor

launched: list[object] = []


def pytest_collection_finish() -> None:
    """Patch what the tests have read by now, ComfyUI's copy of the core included."""
    from tooncrafter_core.layers import convolutions, norms, operations
    from tooncrafter_core.layers import upsampled_conv as enlarging
    from tooncrafter_core.layers.kernels import calls as launch
    from tooncrafter_core.layers.kernels import memory_order as layout
    from tooncrafter_core.layers.kernels.availability import OLDEST_CARD

    def can_fuse(x: Tensor) -> bool:
        # Goldens are computed without gradients, though nobody says so to torch.
        return not x.requires_grad and x.dtype in OLDEST_CARD

    def likes_channels_last(x: Tensor) -> bool:
        return True

    class Counted(launch.Kernel):
        def __call__(self, grid: tuple[int, int, int], key: object, *arguments: Any) -> None:
            launched.append(key)
            super().__call__(grid, key, *arguments)

    for module in (operations, convolutions, norms, enlarging):
        module.can_fuse = can_fuse
    operations.likes_channels_last = layout.likes_channels_last = likes_channels_last
    for value in vars(launch).values():
        for kernel in value.values() if isinstance(value, dict) else [value]:
            if isinstance(kernel, launch.Kernel):
                kernel.__class__ = Counted


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many kernels ran: none would mean that nothing was tested."""
    terminalreporter.write_line(f"{len(launched)} kernels launched")
