"""Colours of films: the stated matrix and range, and HDR brought to the range of a screen."""

from pathlib import Path

import av
import av.error
import numpy as np
import pytest

from tooncrafter_core.errors import FilmError
from tooncrafter_core.pictures.films import open_film, pixels


@pytest.mark.parametrize("is_full", [False, True])
@pytest.mark.parametrize(("number", "red", "blue"), [(6, 0.299, 0.114), (1, 0.2126, 0.0722)])
@pytest.mark.parametrize("bits", [8, 10])
def test_colours_are_those_of_the_stated_matrix_and_range(
    number: int, red: float, blue: float, is_full: bool, bits: int, tmp_path: Path
) -> None:
    patches = np.array([[250, 20, 30], [20, 240, 30], [30, 40, 250], [128, 128, 128], [0, 0, 0]])
    r, g, b = (patches / 255).T
    light = red * r + (1 - red - blue) * g + blue * b
    tint = (b - light) / (2 - 2 * blue), (r - light) / (2 - 2 * red)
    most, unit = 2**bits - 1, 2 ** (bits - 8)
    planes = [light * most, *(t * most + 128 * unit for t in tint)]
    if not is_full:
        planes = [(16 + 219 * light) * unit, *((128 + 224 * t) * unit for t in tint)]
    stored = np.rint(np.repeat(planes, 16, axis=1)).clip(0, most)
    dtype, pixel_format = (np.uint8, "yuv444p") if bits == 8 else (np.uint16, "yuv444p10le")
    path = tmp_path / "patches.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=24)
        stream.width, stream.height, stream.pix_fmt = 80, 32, pixel_format
        context = stream.codec_context
        context.colorspace, context.color_range = number, 2 if is_full else 1
        frame = av.VideoFrame(80, 32, pixel_format)
        for plane, row in zip(frame.planes, stored, strict=True):
            lines = np.zeros((32, plane.line_size // dtype().itemsize), dtype)
            lines[:, :80] = row
            plane.update(lines.tobytes())
        frame.colorspace, frame.color_range = number, 2 if is_full else 1
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    found = open_film(path).read([0])[0][16, 8::16].astype(int)
    assert np.abs(found - patches).max() <= 2


def nits_as_pq(nits: float) -> float:
    """The signal of a brightness by SMPTE ST 2084."""
    power = (nits / 10000) ** (2610 / 16384)
    return ((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32)


def hdr_film(path: Path, transfer: int) -> Path:
    """Grey patches of 0, 10, 100 and 1000 nits by PQ."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=24)
        stream.width, stream.height, stream.pix_fmt = 256, 64, "yuv420p10le"
        context = stream.codec_context
        context.colorspace, context.color_primaries, context.color_trc = 9, 9, transfer
        context.color_range = 1
        frame = av.VideoFrame(256, 64, "yuv420p10le")
        for number, plane in enumerate(frame.planes):
            lines = np.full((plane.height, plane.line_size // 2), 512, np.uint16)
            if number == 0:
                for patch, nits in enumerate((0, 10, 100, 1000)):
                    lines[:, 64 * patch : 64 * patch + 64] = round(64 + 876 * nits_as_pq(nits))
            plane.update(lines.tobytes())
        frame.pts = 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("transfer", [16, 18])
def test_hdr_films_are_tone_mapped_or_refused_in_words(transfer: int, tmp_path: Path) -> None:
    path = hdr_film(tmp_path / "hdr.mkv", transfer)
    if not can_tone_map():
        with pytest.raises(FilmError, match=r"is an HDR film .*tonemap=hable"):
            open_film(path)
        return
    film = open_film(path)
    assert film.changes == ("tone-mapped",)
    black, *greys = film.read([0])[0][32, 32::64].astype(int).mean(-1)
    assert black < 5 and black < greys[0] < greys[1] < greys[2]
    # What is dark has a high level in PQ, and a low one on a screen; HLG is made for both.
    if transfer == 16:
        assert greys[0] < 255 * nits_as_pq(10) - 10


def test_an_hdr_film_is_refused_where_ffmpeg_cannot_tone_map(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pixels, "TONE_MAPPED", "unknown_option=1")
    with pytest.raises(FilmError, match=r"'hdr.mkv' is an HDR film \(smpte2084\).*tonemap=hable"):
        open_film(hdr_film(tmp_path / "hdr.mkv", 16))


def can_tone_map() -> bool:
    try:
        pixels.linked(av.VideoFrame(64, 64, "yuv420p10le"), [("scale", pixels.TONE_MAPPED)])
    except (av.error.FFmpegError, ValueError):
        return False
    return True
