"""Keys with transparency in a cut: on one matte for drawing, and out of it for the results."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from einops import rearrange
from torch import Tensor

from ..interpolation.settings import InterpolationSettings
from ..pictures.alpha.clip import fit_clear, laid_on, matte_of
from ..pictures.alpha.matte import Matte
from ..pictures.alpha.take_out import take_out
from ..pictures.levels import from_levels, to_levels
from ..pictures.stills import read_drawing
from .drawing import Levels
from .keys import KeyPictures, digest_of_picture
from .values import Drawing, Key


@dataclass(frozen=True, eq=False)
class ClearKeys:
    """The keys of a cut as they came, and on the matte that all of them share."""

    pictures: Mapping[str, Tensor]
    """By name, ``4 h w`` in [-1, 1], straight alpha."""
    laid: Mapping[str, Tensor]
    """The same on the matte, ``3 h w``: what the model draws between."""
    matte: Matte

    def taken_out(
        self, levels: Mapping[Drawing, Levels], settings: InterpolationSettings
    ) -> dict[Drawing, Levels]:
        """Drawings ``h w 3`` on the matte as ``h w 4`` with straight alpha; keys as they came."""
        return dict(self.each_taken_out(levels, settings))

    def each_taken_out(
        self, levels: Mapping[Drawing, Levels], settings: InterpolationSettings
    ) -> Iterator[tuple[Drawing, Levels]]:
        """The same, one after the other."""
        for drawing in levels:
            if drawing.key is not None:
                yield drawing, self._key(drawing.key, settings)
            else:
                yield drawing, self._out(levels[drawing])

    def _key(self, name: str, settings: InterpolationSettings) -> Levels:
        size = settings.width, settings.height
        return _to_levels(fit_clear(self.pictures[name][None], size, settings.fit))

    def _out(self, levels: Levels) -> Levels:
        drawn = rearrange(from_levels(torch.from_numpy(levels)), "h w c -> c h w")
        return _to_levels(take_out((drawn + 1) / 2, self.matte) * 2 - 1)


class LaidKeys(Mapping[str, Tensor]):
    """Keys on their matte by name, ``3 h w`` in [-1, 1], each laid when it is asked for."""

    def __init__(self, pictures: Mapping[str, Tensor], matte: Matte) -> None:
        self._pictures, self._matte = pictures, matte

    def __getitem__(self, name: str) -> Tensor:
        return laid_on(self._pictures[name], self._matte)

    def __iter__(self) -> Iterator[str]:
        return iter(self._pictures)

    def __len__(self) -> int:
        return len(self._pictures)


def read_clear_keys(keys: Sequence[Key]) -> ClearKeys:
    """Keys of one size whose files all have alpha, on a matte; a few are in memory at a time.

    ``KeyframeError`` for a key that shows nothing and where no matte is far from all colours.
    """
    files = {key.name: key.picture for key in keys if key.picture is not None}
    digests: dict[str, str] = {}

    def checked() -> Iterator[Tensor]:
        for name, path in files.items():
            picture = _read(path)
            digests[name] = digest_of_picture(picture)
            yield picture

    matte = matte_of(checked())
    pictures = KeyPictures(files, digests, _read)
    return ClearKeys(pictures, LaidKeys(pictures, matte), matte)


def clear_keys(pictures: Mapping[str, Tensor]) -> ClearKeys:
    """Keys by name, ``4 h w`` in [-1, 1], on a matte; ``KeyframeError`` as above."""
    matte = matte_of(pictures.values())
    return ClearKeys(pictures, LaidKeys(pictures, matte), matte)


def _read(path: Path) -> Tensor:
    return read_drawing(path)[0]


def _to_levels(picture: Tensor) -> Levels:
    return rearrange(to_levels(picture), "c h w -> h w c").contiguous().numpy()
