"""Colour lock: keeps the colours of a clip those of its keys.

What a model draws drifts in brightness and colour. At each key the drift is measured, as the key
is there to compare with; between two keys the corrections are blended by time. Where the ground of
both keys is the same and still, each frame is measured against it as well, and single frames that
flash against their neighbours. What has not drifted is not changed, and keys come back to the bit.

Legend: t frames, b blocks, h w space.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor

from ...errors import KeyframeError
from ..keyframes import Keyframes
from .blocks import Blocks, blocks_of, weights_of
from .correction import corrected, fit_correction
from .difference import colour_difference
from .report import LockReport, make_report

STILL = 1.5
"""CIEDE2000 up to which a block shows the same in two pictures."""
LEAST_STILL, LEAST_STILL_BY_NEIGHBOURS = 0.05, 0.2
"""Of all blocks, that must be still to be measured by."""
LEAST_SHARE_OF_STILL = 0.01
"""Of the still blocks, in a colour to measure by: a small one can be hidden by what moves."""
AS_FAR_AS_OTHERS = 3.0
"""Times the median difference, beyond which a block has not drifted: something moves before it."""
TOO_FAR = 25.0
"""CIEDE2000 beyond which a block shows something else: no model drifts so far."""
NO_DRIFT, SURE_DRIFT = 0.6, 1.0
"""Median difference of still blocks: from nothing is done to all is done."""
NO_FLASH, SURE_FLASH = 1.2, 1.8
"""The same against the two neighbours, which move a little themselves."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LockedClip:
    """A clip after colour lock."""

    frames: Tensor
    """``t 3 h w`` in [-1, 1]."""
    report: LockReport


def lock_colours(frames: Tensor, keys: Keyframes) -> LockedClip:
    """Bring the colours of frames ``t 3 h w`` in [-1, 1] to those of their keys.

    Keys have the size of the frames; at their places they stand as they are. ``KeyframeError`` for
    other sizes and for places that the clip does not have.
    """
    keys = keys.in_clip(len(frames))
    _check_sizes(frames, keys)
    pictures = _to_unit(frames)
    drawn = _to_unit(torch.cat([key.reshape(1, *frames.shape[1:]) for key in keys.pictures]))
    blocks, key_blocks = blocks_of(pictures), blocks_of(drawn)
    tables = _tables(blocks, key_blocks, keys.indices)
    remainders: dict[int, Tensor] = {}
    for number in range(len(frames)):
        if number not in keys.indices:
            left = _remainder(number, blocks, key_blocks, keys.indices, tables)
            if left is not None:
                remainders[number] = left
    locked = pictures.clone()
    result = frames.clone()
    for number, table in enumerate(tables):
        steps = [one for one in (table, remainders.get(number)) if one is not None and one.any()]
        for step in steps:
            locked[number] = corrected(step, locked[number])
        if steps:
            result[number] = rearrange(locked[number] * 2 - 1, "h w c -> c h w").to(frames)
    flashes = [i for i in remainders if not {i - 1, i + 1} & remainders.keys()]
    report = make_report(pictures, locked, drawn, keys.indices, flashes)
    for place, key in zip(keys.indices, keys.pictures, strict=True):
        result[place] = key.reshape(frames.shape[1:]).to(frames)
    return LockedClip(frames=result, report=report)


def _tables(blocks: Blocks, keys: Blocks, places: Sequence[int]) -> list[Tensor]:
    """The correction of every frame by the drift at the keys around it, blended by time."""
    at_keys = [
        fit_correction(blocks.means[place], keys.means[i], weights_of(keys[i], blocks[place]))
        for i, place in enumerate(places)
    ]
    tables = []
    for number in range(len(blocks.means)):
        before, after, part = neighbours(number, places)
        tables.append(torch.lerp(at_keys[before], at_keys[after], part))
    return tables


def neighbours(number: int, places: Sequence[int]) -> tuple[int, int, float]:
    """The two keys around a frame, and how far it is from the one to the other, 0 to 1."""
    after = bisect_right(places, number)
    if after == 0:
        return 0, 0, 0.0
    if after == len(places):
        return after - 1, after - 1, 0.0
    begin, end = places[after - 1], places[after]
    return after - 1, after, (number - begin) / (end - begin)


def _remainder(
    number: int, blocks: Blocks, keys: Blocks, places: Sequence[int], tables: Sequence[Tensor]
) -> Tensor | None:
    """The correction of what the keys alone leave in a frame, or None."""
    before, after, part = neighbours(number, places)
    one, other = keys.means[before], keys.means[after]
    ground = torch.lerp(one, other, part)
    is_ground = (colour_difference(one, other) < STILL) & (
        weights_of(keys[before], keys[after]) == 1
    )
    near = [i for i in range(number - 1, number + 2) if 0 <= i < len(blocks.means)]
    seen = {i: corrected(tables[i], blocks.means[i]) for i in near}
    is_ground &= colour_difference(seen[number], ground) < TOO_FAR
    # A frame at an end has no second neighbour to be compared with.
    around, is_still = ground, torch.zeros_like(is_ground)
    if len(near) > 2:
        around = (seen[near[0]] + seen[near[2]]) / 2
        is_still = colour_difference(seen[near[0]], seen[near[2]]) < STILL
        is_still &= colour_difference(seen[number], around) < TOO_FAR
    if is_ground.float().mean() < LEAST_STILL:
        if is_still.float().mean() < LEAST_STILL_BY_NEIGHBOURS:
            return None
        trust = _trust(seen[number], around, is_still, NO_FLASH, SURE_FLASH)
        return _fit_left(seen[number], around, is_still, trust)
    trust = _trust(seen[number], ground, is_ground, NO_DRIFT, SURE_DRIFT)
    if trust and all(_trust(seen[i], ground, is_ground, NO_DRIFT, SURE_DRIFT) == 0 for i in near
                     if i != number):  # fmt: skip
        # Both neighbours are right: what is still between them shows colours of what moves, too.
        ground = torch.where(is_still[:, None], around, ground)
        is_ground = is_ground | is_still
    return _fit_left(seen[number], ground, is_ground, trust)


def _trust(seen: Tensor, ground: Tensor, is_still: Tensor, nothing: float, sure: float) -> float:
    """How far still blocks are believed to have drifted from their ground, 0 to 1."""
    off = float(colour_difference(seen[is_still], ground[is_still]).median())
    return min(max((off - nothing) / (sure - nothing), 0.0), 1.0)


def _fit_left(seen: Tensor, ground: Tensor, is_still: Tensor, trust: float) -> Tensor | None:
    """The correction of what still blocks of a frame have left to their ground."""
    if trust == 0:
        return None
    off = colour_difference(seen[is_still], ground[is_still])
    drifted = off <= AS_FAR_AS_OTHERS * off.median()
    pairs = seen[is_still][drifted], ground[is_still][drifted]
    left = fit_correction(*pairs, torch.ones(len(pairs[0])), LEAST_SHARE_OF_STILL)
    return trust * left if left.any() else None


def _to_unit(pictures: Tensor) -> Tensor:
    unit = ((pictures.detach().float().cpu() + 1) / 2).clamp(0, 1)
    return rearrange(unit, "t c h w -> t h w c")


def _check_sizes(frames: Tensor, keys: Keyframes) -> None:
    height, width = frames.shape[-2:]
    for place, key in zip(keys.indices, keys.pictures, strict=True):
        if key.shape[-2:] != (height, width):
            raise KeyframeError(
                f"The key of frame {place + 1} is {key.shape[-1]}x{key.shape[-2]} and the frames "
                f"are {width}x{height}: colours are compared pixel by pixel. Scale the key first."
            )
