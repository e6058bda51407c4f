"""Which pictures count as transparent."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tooncrafter_core.errors import KeyframeError
from tooncrafter_core.pictures.transparency import (
    can_be_transparent,
    is_transparent,
    transparency_note,
)


def saved(path: Path, kind: str) -> Path:
    """A picture of 4x4 pixels with one black pixel, which is clear where the kind says so."""
    grey = np.full((4, 4), 200, dtype=np.uint8)
    grey[1, 1] = 0
    image = Image.fromarray(grey)
    if kind == "clear":
        image.putalpha(Image.fromarray(grey.astype(bool)))
    elif kind == "opaque with alpha":
        image = image.convert("RGBA")
    elif kind == "clear colour":
        image.save(path, transparency=0)
        return path
    elif kind == "clear grey of 16 bits":
        Image.fromarray(grey.astype(np.uint16)).save(path, transparency=0)
        return path
    image.save(path)
    return path


@pytest.mark.parametrize(
    ("kind", "has_channel", "is_clear"),
    [
        ("opaque", False, False),
        ("opaque with alpha", True, False),
        ("clear", True, True),
        ("clear colour", True, True),
        ("clear grey of 16 bits", True, True),
    ],
)
def test_a_picture_is_transparent_where_a_pixel_is(
    tmp_path: Path, kind: str, has_channel: bool, is_clear: bool
) -> None:
    path = saved(tmp_path / "a.png", kind)
    assert can_be_transparent(path) == has_channel
    assert is_transparent(path) == is_clear


def test_only_transparent_pictures_are_named(tmp_path: Path) -> None:
    files = {kind: saved(tmp_path / f"{kind}.png", kind) for kind in ("opaque", "clear")}
    assert transparency_note({"opaque": files["opaque"]}) is None
    assert transparency_note(files) == "White is put behind what is transparent, in 'clear'."


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("hello")
    with pytest.raises(KeyframeError, match=r"'.*a\.png' cannot be read as a picture"):
        is_transparent(tmp_path / "a.png")
