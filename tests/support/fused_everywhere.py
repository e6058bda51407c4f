"""A pytest plugin: the networks take the fused kernels on the CPU, run by Triton's interpreter.

TRITON_INTERPRET=1 python -m pytest -p support.fused_everywhere tests/golden/...
"""

from torch import Tensor

from tooncrafter_core import layer_mixins, operations
from tooncrafter_core.fused import layout
from tooncrafter_core.fused.availability import DTYPES


def _can_fuse(x: Tensor) -> bool:
    # Goldens are computed without gradients, though nobody says so to torch.
    return not x.requires_grad and x.dtype in DTYPES


def _likes_channels_last(x: Tensor) -> bool:
    return True


operations.can_fuse = layer_mixins.can_fuse = _can_fuse
operations.likes_channels_last = layout.likes_channels_last = _likes_channels_last
