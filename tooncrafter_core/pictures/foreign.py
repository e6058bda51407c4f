"""Names what is no picture that we read: documents of drawing programs, and other files."""

import re
from collections.abc import Sequence
from pathlib import Path

from ..errors import KeyframeError
from ..files import in_order
from .kinds import PICTURE_EXTENSIONS

READABLE = "PNG, JPEG, WebP, BMP, TIFF, GIF, PPM, TGA or AVIF"
_BY_BEGINNING: tuple[tuple[str, str], ...] = (
    (r"8BPS", "a Photoshop document"),
    (r"CSFCHUNK", "a Clip Studio Paint document"),
    (r"PK\x03\x04.{26}mimetypeapplication/x-krita", "a Krita document"),
    (r"PK\x03\x04.{26}mimetypeimage/openraster", "an OpenRaster document"),
    (r"PK\x03\x04", "a ZIP archive, or a document that is packed as one"),
    (r"gimp xcf", "a GIMP document"),
    (r"%PDF", "a PDF or Illustrator document"),
    (r"%!PS|\xc5\xd0\xd3\xc6", "a PostScript document"),
    (r"\s*(\xef\xbb\xbf)?(<\?xml.*)?(<!--.*)?<(!DOCTYPE )?svg", "an SVG drawing"),
    (r"\s*(\xef\xbb\xbf)?<(!DOCTYPE )?html", "a web page"),
    (r".{4}ftyp(hei|hev|mif1|msf1)", "an HEIF picture"),
    (r"\xff\x0a|\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (r"\x76\x2f\x31\x01", "an OpenEXR picture"),
    (r"DDS |\0\0\x01\0", "a picture for programs (DDS or ICO)"),
    (r".{4}ftyp|\x1a\x45\xdf\xa3|RIFF.{4}AVI |\0\0\x01\xba", "a film"),
)
"""What files begin with, as patterns of their bytes, and what they are."""
DOCUMENT_EXTENSIONS = frozenset(
    [".psd", ".psb", ".clip", ".lip", ".kra", ".ora", ".xcf", ".svg", ".ai", ".pdf", ".eps",
     ".sai", ".sai2", ".procreate", ".tvpp", ".tlv", ".pli", ".heic", ".heif", ".jxl", ".exr",
     ".dpx", ".ppm", ".pgm", ".pbm", ".pnm", ".jfif"]
)  # fmt: skip
"""Of drawings that lie among pictures and are not read there."""
_HEAD = 1024


def what_it_is(path: Path) -> str | None:
    """What a file is that is none of the pictures that are read; None where nobody knows."""
    with path.open("rb") as file:
        head = file.read(_HEAD).decode("latin-1")
    for pattern, kind in _BY_BEGINNING:
        if re.match(pattern, head, re.DOTALL | re.IGNORECASE):
            return kind
    return None


def check_none_left_out(folder: Path, pictures: Sequence[Path]) -> None:
    """``KeyframeError`` for a drawing of a folder that is left out and numbered like the others.

    So ``2.psd`` between ``1.png`` and ``3.png`` would be missing in the film. A document of
    another name, and one with a picture of the same name, may lie there.
    """
    found, taken = set(pictures), {path.stem for path in pictures}
    numbered = {_pattern(path) for path in pictures}
    for path in in_order(folder.iterdir()):
        is_drawing = path.suffix.lower() in PICTURE_EXTENSIONS | DOCUMENT_EXTENSIONS
        if not is_drawing or path in found or path.stem in taken or not path.is_file():
            continue
        if re.search(r"\d", path.stem) and _pattern(path) in numbered:
            raise KeyframeError(
                f"'{path}' lies among {len(pictures)} pictures and would be left out: it is "
                f"{what_it_is(path) or 'an animation, or of another kind'}. Save it as PNG, or "
                "take it out of the folder."
            )


def _pattern(path: Path) -> str:
    """A name without its numbers."""
    return re.sub(r"\d+", "#", path.stem)
