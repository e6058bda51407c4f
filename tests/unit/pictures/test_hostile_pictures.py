"""Pictures of other programs: profiles become sRGB, and what is no single picture is refused."""

import os
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tooncrafter_core.errors import FilmError, KeyframeError
from tooncrafter_core.pictures.films import open_film
from tooncrafter_core.pictures.stills import STILL_FORMATS, read_image, read_levels

EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n"


@pytest.mark.skipif(os.name == "nt", reason="the program is a script of a Unix shell")
def test_postscript_under_another_name_starts_no_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "gs"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch {tmp_path / 'started'}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    assert "EPS" not in STILL_FORMATS
    for name in ("a.png", "a.eps", "a.jpg", "a.tga"):
        (tmp_path / name).write_bytes(EPS)
        with pytest.raises(KeyframeError, match="cannot be read as a picture"):
            read_image(tmp_path / name)
    assert not (tmp_path / "started").exists()


# Of Adobe RGB (1998): gamma and the primaries for a white of D50; and of sRGB.
GAMMA = 563 / 256
ADOBE = np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322],
                  [0.01947, 0.06087, 0.74457]])  # fmt: skip
SRGB = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061],
                 [0.01392, 0.09708, 0.71410]])  # fmt: skip


def adobe_profile() -> bytes:
    """The smallest ICC profile of a screen: white, three primaries, one gamma."""

    def xyz(values: np.ndarray) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(v * 65536)) for v in values)

    curve = b"curv\0\0\0\0" + struct.pack(">IHH", 1, round(GAMMA * 256), 0)
    text = b"desc\0\0\0\0" + struct.pack(">I", 6) + b"Adobe\0" + bytes(78) + bytes(2)
    tags = {b"desc": text, b"wtpt": xyz(np.array([0.9642, 1.0, 0.8249]))}
    tags |= {b"cprt": b"text\0\0\0\0none\0\0\0\0"}
    for column, colour in enumerate(b"rgb"):
        tags[bytes([colour]) + b"XYZ"] = xyz(ADOBE[:, column])
        tags[bytes([colour]) + b"TRC"] = curve
    place, table, body = 128 + 4 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += name + struct.pack(">II", place + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    white = struct.pack(">iii", 63190, 65536, 54061)
    head = struct.pack(">I4sI", place + len(body), bytes(4), 0x02100000) + b"mntrRGB XYZ "
    head += bytes(12) + b"acsp" + bytes(28) + white
    return head + bytes(128 - len(head)) + table + body


@pytest.mark.parametrize("name", ["a.png", "a.tiff", "a.webp"])
def test_colours_of_another_profile_are_shown_in_srgb(name: str, tmp_path: Path) -> None:
    patches = np.array(
        [[128, 128, 128], [200, 120, 90], [90, 140, 110], [60, 60, 130], [240, 230, 200]], np.uint8
    )
    pixels = np.repeat(patches, 16, 0)[None].repeat(16, 0)
    lossless = {"lossless": True} if name.endswith("webp") else {}
    Image.fromarray(pixels).save(tmp_path / name, icc_profile=adobe_profile(), **lossless)
    light = np.linalg.inv(SRGB) @ ADOBE @ ((patches / 255) ** GAMMA).T
    shown = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light.clip(0) ** (1 / 2.4) - 0.055)
    expected = (255 * shown).T.round()
    assert np.abs(expected - patches).max() > 4
    found = read_levels(tmp_path / name)[8, 8::16].astype(int)
    assert np.abs(found - expected).max() <= 2


@pytest.mark.parametrize("name", ["a.tiff", "a.gif", "a.webp", "a.png"])
def test_a_keyframe_is_one_picture_not_several(name: str, tmp_path: Path) -> None:
    first, *others = (Image.new("RGB", (16, 16), colour) for colour in ("red", "lime", "blue"))
    first.save(tmp_path / name, save_all=True, append_images=others)
    with pytest.raises(KeyframeError, match="holds 3 pictures, and one is needed here") as caught:
        read_image(tmp_path / name)
    assert str(caught.value).count(name) == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
def test_pipes_and_devices_are_no_pictures(tmp_path: Path) -> None:
    for name in ("a.png", "1.png"):
        folder = tmp_path / name.partition(".")[0]
        folder.mkdir()
        os.mkfifo(folder / name)
        with pytest.raises(KeyframeError, match=f"'{name}' is a pipe or a device"):
            read_image(folder / name)
        with pytest.raises(FilmError, match=f"'{name}' is a pipe or a device"):
            open_film(folder)
    with pytest.raises(KeyframeError, match="pipe or a device"):
        read_image("/dev/zero")
    frames = tmp_path / "frames"
    frames.mkdir()
    Image.new("RGB", (16, 16)).save(frames / "1.png")
    os.mkfifo(frames / "2.png")
    with pytest.raises(FilmError, match=r"'2.png' is a pipe or a device"):
        open_film(frames).read([0, 1])


@pytest.mark.parametrize("content", [b"", b"no film " * 99, b"RIFF\x20\0\0\0WEBPVP8X" + bytes(9)])
@pytest.mark.parametrize("name", ["odd name.mp4", "odd name.webp", "odd name.gif"])
def test_an_error_of_a_film_says_its_name_once(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FilmError) as caught:
        open_film(tmp_path / name)
    assert str(caught.value).count(name) == 1


def test_a_folder_without_a_name_is_said_by_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(KeyframeError, match=r"'\.' is a folder, not a file"):
        read_image(Path())
