"""Large scans are read, fitted and shown to CLIP a strip at a time, with the same values."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from support.imports import ROOT
from tooncrafter_core.errors import KeyframeError
from tooncrafter_core.models.clip import preprocess
from tooncrafter_core.models.clip.preprocess import preprocess_for_image_encoder
from tooncrafter_core.pictures import fitting, stills
from tooncrafter_core.pictures.fitting import FIT_MODES, FitMode, fit
from tooncrafter_core.pictures.keyframes import check_keyframes
from tooncrafter_core.pictures.stills import read_image, read_keyframe

WIDTH, HEIGHT = 6000, 4000
MEASURE = """
import resource, sys
import kornia, torch
from tooncrafter_core.models.clip.preprocess import preprocess_for_image_encoder
from tooncrafter_core.pictures.fitting import fit
from tooncrafter_core.pictures.stills import read_keyframe

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
picture = read_keyframe(sys.argv[1])[None]
fit(picture, 512, 320)
preprocess_for_image_encoder(picture)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.fixture
def drawing(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (300, 410, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "drawing.png")
    return tmp_path / "drawing.png"


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured in Linux's units")
def test_a_scan_takes_less_memory_than_two_copies_of_it_in_floats(tmp_path: Path) -> None:
    Image.new("RGB", (WIDTH, HEIGHT), (240, 235, 220)).save(tmp_path / "scan.png")
    command = [sys.executable, "-c", MEASURE, str(tmp_path / "scan.png")]
    found = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    # Pillow's 4 bytes a pixel, our 3, and strips of 16 MiB; floats would be 12 bytes a copy.
    assert int(found.stdout) * 1024 < 24 * WIDTH * HEIGHT


def test_levels_and_floats_give_the_same_keyframe(drawing: Path) -> None:
    levels, floats = read_keyframe(drawing), read_image(drawing)
    assert levels.dtype == torch.uint8
    assert check_keyframes(levels, levels)[0].dtype == torch.uint8
    for mode in FIT_MODES:
        one, other = (fit(image[None], 100, 70, mode)[0] for image in (levels, floats))
        torch.testing.assert_close(one, other, atol=2e-6, rtol=0)
    assert torch.equal(fit(levels[None], 410, 300, multiple=1)[0], floats[None])
    one, other = (preprocess_for_image_encoder(image[None]) for image in (levels, floats))
    torch.testing.assert_close(one, other, atol=1e-5, rtol=0)


@pytest.mark.parametrize("mode", FIT_MODES)
def test_strips_change_no_value_of_a_fitted_picture(
    mode: FitMode, drawing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = read_image(drawing)[None]
    whole = fit(picture, 130, 90, mode)[0]
    monkeypatch.setattr(fitting, "STRIP", 5000)
    torch.testing.assert_close(fit(picture, 130, 90, mode)[0], whole, atol=1e-6, rtol=0)
    direct = F.interpolate(picture, (90, 123), mode="bilinear", antialias=True)
    pad = fit(picture, 130, 90, "pad", 1)[0][..., 3:126]
    torch.testing.assert_close(pad, direct, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    "size", [(300, 410), (225, 224), (230, 223), (60, 900), (900, 60), (1, 500), (2, 3), (50, 70)]
)
def test_clip_sees_what_kornia_makes_of_the_whole_picture(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    import kornia

    picture = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(1)) * 2 - 1
    height, width = (max(side, 2) for side in size)
    expected = kornia.geometry.transform.resize(
        picture.expand(-1, -1, height, width), (224, 224), interpolation="bicubic",
        align_corners=True, antialias=True,
    )  # fmt: skip
    monkeypatch.setattr(preprocess, "STRIP", 5000)
    mean, std = (
        torch.tensor(v)[:, None, None] for v in (preprocess.CLIP_MEAN, preprocess.CLIP_STD)
    )
    found = preprocess_for_image_encoder(picture) * std + mean
    torch.testing.assert_close(found * 2 - 1, expected, atol=1e-5, rtol=0)


def test_a_picture_that_is_too_large_says_its_size_and_the_largest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("1", (16000, 12000)).save(tmp_path / "huge.png")
    words = r"16000 x 12000, 192 million pixels; at most 178 million .* Make it smaller"
    with pytest.raises(KeyframeError, match=words):
        read_image(tmp_path / "huge.png")
    # Programs around us may switch Pillow's own limit off.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    with pytest.raises(KeyframeError, match=words):
        read_image(tmp_path / "huge.png")


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "CMYK"])
def test_strips_change_no_pixel_that_is_read(
    mode: str, tmp_path: Path, drawing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Image.open(drawing) as picture:
        picture.convert(mode).save(tmp_path / "other.tiff")
    whole = read_image(tmp_path / "other.tiff")
    monkeypatch.setattr(stills, "STRIP", 410 * 7)
    assert torch.equal(read_image(tmp_path / "other.tiff"), whole)
