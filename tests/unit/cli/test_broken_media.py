"""Broken pictures and films end every command that reads them in one sentence."""

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from support.command_line import command, failure
from support.films import encode, numbered
from tooncrafter_core.cli import main


def saved(form: str, size: int = 64) -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (size, size, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, format=form)
    return buffer.getvalue()


def broken_pictures() -> dict[str, bytes]:
    """Under names of other formats, and cut off."""
    found = {
        "cut.png": saved("PNG")[:900],
        "webp.png": saved("WEBP")[:300],
        "gif.jpg": saved("GIF")[:500],
        "dds.png": saved("DDS"),
        "ppm.png": b"P6 64 64 99999 " + bytes(300),
        "text.png": b"no picture " * 40,
    }
    Image.init()
    if "AVIF" in Image.SAVE:
        found["avif.png"] = saved("AVIF")[:200]
    return found


def two_sizes(path: Path) -> Path:
    """PNG pictures of two sizes as one stream."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("png", rate=24)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb24"
        for number, side in enumerate([48, 48, 48, 32, 32, 32]):
            image = io.BytesIO()
            Image.new("RGB", (side * 4 // 3, side), (40 * number, 9, 9)).save(image, format="PNG")
            packet = av.Packet(image.getvalue())
            packet.stream, packet.pts, packet.dts = stream, number, number
            packet.time_base, packet.is_keyframe = Fraction(1, 24), True
            container.mux(packet)
    return path


def undecodable(path: Path) -> Path:
    """A film whose packets are noise."""
    encode(path, numbered(6), codec="png", pixel_format="rgb24")
    content = path.read_bytes()
    noise = np.random.default_rng(0).integers(0, 256, len(content), np.uint8).tobytes()
    start = content.find(b"mdat") + 4
    end = content.find(b"moov", start) - 4
    path.write_bytes(content[:start] + noise[start:end] + content[end:])
    return path


def broken_films(folder: Path) -> dict[str, Path]:
    (folder / "cut.mp4").write_bytes(encode(folder / "whole.mp4", numbered(9)).read_bytes()[:-900])
    unknown = encode(folder / "unknown.mov", numbered(6), codec="png", pixel_format="rgb24")
    content = unknown.read_bytes()
    place = content.index(b"png ", content.index(b"stsd"))
    unknown.write_bytes(content[:place] + b"zzzz" + content[place + 4 :])
    (folder / "whole.mp4").unlink()
    undecodable(folder / "noise.mov")
    two_sizes(folder / "sizes.mov")
    return {name: folder / name for name in FILMS}


FILMS = ["cut.mp4", "unknown.mov", "noise.mov", "sizes.mov"]


@pytest.mark.parametrize("name", broken_pictures())
def test_a_broken_picture_is_named_by_every_command(
    name: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames, out = tmp_path / "frames", tmp_path / "out"
    frames.mkdir()
    path = frames / name
    path.write_bytes(broken_pictures()[name])
    clip = command(folder, "-o", out / "a.mp4")
    Image.new("RGB", (64, 64)).save(frames / "zz.png")
    tiny = str(folder / "tiny.safetensors")
    commands = [
        [clip[0], str(path), *clip[2:]],
        ["cut", "--keys", str(frames), "--frames", "1,9", "-o", str(out), "--checkpoint", tiny],
        ["evaluate", "compare", str(frames), "-o", str(out), "--quiet"],
        ["dataset", "build", str(frames), "-o", str(out), "--quiet"],
    ]
    for arguments in commands:
        assert name in failure(capsys, arguments), arguments


@pytest.mark.parametrize("name", FILMS)
def test_a_broken_film_is_named_by_every_command(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = broken_films(tmp_path)[name], tmp_path / "out"
    for arguments in (
        ["evaluate", "compare", str(path), "-o", str(out), "--quiet"],
        ["evaluate", "cut", str(path), "-o", str(out), "--quiet"],
    ):
        assert name in failure(capsys, arguments), arguments


def test_broken_films_among_whole_ones_are_rows_of_a_data_set(tmp_path: Path) -> None:
    films = tmp_path / "films"
    films.mkdir()
    broken_films(films)
    encode(films / "good.mp4", numbered(40))
    assert main(["dataset", "build", str(films), "-o", str(tmp_path / "out"), "--quiet"]) == 0
    report = (tmp_path / "out" / "report.md").read_text("utf-8")
    assert all(name in report for name in FILMS) and "good" not in report.partition("Errors")[2]
