"""Keys with transparency in a cut: on one matte for drawing, and out of it for the results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor

from ..interpolation.settings import InterpolationSettings
from ..pictures.alpha.clip import fit_clear, on_matte
from ..pictures.alpha.matte import Matte
from ..pictures.alpha.take_out import take_out
from ..pictures.levels import from_levels, to_levels
from ..pictures.stills import read_drawing
from .drawing import Levels
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
        return {
            drawing: self._key(drawing.key, settings) if drawing.key is not None else self._out(one)
            for drawing, one in levels.items()
        }

    def _key(self, name: str, settings: InterpolationSettings) -> Levels:
        size = settings.width, settings.height
        return _to_levels(fit_clear(self.pictures[name][None], size, settings.fit))

    def _out(self, levels: Levels) -> Levels:
        drawn = rearrange(from_levels(torch.from_numpy(levels)), "h w c -> c h w")
        return _to_levels(take_out((drawn + 1) / 2, self.matte) * 2 - 1)


def read_clear_keys(keys: Sequence[Key]) -> ClearKeys:
    """Keys of one size whose files all have alpha, on a matte.

    ``KeyframeError`` for a key that shows nothing and where no matte is far from all colours.
    """
    files = {key.name: key.picture for key in keys if key.picture is not None}
    return clear_keys({name: read_drawing(path)[0] for name, path in files.items()})


def clear_keys(pictures: Mapping[str, Tensor]) -> ClearKeys:
    """Keys by name, ``4 h w`` in [-1, 1], on a matte; ``KeyframeError`` as above."""
    laid, matte = on_matte([*pictures.values()], range(len(pictures)))
    by_name = {name: one[0] for name, one in zip(pictures, laid.pictures, strict=True)}
    return ClearKeys(pictures, by_name, matte)


def _to_levels(picture: Tensor) -> Levels:
    return rearrange(to_levels(picture), "c h w -> h w c").contiguous().numpy()
