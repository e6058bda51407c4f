"""What colour lock found and did, in numbers.

Legend: t frames, b blocks, p colours of a palette.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from .blocks import blocks_of
from .difference import ciede2000, colour_difference, to_lab

MOST_COLOURS = 48
NEAR = 15.0
"""CIEDE2000 beyond which a colour of a frame is none of the palette's."""
LEVELS = 32
SHOWS_ANOTHER = 12.0
"""Mean difference of a corrected frame to its key above which it seems to show something else."""


@dataclass(frozen=True, kw_only=True)
class Drift:
    """How far the colours of a clip are from those of its keys."""

    at_keys: float
    """Mean CIEDE2000 of the frames drawn at the keys' places to the keys."""
    mean: float
    """Mean CIEDE2000 of the flat colours of all frames to the nearest of the keys' palette."""
    largest: float
    """The largest of a colour of the palette, in any frame."""
    flicker: float
    """Mean length of the second difference of the frames' mean colours, in Lab."""


@dataclass(frozen=True, kw_only=True)
class LockReport:
    """What colour lock found and did."""

    before: Drift
    after: Drift
    flashes: tuple[int, ...]
    """Single frames that were off what the keys and their neighbours show, from 0."""
    notes: tuple[str, ...] = ()
    """What should be known, one sentence each."""

    def as_plain(self) -> dict[str, Any]:
        """For JSON; frames count from 1."""
        return {**asdict(self), "flashes": [number + 1 for number in self.flashes],
                "notes": list(self.notes)}  # fmt: skip

    def as_text(self) -> str:
        """For people."""
        rows = [
            f"{name}: {before:.2f} before, {after:.2f} after"
            for name, before, after in (
                ("difference at the keys", self.before.at_keys, self.after.at_keys),
                ("mean difference to the keys' palette", self.before.mean, self.after.mean),
                ("largest", self.before.largest, self.after.largest),
                ("flicker", self.before.flicker, self.after.flicker),
            )
        ]
        if self.flashes:
            listed = ", ".join(str(number + 1) for number in self.flashes)
            rows.append(f"flashes taken back in frames: {listed}")
        return "\n".join([*rows, *self.notes])


def make_report(
    before: Tensor, after: Tensor, keys: Tensor, places: Sequence[int], flashes: Sequence[int]
) -> LockReport:
    """Compare clips ``t h w 3`` in [0, 1] with their keys; ``after`` has none put in yet."""
    palette = palette_of(keys)
    found, left = (_drift(clip, keys, places, palette) for clip in (before, after))
    notes = [
        f"The frame {place + 1} does not look like its key: is the key at the right place?"
        for place, key in zip(places, keys, strict=True)
        if _mean_difference(after[place], key) > SHOWS_ANOTHER
    ]
    return LockReport(before=found, after=left, flashes=tuple(flashes), notes=tuple(notes))


def palette_of(pictures: Tensor) -> Tensor:
    """The flat colours of pictures ``t h w 3`` that cover most, ``p 3``."""
    blocks = blocks_of(pictures)
    colours = blocks.means[blocks.is_flat]
    if len(colours) == 0:
        colours = blocks.means.reshape(-1, 3)
    places = (colours * LEVELS).long().clamp(0, LEVELS - 1)
    numbers = (places[:, 0] * LEVELS + places[:, 1]) * LEVELS + places[:, 2]
    found, counts = numbers.unique(return_counts=True)
    most = found[counts.argsort(descending=True, stable=True)[:MOST_COLOURS]]
    return torch.stack([colours[numbers == number].median(dim=0).values for number in most])


def _drift(clip: Tensor, keys: Tensor, places: Sequence[int], palette: Tensor) -> Drift:
    at_keys = [_mean_difference(clip[place], key) for place, key in zip(places, keys, strict=True)]
    mean, largest = _to_palette(clip, palette)
    return Drift(
        at_keys=sum(at_keys) / len(at_keys), mean=mean, largest=largest, flicker=flicker_of(clip)
    )


def _mean_difference(picture: Tensor, key: Tensor) -> float:
    """Of the means of blocks, so that soft lines do not count."""
    one, other = blocks_of(picture[None]).means, blocks_of(key[None]).means
    return float(colour_difference(one, other).mean())


def _to_palette(clip: Tensor, palette: Tensor) -> tuple[float, float]:
    """The mean difference of flat blocks to the nearest colour, and the largest of a colour."""
    blocks, known = blocks_of(clip), to_lab(palette)
    every: list[Tensor] = []
    largest = 0.0
    for means, is_flat in zip(blocks.means, blocks.is_flat, strict=True):
        found = to_lab(means[is_flat])
        nearest = torch.cdist(found, known).argmin(dim=1)
        off = ciede2000(found, known[nearest])
        for colour in nearest.unique():
            own = off[(nearest == colour) & (off < NEAR)]
            # A few blocks are no colour of a drawing.
            if len(own) >= max(len(means) // 500, 1):
                largest = max(largest, float(own.median()))
        every.append(off[off < NEAR])
    all_of_them = torch.cat(every)
    return (float(all_of_them.mean()) if len(all_of_them) else 0.0), largest


def flicker_of(clip: Tensor) -> float:
    """The mean length of the second difference of the frames' mean colours, in Lab."""
    if len(clip) < 3:
        return 0.0
    means = to_lab(blocks_of(clip).means).mean(dim=1)
    return float((means[2:] - 2 * means[1:-1] + means[:-2]).norm(dim=1).mean())
