"""Colour lock and its rivals on clips with drifts of known size, and on a model's clips.

Differences are CIEDE2000 to the true clip, of every fourth pixel of the frames between the keys.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING

import torch
from einops import rearrange
from torch import Tensor

from ...interpolation.colour_lock import lock_clip
from ...interpolation.settings import InterpolationSettings
from ...metrics.metric import Clip
from ...pictures.colour.difference import colour_difference
from ...pictures.colour.lock import lock_colours
from ...pictures.colour.report import flicker_of
from ...pictures.keyframes import Keyframes
from ..tables import Column, Table
from .clips import DRAWN, LOOKS, DrawnClips
from .drifts import (
    DRIFTS,
    NONE,
    STRENGTHS,
    drift_of,
    match_histograms,
    match_means,
    scikit_histograms,
)

if TYPE_CHECKING:
    from ...interpolation.session import Session

Match = Callable[[Tensor, Tensor, Tensor], Tensor]
"""A clip and its first and last key to the clip with other colours."""
RIVALS: dict[str, Match] = {
    "histogram match": match_histograms,
    "mean and deviation match": match_means,
    **({"scikit-image's histogram match": scikit_histograms} if find_spec("skimage") else {}),
}
"""The last where that library is installed."""
METHODS = ("as drawn", "colour lock", *RIVALS)
EVERY = 4
COLUMNS = [
    # Rows are drifts, which do not compete: none is the best of a column.
    Column(title=f"{name}{part}")
    for name in METHODS
    for part in (", mean", ", 95 %")
]

OnClip = Callable[[str], None]


@dataclass
class _Found:
    """The mean difference of every frame, by row and method."""

    rows: dict[str, dict[str, list[Tensor]]] = field(default_factory=dict)

    def add(self, row: str, method: str, clip: Tensor, true: Tensor) -> None:
        between = slice(1, -1), slice(None, None, EVERY), slice(None, None, EVERY)
        off = colour_difference(clip[between], true[between]).mean(dim=(1, 2))
        self.rows.setdefault(row, {}).setdefault(method, []).append(off)

    def numbers(self, row: str) -> list[float | None]:
        numbers: list[float | None] = []
        for method in METHODS:
            frames = self.rows[row].get(method)
            if frames is None:
                numbers += [None, None]
                continue
            every = torch.cat(frames)
            numbers += [float(every.mean()), float(every.quantile(0.95))]
        return numbers


def measure_drifts(
    clips: DrawnClips, files: Sequence[Clip] = (), on_clip: OnClip = lambda _: None
) -> Table:
    """Every drift at every strength, taken back in every way, on drawn clips and those of files.

    Where there are several kinds of clips, each has rows of its own below those of all.
    """
    every, of_kind, counts = _Found(), _Found(), Counter[str]()
    for number, (kind, true) in enumerate(clips.with_files(files), 1):
        on_clip(f"clip {number} of {clips.count + len(files)}")
        counts[kind] += 1
        for name in DRIFTS:
            for strength in STRENGTHS if name != NONE else (0.0,):
                row = name if name == NONE else f"{name}, {strength:.2f}"
                seen = drift_of(name, true, strength)
                for method, clip in _taken_back(seen, true[0], true[-1]).items():
                    every.add(row, method, clip, true)
                    of_kind.add(f"{row}, {kind}", method, clip, true)
    tables = (every, of_kind) if len(counts) > 1 else (every,)
    said = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    looks = f" (in turns as {', '.join(LOOKS)})" if DRAWN in counts else ""
    return Table(
        name="colour_drifts",
        title="CIEDE2000 to the true clip",
        columns=COLUMNS,
        rows={row: found.numbers(row) for found in tables for row in found.rows},
        notes=[
            f"Clips of {clips.num_frames} frames, {clips.width}x{clips.height}: {said}"
            f"{looks}; mean and 95 % of the frames between the keys.",
            "A drift grows from half in the first frame to all in the last; a flash is one frame.",
            "All matches are per channel and to the nearer key, as common nodes do it.",
        ],
    )


def _taken_back(seen: Tensor, first: Tensor, last: Tensor) -> dict[str, Tensor]:
    keys = Keyframes((_video(first[None]), _video(last[None])), (0, -1))
    locked = lock_colours(_video(seen), keys).frames
    rivals = {name: match(seen, first, last) for name, match in RIVALS.items()}
    return {METHODS[0]: seen, METHODS[1]: _unit(locked), **rivals}


def measure_model(
    session: "Session",
    settings: InterpolationSettings,
    clips: DrawnClips,
    on_clip: OnClip = lambda _: None,
) -> Table:
    """Clips that a model draws between true ends: as drawn, and after each way."""
    found, flicker = _Found(), dict.fromkeys(METHODS, 0.0)
    for number in range(clips.count):
        on_clip(f"model's clip {number + 1} of {clips.count}")
        true = clips.true_clip(number)
        keys = Keyframes((_video(true[:1]), _video(true[-1:])), (0, -1))
        drawn = rearrange(session.interpolate(keys, settings), "1 c t h w -> t c h w").cpu()
        locked = lock_clip(drawn, keys, settings).frames
        seen = _unit(drawn).clamp(0, 1)
        rivals = {name: match(seen, true[0], true[-1]) for name, match in RIVALS.items()}
        for method, clip in ((METHODS[0], seen), (METHODS[1], _unit(locked)), *rivals.items()):
            found.add("clips", method, clip, true)
            flicker[method] += flicker_of(clip) / clips.count
    numbers = found.numbers("clips")
    return Table(
        name="colour_model",
        title="A model's clips, CIEDE2000 to the true clip",
        columns=[
            Column(title=title, is_higher_better=False) for title in ("mean", "95 %", "flicker")
        ],
        rows={
            method: [numbers[2 * i], numbers[2 * i + 1], flicker[method]]
            for i, method in enumerate(METHODS)
        },
        notes=["Most of these differences are motion, not colour: compare the rows."],
    )


def _video(clip: Tensor) -> Tensor:
    return rearrange(clip, "t h w c -> t c h w") * 2 - 1


def _unit(video: Tensor) -> Tensor:
    return (rearrange(video, "t c h w -> t h w c") + 1) / 2


def files_of(tables: Sequence[Table]) -> dict[str, str]:
    """The files of tables: their texts by name."""
    texts = {f"{table.name}.csv": table.to_csv() for table in tables}
    return {**texts, "colour.md": "\n".join(table.to_markdown() for table in tables)}
