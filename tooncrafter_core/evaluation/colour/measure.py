"""Colour lock and its rivals on drawn clips with drifts of known size, and on a model's clips.

Differences are CIEDE2000 to the true clip, of every fourth pixel of the frames between the keys.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from einops import rearrange
from torch import Tensor

from ...data.procedural.render import render_clip
from ...interpolation.colour_lock import lock_clip
from ...interpolation.settings import InterpolationSettings
from ...pictures.colour.difference import colour_difference
from ...pictures.colour.lock import lock_colours
from ...pictures.colour.report import flicker_of
from ...pictures.keyframes import Keyframes
from ..tables import Column, Table
from .drifts import DRIFTS, NONE, STRENGTHS, drift_of, match_histograms, match_means

if TYPE_CHECKING:
    from ...interpolation.session import Session

LOOKS = ("cartoon", "painted", "lines")
METHODS = ("as drawn", "colour lock", "histogram match", "mean and deviation match")
EVERY = 4
COLUMNS = [
    # Rows are drifts, which do not compete: none is the best of a column.
    Column(title=f"{name}{part}")
    for name in METHODS
    for part in (", mean", ", 95 %")
]

OnClip = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class DrawnClips:
    """Which clips are drawn: the styles take turns."""

    count: int = 60
    first_seed: int = 4_000_000
    width: int = 256
    height: int = 160
    num_frames: int = 16

    def true_clip(self, number: int) -> Tensor:
        """``t h w 3`` in [0, 1]."""
        drawn = render_clip(
            self.first_seed + number, self.width, self.height, self.num_frames,
            LOOKS[number % len(LOOKS)],
        )  # fmt: skip
        return torch.from_numpy(drawn.frames).float() / 255


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


def measure_drifts(clips: DrawnClips, on_clip: OnClip = lambda _: None) -> Table:
    """Every drift at every strength, taken back in every way."""
    found = _Found()
    for number in range(clips.count):
        on_clip(f"clip {number + 1} of {clips.count}")
        true = clips.true_clip(number)
        for name in DRIFTS:
            for strength in STRENGTHS if name != NONE else (0.0,):
                row = name if name == NONE else f"{name}, {strength:.2f}"
                seen = drift_of(name, true, strength)
                for method, clip in _taken_back(seen, true[0], true[-1]).items():
                    found.add(row, method, clip, true)
    return Table(
        name="colour_drifts",
        title="CIEDE2000 to the true clip",
        columns=COLUMNS,
        rows={row: found.numbers(row) for row in found.rows},
        notes=[
            f"{clips.count} drawn clips of {clips.num_frames} frames, {clips.width}x"
            f"{clips.height}, in turns as {', '.join(LOOKS)}; mean and 95 % of the frames between "
            "the keys.",
            "A drift grows from half in the first frame to all in the last; a flash is one frame.",
            "Both matches are per channel and to the nearer key, as common nodes do it.",
        ],
    )


def _taken_back(seen: Tensor, first: Tensor, last: Tensor) -> dict[str, Tensor]:
    keys = Keyframes((_video(first[None]), _video(last[None])), (0, -1))
    locked = lock_colours(_video(seen), keys).frames
    return dict(zip(METHODS, (
        seen, _unit(locked), match_histograms(seen, first, last), match_means(seen, first, last),
    ), strict=True))  # fmt: skip


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
        seen, first, last = _unit(drawn).clamp(0, 1), true[0], true[-1]
        for method, clip in zip(METHODS, (
            seen, _unit(locked), match_histograms(seen, first, last),
            match_means(seen, first, last),
        ), strict=True):  # fmt: skip
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
