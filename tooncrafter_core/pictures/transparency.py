"""Which pictures are transparent in places, and what to say of them: they are laid over white."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..errors import KeyframeError
from .levels import MOST, is_clear_grey, is_deep
from .stills import has_alpha, opened


def transparency_note(files: Mapping[str, Path]) -> str | None:
    """What to say of pictures, by name, that are transparent in places; None when none is."""
    found = [f"'{name}'" for name, path in files.items() if is_transparent(path)]
    if not found:
        return None
    return f"White is put behind what is transparent, in {', '.join(found)}."


def is_transparent(path: Path) -> bool:
    """Whether any pixel of a picture is not opaque; ``KeyframeError`` when it cannot be read."""
    with opened(path, KeyframeError) as image:
        if not has_alpha(image):
            return False
        if is_deep(image):
            return bool(is_clear_grey(image).any())
        return bool(np.asarray(image.convert("RGBA").getchannel("A")).min() < MOST)


def can_be_transparent(path: Path) -> bool:
    """Whether a picture has an alpha channel or a clear colour, be it opaque everywhere."""
    with opened(path, KeyframeError) as image:
        return has_alpha(image)
