"""Documents of drawing programs are named, and none of a folder is left out without a word."""

from pathlib import Path

import pytest
from PIL import Image

from tooncrafter_core.errors import FilmError, KeyframeError
from tooncrafter_core.pictures.films import all_pictures, open_film
from tooncrafter_core.pictures.stills import read_keyframe

DOCUMENTS = {
    "key.psd": (b"8BPS\0\1", "a Photoshop document"),
    "key.png": (b"8BPS\0\1", "a Photoshop document"),
    "key.clip": (b"CSFCHUNK", "a Clip Studio Paint document"),
    "key.kra": (b"PK\3\4" + bytes(26) + b"mimetypeapplication/x-krita", "a Krita document"),
    "key.ora": (b"PK\3\4" + bytes(26) + b"mimetypeimage/openraster", "an OpenRaster document"),
    "key.procreate": (b"PK\3\4", "a ZIP archive, or a document that is packed as one"),
    "key.xcf": (b"gimp xcf v011", "a GIMP document"),
    "key.ai": (b"%PDF-1.5", "a PDF or Illustrator document"),
    "key.eps": (b"%!PS-Adobe-3.0 EPSF-3.0", "a PostScript document"),
    "key.svg": (b'<?xml version="1.0"?>\n<!-- by hand -->\n<svg xmlns="x">', "an SVG drawing"),
    "download.png": (b"\n<!DOCTYPE html><html>", "a web page"),
    "photo.heic": (b"\0\0\0\x18ftypheic", "an HEIF picture"),
    "key.jxl": (b"\xff\x0a", "a JPEG XL picture"),
    "key.exr": (b"\x76\x2f\x31\x01", "an OpenEXR picture"),
    "clip.mp4": (b"\0\0\0\x18ftypmp42", "a film"),
    "noise.png": (b"\x9d\x81 nothing", "none of PNG, JPEG, WebP"),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_named_with_the_way_out(name: str, tmp_path: Path) -> None:
    content, kind = DOCUMENTS[name]
    path = tmp_path / name
    path.write_bytes(content + bytes(200))
    with pytest.raises(KeyframeError) as refused:
        read_keyframe(path)
    assert f"'{path}' cannot be read as a picture: it is {kind}" in str(refused.value)
    assert "as PNG" in str(refused.value)


def folder_of(tmp_path: Path, *names: str) -> Path:
    for name in names:
        Image.new("RGB", (32, 32)).save(tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("names", [("1.png", "3.png"), ("A_0001.png", "A_0003.jpg")])
@pytest.mark.parametrize("ending", [".psd", ".clip", ".gif", ".ppm"])
def test_a_drawing_between_others_is_never_left_out(
    tmp_path: Path, names: tuple[str, str], ending: str
) -> None:
    folder = folder_of(tmp_path, *names)
    left_out = folder / names[0].replace("1.png", f"2{ending}")
    left_out.write_bytes(b"GIF89a" if ending == ".gif" else b"8BPS")
    with pytest.raises(KeyframeError, match=rf"2\{ending}' lies among 2 pictures and would be"):
        all_pictures(folder)
    with pytest.raises(FilmError, match="Save it as PNG, or take it out"):
        open_film(folder)


def test_what_is_no_frame_may_lie_among_pictures(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "1.png", "2.png")
    for name in ("walk.psd", "2.psd", "._3.psd", "3.txt", "sheet 4.xdts"):
        (folder / name).write_bytes(b"8BPS")
    (folder / "3.psd").mkdir()
    assert [path.name for path in all_pictures(folder)] == ["1.png", "2.png"]
    assert open_film(folder).num_frames == 2
