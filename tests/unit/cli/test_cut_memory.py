"""A cut of many segments is drawn, changed and written in the memory of a few drawings."""

import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from support.cut_commands import cut_command
from tooncrafter_core.cli import cut, main
from tooncrafter_core.interpolation.settings import InterpolationSettings
from tooncrafter_core.pictures.keyframes import Keyframes

SIZE = 128
IN_BETWEENS = 7
"""Of each segment."""


@pytest.fixture(autouse=True)
def cross_fade(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cross-fade in place of the model."""

    def draw(
        session: object, keyframes: Keyframes, settings: InterpolationSettings, *_: object
    ) -> Tensor:
        shares = torch.linspace(0, 1, settings.num_frames)[:, None, None, None]
        first, last = keyframes.pictures
        return first * (1 - shares) + last * shares

    monkeypatch.setattr(cut, "interpolate_with_progress", draw)


def write_discs(folder: Path, count: int) -> list[Path]:
    """Clear keys of a red disc, each time elsewhere."""
    files = [folder / f"A{number}.png" for number in range(1, count + 1)]
    for number, path in enumerate(files):
        image = Image.new("RGBA", (SIZE, SIZE))
        x = 10 + number * 37 % 60
        ImageDraw.Draw(image).ellipse((x, 30, x + 40, 90), (200, 40, 40, 255), (0, 0, 0, 255), 3)
        image.save(path)
    return files


def peak_of(arguments: Sequence[str]) -> int:
    """The most bytes that a command has held in pictures of levels."""
    tracemalloc.start()
    try:
        assert main(arguments) == 0
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("change", ["--colour-lock", "--alpha keep", "--smooth all"])
def test_memory_does_not_grow_with_the_number_of_segments(
    folder: Path, tmp_path: Path, change: str
) -> None:
    keys, few, many = write_discs(tmp_path, 9), 2, 8
    peaks = []
    # The first run imports what all need.
    for segments in (few, few, many):
        frames = ",".join(str(1 + (IN_BETWEENS + 1) * i) for i in range(segments + 1))
        options = ("--frames", frames, "--width", str(SIZE), "--height", str(SIZE), "--format",
                   "none", *change.split())  # fmt: skip
        out = tmp_path / f"out{len(peaks)}"
        files, checkpoint = keys[: segments + 1], folder / "tiny.safetensors"
        peaks.append(peak_of(cut_command(files, out, *options, checkpoint=checkpoint)))
        assert not any(out.rglob("*.part*"))
        assert len(list((out / "drawings").iterdir())) == segments * (IN_BETWEENS + 1) + 1
    more = (many - few) * (IN_BETWEENS + 1) * np.zeros((SIZE, SIZE, 3), np.uint8).nbytes
    # All drawings in memory would be the whole of it, and were before they were kept as files.
    assert peaks[-1] - peaks[-2] < more / 4, (peaks, more)
