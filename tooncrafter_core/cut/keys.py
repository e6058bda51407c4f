"""The keys of a cut as pictures, read when they are needed.

Legend: c channels, h w space.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from torch import Tensor

from ..errors import CutError
from ..pictures.fitting import FitMode
from ..pictures.levels import on_scale_of_levels, to_levels
from ..pictures.stills import read_image
from ..pictures.transparency import can_be_transparent, is_transparent, transparency_note
from .store import digest_of_pixels
from .values import Key

LEAST_STEP = 1e-3
"""Of a level: less is rounding of floats, and a step of 16 bits is four times as much."""
MOST_LISTED = 5
"""Keys that a message names."""


class KeyPictures(Mapping[str, Tensor]):
    """Keys by name, ``c h w`` in [-1, 1]; two are in memory at a time, however many there are."""

    def __init__(
        self,
        files: Mapping[str, Path],
        digests: Mapping[str, str],
        read: Callable[[Path], Tensor] = read_image,
    ) -> None:
        """``digests`` are those of the pictures when they were checked."""
        self.files, self.digests, self._read_file = files, digests, read
        self._read: dict[str, Tensor] = {}

    def __getitem__(self, name: str) -> Tensor:
        """The picture; ``CutError`` where its file has changed since it was checked."""
        if name not in self._read:
            picture = self._read_file(self.files[name])
            if digest_of_picture(picture) != self.digests[name]:
                raise CutError(
                    f"The key '{self.files[name].name}' was changed while the cut was drawn: start "
                    "again, and only what has changed is drawn."
                )
            while len(self._read) > 1:
                del self._read[next(iter(self._read))]
            self._read[name] = picture
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)


def digest_of_picture(picture: Tensor) -> str:
    """A hash of a picture ``c h w`` in [-1, 1]: at 256 levels where it has no more, else exact."""
    levels = to_levels(picture).contiguous()
    off = (on_scale_of_levels(picture.float()) - levels).abs().max()
    exact = levels if off < LEAST_STEP else picture.float().contiguous()
    return digest_of_pixels(exact.numpy().tobytes(), exact.shape)


def digests_of(pictures: Mapping[str, Tensor]) -> Mapping[str, str]:
    """A hash of each picture."""
    if isinstance(pictures, KeyPictures):
        return pictures.digests
    return {name: digest_of_picture(picture) for name, picture in pictures.items()}


def read_keys(keys: tuple[Key, ...]) -> KeyPictures:
    """The picture of each key by its name, each of which is read once to check it.

    ``KeyframeError`` for a file that cannot be read, ``CutError`` for keys of different sizes.
    """
    files = {key.name: key.picture for key in keys if key.picture is not None}
    digests: dict[str, str] = {}
    sizes: dict[tuple[int, int], list[str]] = {}
    for name, path in files.items():
        picture = read_image(path)
        height, width = picture.shape[-2:]
        digests[name] = digest_of_picture(picture)
        sizes.setdefault((width, height), []).append(name)
    if len(sizes) > 1:
        found = "; ".join(
            f"{width}x{height}: {', '.join(names)}" for (width, height), names in sizes.items()
        )
        raise CutError(
            f"Keys of one cut have one size, so that they lie on each other; these have {found}. "
            "Save all at the same size."
        )
    return KeyPictures(files, digests)


def size_note(keys: tuple[int, int], drawings: tuple[int, int], fit: FitMode) -> str | None:
    """What to say where drawings have another size than the keys, both width and height."""
    if keys == drawings:
        return None
    (width, height), (asked_width, asked_height) = keys, drawings
    said = (
        f"The keys are {width}x{height}, and drawings will be {asked_width}x{asked_height}, the "
        "width and height that are set"
    )
    # A row or a column less is nobody's concern.
    is_cut = abs(width * asked_height - height * asked_width) > max(width, height)
    return (
        f"{said}, and fit 'crop' cuts their edges off." if fit == "crop" and is_cut else f"{said}."
    )


def check_transparency(keys: tuple[Key, ...]) -> str | None:
    """What to say of keys that are transparent in places; None when none is.

    ``CutError`` where others have no transparency at all: the ground would change between them.
    """
    files = {key.name: key.picture for key in keys if key.picture is not None}
    note = transparency_note(files)
    if note is None:
        return None
    opaque = [f"'{name}'" for name, path in files.items() if not can_be_transparent(path)]
    if opaque:
        clear = [f"'{name}'" for name, path in files.items() if is_transparent(path)]
        raise CutError(
            f"Keys of one cut are all transparent or all opaque; {_listed(clear)} transparent in "
            f"places, and {_listed(opaque)} without transparency. Save all with transparency, or "
            "all with their background."
        )
    return note


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:MOST_LISTED])
    rest = len(names) - MOST_LISTED
    shown += f" and {rest} more" if rest > 0 else ""
    return f"{shown} {'is' if len(names) == 1 else 'are'}"
