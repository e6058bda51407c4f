"""Which files are pictures, which are films, and which are neither."""

import stat
from pathlib import Path

from ..errors import ToonCrafterError

PICTURE_EXTENSIONS = frozenset(
    [".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".apng", ".avif", ".tga"]
)
"""Of pictures in a folder; those that hold several frames are films."""
VIDEO_EXTENSIONS = frozenset(
    [".mp4", ".m4v", ".mkv", ".webm", ".mov", ".avi", ".mpg", ".mpeg", ".vob", ".ts", ".m2ts",
     ".mts", ".mxf", ".wmv", ".flv", ".ogv", ".y4m"]
)  # fmt: skip
LARGEST_PIXELS = 178_000_000
"""Of a picture or a frame: 13300 x 13300, more than A2 at 600 dpi has."""

_ANIMATED = frozenset([".gif", ".png", ".apng", ".webp"])
_BEGINNING = 1 << 16
"""Bytes at whose start a PNG says whether it is animated, behind a colour profile if any."""


def check_regular(path: Path, kind: type[ToonCrafterError]) -> None:
    """Refuse what is no ordinary file: reading a pipe or a device would never end.

    ``kind`` is the class of the error.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise kind(f"'{path.name or path}' cannot be read: {error.strerror or error}.") from error
    if stat.S_ISDIR(found.st_mode):
        raise kind(f"'{path.name or path}' is a folder, not a file.")
    if not stat.S_ISREG(found.st_mode):
        raise kind(f"'{path.name or path}' is a pipe or a device; only ordinary files are read.")
    if not found.st_size:
        raise kind(f"'{path.name or path}' is an empty file.")


def is_animation(path: Path) -> bool:
    """Whether a picture holds several frames, by the first bytes of the file.

    Of GIF files all count, as frames may come at any place.
    """
    if path.suffix.lower() not in _ANIMATED or not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(_BEGINNING)
    if head[:4] == b"RIFF":
        return head[8:16] == b"WEBPVP8X" and bool(int.from_bytes(head[20:21], "big") & 2)
    if head[:4] == b"\x89PNG":
        return b"acTL" in head.partition(b"IDAT")[0]
    return head[:4] == b"GIF8"
