"""Features for the distances between sets of videos: one row for each video.

FVD and KVD are distances of I3D's features; the user supplies its weights as TorchScript. Without
them the same distances are computed from AlexNet's features, under other names.

Legend: t frames, c channels (3), h w space, d features; videos in [-1, 1].
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from einops import rearrange, reduce
from torch import Tensor

from ..checkpoints.weight_packages import describe_file
from ..errors import EvaluationError
from ..pictures.levels import on_scale_of_levels
from .lpips import CHUNK, Lpips
from .metric import check_pair
from .torchscript import check_torchscript, no_torchscript

MIN_I3D_FRAMES = 10
"""Least number of frames: I3D halves the time several times."""


class VideoFeatures(Protocol):
    """Turns a video into a row of numbers."""

    @property
    def titles(self) -> tuple[str, str, str]:
        """Titles of the Frechet, the kernel and the paired distance of these features."""
        ...

    @property
    def weights(self) -> str:
        """Which weights they come from, in words."""
        ...

    def __call__(self, video: Tensor) -> Tensor:
        """``t 3 h w`` to ``d``."""
        ...


@dataclass(frozen=True)
class AlexNetFeatures:
    """The last layer of LPIPS's AlexNet, averaged over the picture.

    Means over time describe the content, mean differences from frame to frame its change.
    """

    network: Lpips
    titles: tuple[str, str, str] = ("Frechet-AlexNet", "Kernel-AlexNet", "Paired-AlexNet")

    @property
    def weights(self) -> str:
        """See ``VideoFeatures``."""
        return f"AlexNet of {self.network.weights}, averaged; not I3D, so neither FVD nor KVD"

    @torch.no_grad()
    def __call__(self, video: Tensor) -> Tensor:
        """See ``VideoFeatures``; 512 features. ``EvaluationError`` for a wrong shape or values."""
        check_pair(video, video)
        last = [list(self.network.features(chunk))[-1] for chunk in video.split(CHUNK)]
        frames = reduce(torch.cat(last), "t c h w -> t c", "mean")
        return torch.cat([frames.mean(0), (frames[1:] - frames[:-1]).abs().mean(0)])


class I3dFeatures:
    """The features of an I3D network in TorchScript, as StyleGAN-V's ``i3d_torchscript.pt``."""

    titles = ("FVD", "KVD", "Paired-I3D")

    def __init__(self, path: str | Path) -> None:
        """``EvaluationError`` for no TorchScript, or one that does more than compute."""
        path = Path(path)
        if not path.is_file():
            raise EvaluationError(f"There is no I3D TorchScript file at '{path}'.")
        check_torchscript(path)
        try:
            self.network = torch.jit.load(str(path), map_location="cpu").eval()
        except (RuntimeError, ValueError) as error:
            raise no_torchscript(path, str(error).splitlines()[0]) from error
        self.weights = f"I3D of {describe_file(path)}"

    @torch.no_grad()
    def __call__(self, video: Tensor) -> Tensor:
        """See ``VideoFeatures``; the network itself resizes and rescales.

        ``EvaluationError`` when the video is too short or the network has another signature.
        """
        check_pair(video, video)
        if video.shape[0] < MIN_I3D_FRAMES:
            raise EvaluationError(
                f"I3D needs {MIN_I3D_FRAMES} frames or more, the video has {video.shape[0]}."
            )
        levels = rearrange(on_scale_of_levels(video.float()), "t c h w -> 1 c t h w")
        try:
            features = self.network(levels, rescale=True, resize=True, return_features=True)
        except RuntimeError as error:
            raise EvaluationError(
                "The I3D file does not take (video, rescale, resize, return_features) as StyleGAN-"
                f"V's does: {str(error).strip().splitlines()[-1]}"
            ) from error
        if features.ndim != 2 or features.shape[0] != 1:
            raise EvaluationError(
                f"The I3D file gave {tuple(features.shape)} where one row of features was expected."
            )
        return features[0].float()
