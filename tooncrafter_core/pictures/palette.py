"""A palette for a clip: one for all frames, so that what stands still keeps its colour.

Legend: t frames, h w space, c channels (3, or 4 with alpha), n colours.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SIZE = 256
OPAQUE_FROM = 128
"""A palette has one transparent colour, none that is half so."""
_LARGEST_SAMPLE = 2**20
"""Pixels that the colours of a palette are chosen from, evenly spread."""


@dataclass(frozen=True, eq=False)
class Palette:
    """Colours, and the nearest of them for every pixel."""

    colours: np.ndarray
    """``n 3``, uint8."""
    has_transparent: bool
    """Whether the place after the last colour is transparent."""

    @property
    def argb(self) -> np.ndarray:
        """``256 4``: alpha, red, green, blue; what no pixel uses is opaque black."""
        table = np.zeros((SIZE, 4), dtype=np.uint8)
        table[:, 0] = 255
        table[: len(self.colours), 1:] = self.colours
        if self.has_transparent:
            table[len(self.colours)] = 0
        return table

    def indices(self, pixels: np.ndarray) -> np.ndarray:
        """``h w`` indices of a picture ``h w c``."""
        keys, inverse = np.unique(_packed(pixels[..., :3]), return_inverse=True)
        nearest = _nearest(_unpacked(keys), self.colours)
        found = nearest[inverse.reshape(pixels.shape[:2])]
        if pixels.shape[-1] == 4:
            found = np.where(pixels[..., 3] < OPAQUE_FROM, len(self.colours), found)
        return np.ascontiguousarray(found.astype(np.uint8))


def clip_palette(frames: np.ndarray | Sequence[np.ndarray]) -> Palette:
    """The palette of ``t h w c``: its own colours when they are few, else those nearest to all.

    Pictures are looked at one at a time.
    """
    has_alpha = frames[0].shape[-1] == 4
    most = SIZE - has_alpha
    own, count = np.empty(0, dtype=np.uint32), 0
    for number in range(len(frames)):
        seen = _opaque(frames[number])
        count += len(seen)
        if len(own) <= most:
            own = np.union1d(own, _packed(seen))
    if len(own) <= most:
        return Palette(_unpacked(own), has_alpha)
    step = -(-count // _LARGEST_SAMPLE)
    samples, start = [], 0
    for number in range(len(frames)):
        seen = _opaque(frames[number])
        samples.append(seen[start::step])
        start = (start - len(seen)) % step
    return Palette(_chosen(np.concatenate(samples), most), has_alpha)


def _opaque(picture: np.ndarray) -> np.ndarray:
    """``n 3``: the colours of ``h w c`` that are shown."""
    seen = picture.reshape(-1, picture.shape[-1])
    return seen[seen[:, 3] >= OPAQUE_FROM][:, :3] if picture.shape[-1] == 4 else seen


def _chosen(sample: np.ndarray, most: int) -> np.ndarray:
    """``n 3`` colours by median cut."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(sample[None]))
    table = image.quantize(most, Image.Quantize.MEDIANCUT).getpalette() or []
    return np.array(table, dtype=np.uint8).reshape(-1, 3)[:most]


def _nearest(wanted: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """For each of ``m 3`` the index of the nearest of ``n 3``."""
    if not len(colours):
        return np.zeros(len(wanted), dtype=np.int64)
    found = np.empty(len(wanted), dtype=np.int64)
    known = colours.astype(np.float32)
    for start in range(0, len(wanted), 8192):
        some = wanted[start : start + 8192].astype(np.float32)
        # Of |a - b|^2 what depends on b.
        found[start : start + 8192] = ((known**2).sum(1) - 2 * some @ known.T).argmin(1)
    return found


def _packed(colours: np.ndarray) -> np.ndarray:
    """Colours ``... 3`` as one number each."""
    wide = colours.astype(np.uint32)
    return (wide[..., 0] << 16) | (wide[..., 1] << 8) | wide[..., 2]


def _unpacked(keys: np.ndarray) -> np.ndarray:
    return np.stack([keys >> 16, keys >> 8 & 255, keys & 255], axis=-1).astype(np.uint8)
