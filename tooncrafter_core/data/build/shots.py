"""Finds where shots change, and cuts shots into clips."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import DatasetError
from ...pictures.films import Film
from ..extras import require
from .transitions import find_transitions, is_flash, reduced, shots_between

ANALYSIS_HEIGHT = 180
"""Height of the reduced frames in which cuts are looked for, without fine lines and grain."""


@dataclass(frozen=True, kw_only=True)
class ShotSettings:
    """How shots are found and cut; the defaults are ours (docs/dataset.md)."""

    adaptive_threshold: float = 3.0
    """Ratio of a frame's change to its neighbours' that makes a cut; pans and fights stay below."""
    min_change: float = 15.0
    """How much it must change at least, in levels of hue, saturation and lightness."""
    fade_threshold: float = 12.0
    """Frames darker than this on average are between two shots."""
    min_shot_frames: int = 8
    """Cuts nearer to each other than this are flashes."""
    trim_frames: int = 2
    """Frames left out at both ends of a shot, where video compression mixes it with the next."""
    min_seconds: float = 0.6
    """Shorter clips are not made: 16 frames at 24 fps."""
    max_seconds: float = 4.0
    """Longer shots become several clips of equal length."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not (math.isfinite(value) and value >= 0):
                raise DatasetError(f"{name} is a number from 0 up; got {value}.")


@dataclass(frozen=True, kw_only=True)
class Shot:
    """Frames ``first`` to ``end`` of a video, ``end`` not included."""

    first: int
    end: int


@dataclass(frozen=True, kw_only=True)
class ShotList:
    """The shots of a video, and how much of it could be decoded."""

    shots: tuple[Shot, ...]
    decoded: int
    """Frames that could be decoded, of those that the file lists."""


def find_shots(film: Film, settings: ShotSettings) -> ShotList:
    """Find the shots of a video: PySceneDetect's detectors find cuts, ours what is none.

    A flash does not part a shot; the frames of a dissolve or a fade belong to none. Each frame is
    decoded once and forgotten. ``DatasetError`` when none can be decoded.
    """
    scenedetect = require("scenedetect")
    detectors = [
        scenedetect.AdaptiveDetector(
            adaptive_threshold=settings.adaptive_threshold,
            min_scene_len=settings.min_shot_frames,
            min_content_val=settings.min_change,
        ),
        scenedetect.ThresholdDetector(
            threshold=settings.fade_threshold, min_scene_len=settings.min_shot_frames
        ),
    ]
    found: list[Any] = []
    numbers: list[int] = []
    small: list[np.ndarray] = []
    for number, pixels in film.iterate(size=_analysis_size(film)):
        time = scenedetect.FrameTimecode(len(numbers), film.fps)
        numbers.append(number)
        small.append(reduced(pixels))
        picture = np.ascontiguousarray(pixels[..., ::-1])
        for detector in detectors:
            found += detector.process_frame(time, picture)
    if not numbers:
        raise DatasetError(f"'{film.path.name}' is damaged: no frame of it can be decoded.")
    last = scenedetect.FrameTimecode(len(numbers) - 1, film.fps)
    for detector in detectors:
        found += detector.post_process(last)
    cuts = _merged({cut.frame_num for cut in found}, settings.min_shot_frames)
    spans = shots_between(
        0, len(numbers), [cut for cut in cuts if not is_flash(small, cut)], find_transitions(small)
    )
    shots = tuple(Shot(first=numbers[a], end=numbers[b - 1] + 1) for a, b in spans)
    return ShotList(shots=shots, decoded=len(numbers))


def cut_clips(shot: Shot, fps: float, settings: ShotSettings) -> list[Shot]:
    """The clips of a shot, in equal parts; none when it is too short."""
    first, end = shot.first + settings.trim_frames, shot.end - settings.trim_frames
    length = end - first
    # At 24 fps 0.6 s are 14.4 frames, and a clip needs all of its 16.
    least = max(round(settings.min_seconds * fps), 16)
    if length < least:
        return []
    parts = max(1, -(-length // max(int(settings.max_seconds * fps), least)))
    while parts > 1 and length // parts < least:
        parts -= 1
    ends = [first + length * i // parts for i in range(parts + 1)]
    return [Shot(first=a, end=b) for a, b in itertools.pairwise(ends)]


def _analysis_size(film: Film) -> tuple[int, int]:
    scale = min(1.0, ANALYSIS_HEIGHT / max(film.height, 1))
    return max(round(film.width * scale), 8), max(round(film.height * scale), 8)


def _merged(cuts: set[int], least: int) -> Sequence[int]:
    """Cuts that two detectors found a few frames apart count once."""
    kept: list[int] = []
    for cut in sorted(cuts):
        if not kept or cut - kept[-1] >= least:
            kept.append(cut)
    return kept
