"""Pictures of every kind read as keyframes."""

import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tooncrafter_core.errors import KeyframeError
from tooncrafter_core.pictures.stills import read_image


def save(array: np.ndarray, path: Path, **options: object) -> Path:
    Image.fromarray(array).save(path, **options)
    return path


def test_picture_values_are_the_official_ones(tmp_path: Path) -> None:
    array = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    image = read_image(save(array, tmp_path / "grey.png"))
    assert image.shape == (3, 16, 16)
    assert image.dtype == torch.float32
    expected = (torch.arange(256.0) / 255 - 0.5) * 2
    assert torch.equal(image[1].flatten(), expected)


def test_sixteen_bit_grey_keeps_its_range(tmp_path: Path) -> None:
    array = np.array([[0, 65535], [32768, 257]], dtype=np.uint16)
    image = read_image(save(array, tmp_path / "deep.png"))
    expected = torch.tensor(array.astype(np.float32)) / 65535 * 2 - 1
    torch.testing.assert_close(image, expected.expand(3, 2, 2))


def test_float_grey_beyond_white_is_refused(tmp_path: Path) -> None:
    path = save(np.array([[0.0, 3.0]], dtype=np.float32), tmp_path / "hdr.tiff")
    with pytest.raises(KeyframeError, match="beyond black and white"):
        read_image(path)


def test_transparent_pictures_lie_over_white(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    array = np.array([[[0, 0, 0, 0], [255, 0, 0, 255], [0, 0, 0, 51]]], dtype=np.uint8)
    with caplog.at_level(logging.INFO):
        image = read_image(save(array, tmp_path / "clear.png"))
    assert image[:, 0, 0].tolist() == [1, 1, 1]
    assert image[:, 0, 1].tolist() == [1, -1, -1]
    assert image[0, 0, 2].item() == pytest.approx(0.6)
    assert "transparent" in caplog.text


def test_palettes_and_their_transparency_are_understood(tmp_path: Path) -> None:
    paletted = Image.fromarray(np.array([[0, 1]], dtype=np.uint8), mode=None).convert("P")
    paletted.putpalette([255, 0, 0, 0, 0, 255] + [0] * 762)
    paletted.putdata([0, 1])
    paletted.save(tmp_path / "opaque.png")
    paletted.save(tmp_path / "clear.png", transparency=1)
    assert read_image(tmp_path / "opaque.png")[:, 0].T.tolist() == [[1, -1, -1], [-1, -1, 1]]
    assert read_image(tmp_path / "clear.png")[:, 0].T.tolist() == [[1, -1, -1], [1, 1, 1]]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "CMYK", "RGBA"])
def test_every_mode_gives_three_channels(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "white.tiff"
    Image.new("RGB", (4, 3), "white").convert(mode).save(path)
    image = read_image(path)
    assert image.shape == (3, 3, 4)
    assert image.min() == 1


def test_exif_orientation_is_obeyed(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "turned.png"
    Image.new("RGB", (30, 20)).save(path, exif=exif)
    assert read_image(path).shape == (3, 30, 20)


def test_missing_and_broken_pictures_are_reported_in_words(tmp_path: Path) -> None:
    with pytest.raises(KeyframeError, match="no picture at"):
        read_image(tmp_path / "none.png")
    broken = tmp_path / "broken.png"
    broken.write_text("not a picture")
    with pytest.raises(KeyframeError, match="cannot be read as a picture"):
        read_image(broken)
    whole = save(
        np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8), tmp_path / "a.png"
    )
    broken.write_bytes(whole.read_bytes()[:2000])
    with pytest.raises(KeyframeError, match="cannot be read as a picture"):
        read_image(broken)
