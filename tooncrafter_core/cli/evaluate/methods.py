"""The methods that ``evaluate`` compares, by the names that its options have for them."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...config.embedded import MINI, embedded_file, mini_absent
from ...errors import ToonCrafterError
from .options import METHODS

if TYPE_CHECKING:
    from ...evaluation.methods.peers import Peer, Rebuilder


def named_methods(text: str) -> "list[Peer | Rebuilder]":
    """The methods of a list with commas; ``ToonCrafterError`` for one that there is not."""
    from ...evaluation.methods.gmfss import Gmfss
    from ...evaluation.methods.peers import CrossFade, Hold
    from ...evaluation.methods.rife import Rife

    makers: dict[str, Any] = {
        "hold": Hold,
        "cross-fade": CrossFade,
        "rife": Rife,
        "rife-refined": partial(Rife, is_refined=True),
        "gmfss": Gmfss,
        "gmfss-x2": partial(Gmfss, enlarge=2),
    }
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in makers:
            raise ToonCrafterError(f"There is no method '{name}'; known are {', '.join(METHODS)}.")
    # PSNR favours mixing, and holding a frame often beats it to the eye: always show both sides.
    names = names if "hold" in names else ["hold", *names]
    return [makers[name]() for name in names]


def named_files(texts: Sequence[str]) -> list[tuple[str, Path]]:
    """``NAME=PATH`` or only a path, named after its file; the mini model's name is a path, too."""
    found = []
    for text in texts:
        name, _, path = text.rpartition("=")
        if path == MINI and embedded_file(MINI) is None:
            raise ToonCrafterError(mini_absent())
        path = embedded_file(path) or Path(path)
        if not path.exists():
            raise ToonCrafterError(f"There is nothing at '{path}' (asked as '{text}').")
        found.append((name or path.stem, path))
    return found
