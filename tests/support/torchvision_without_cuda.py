"""Lets a CUDA build of torchvision be imported with a CPU build of PyTorch.

PyPI's Linux wheels of torchvision are CUDA builds. Without CUDA libraries their compiled
part does not load, no operator is declared, and the import ends in "operator
torchvision::nms does not exist", because the Python part describes operators that it
expects to be there. Declaring just their signatures is enough: transforms and models are
plain Python and work as they are, while a call of a compiled operator still fails.

`dev.py` copies this file into the test environment and starts it through a `.pth` line,
so every process there has it. Nothing of it is used outside the test environment.
"""

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

SIGNATURES = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


class TorchvisionWatcher(MetaPathFinder):
    """Steps in once, right before torchvision is imported for the first time."""

    def __init__(self) -> None:
        # A torch.library.Library takes its declarations back when it is collected.
        self.library: Any = None

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Declare the operators if torchvision cannot, and leave the import to the others."""
        if fullname == "torchvision":
            sys.meta_path.remove(self)
            spec = importlib.util.find_spec("torchvision")
            if spec is not None and spec.origin is not None:
                self.declare_missing_operators(Path(spec.origin).parent)
        return None

    def declare_missing_operators(self, package: Path) -> None:
        """Declare the signatures unless the compiled part of torchvision brings them."""
        import torch

        for compiled in package.glob("_C*.so"):
            try:
                torch.ops.load_library(str(compiled))
            except OSError:
                continue
            return
        self.library = torch.library.Library("torchvision", "FRAGMENT")
        for signature in SIGNATURES:
            self.library.define(signature)


WATCHER = TorchvisionWatcher()


def install() -> None:
    """Watch for the import of torchvision; Linux only, as other wheels are CPU builds."""
    if sys.platform == "linux":
        sys.meta_path.insert(0, WATCHER)
