"""Says which frames of a clip follow which sketch, and how strongly.

Legend: t frames, n sketches, b batch, c channels, h w space. Frames count from 0 here and from 1
in what people type. Nothing depends on how many frames there are (SPEC section 10).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from einops import rearrange, repeat
from torch import Tensor

from ..errors import SketchError
from ..models.motion.port import Residuals

MissingMode = Literal["empty", "none"]
MISSING_MODES: tuple[MissingMode, ...] = get_args(MissingMode)

LARGEST_STRENGTH = 10.0

_FRAMES = re.compile(r"(-?\d{1,9})(?:\s*[-–]\s*(-?\d{1,9}))?")
_SEPARATORS = re.compile(r"[,;，、]")


@dataclass(frozen=True, kw_only=True, eq=False)
class SketchLayer:
    """Sketches for some frames of a clip, all of one strength; layers lie on top of each other.

    ``SketchError`` when numbers and pictures do not belong together or are out of range.
    """

    hints: Tensor
    """``n 1 h w`` in [0, 1], white lines on black."""
    frames: tuple[int, ...]
    """The frame of each sketch, counted from 0."""
    strength: float = 0.6
    """What residuals are multiplied by; at 0 the layer counts as absent."""
    start_percent: float = 0.0
    end_percent: float = 1.0
    """The part of sampling in which the layer is active, both ends included."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "frames", tuple(self.frames))
        if self.hints.ndim != 4 or self.hints.shape[1] != 1:
            shape = " x ".join(map(str, self.hints.shape))
            raise SketchError(f"Hints are pictures of one channel; their shape is {shape}.")
        _check_counts(len(self.frames), self.hints.shape[0])
        for index, frame in enumerate(self.frames):
            if frame < 0:
                raise SketchError(f"Frames count from 0 here; got {frame}.")
            if frame in self.frames[:index]:
                raise SketchError(
                    f"Frame {frame + 1} is given twice; give each frame one sketch only."
                )
        check_strength(self.strength, self.start_percent, self.end_percent)


@dataclass(frozen=True, kw_only=True)
class FramePlan:
    """Which sketch each frame of a clip follows at one step of the sampling."""

    sources: tuple[tuple[int, int] | None, ...]
    """For each frame the layer and the index of the sketch in it; None is the empty hint."""
    strengths: tuple[float, ...]
    """For each frame, what its residuals are multiplied by."""

    @property
    def num_frames(self) -> int:
        """Frames of the clip."""
        return len(self.sources)


def parse_frames(text: str, num_frames: int, num_sketches: int) -> list[int]:
    """Read frame numbers such as ``1, 8, 16``, ``1-4``, ``-1`` or ``all``; one for each sketch.

    People count from 1, or from -1 backwards; the result counts from 0, in the order of the
    sketches. ``SketchError`` for text that is not a number, a number outside the clip or given
    twice, and for more or fewer numbers than sketches. SPEC section 10.
    """
    if num_sketches < 1:
        raise SketchError("There is no sketch: the batch of pictures is empty.")
    if num_frames < 1:
        raise SketchError("The clip has no frames.")
    parts = [part.strip() for part in _SEPARATORS.split(text) if part.strip()]
    if not parts:
        raise SketchError(
            "No frame number is given: write for example '1, 8, -1', or 'all' for a sketch of "
            "every frame."
        )
    if [part.lower() for part in parts] == ["all"]:
        if num_sketches != num_frames:
            raise SketchError(
                f"'all' needs one sketch for each of the {num_frames} frames, "
                f"but there {_are(num_sketches, 'sketch', 'sketches')}."
            )
        return list(range(num_frames))
    frames: dict[int, str] = {}
    for part in parts:
        for frame in _read_part(part, num_frames):
            if frame in frames:
                names = sorted({frames[frame], part})
                spelt = f" (as {' and '.join(map(repr, names))})" if len(names) > 1 else ""
                raise SketchError(
                    f"Frame {frame + 1} is given twice{spelt}; give each frame one sketch only."
                )
            frames[frame] = part
    _check_counts(len(frames), num_sketches)
    return list(frames)


def check_strength(strength: float, start_percent: float, end_percent: float) -> None:
    """Refuse, in words, a strength or a part of sampling that makes no sense."""
    if not 0 <= strength <= LARGEST_STRENGTH:
        raise SketchError(
            f"The strength of sketches must lie between 0 and {LARGEST_STRENGTH:g}; "
            f"got {strength:g}."
        )
    for name, percent in (("start", start_percent), ("end", end_percent)):
        if not 0 <= percent <= 1:
            raise SketchError(
                f"Sketches {name} at a share of sampling between 0 and 1; got {percent:g}."
            )
    if start_percent > end_percent:
        raise SketchError(
            f"Sketches would start at {start_percent:g} of sampling, after their end at "
            f"{end_percent:g}: give a start before the end."
        )


def plan_frames(
    layers: Sequence[SketchLayer],
    num_frames: int,
    percent: float,
    missing: MissingMode = "empty",
) -> FramePlan | None:
    """Decide for every frame which sketch it follows when ``percent`` of sampling is done.

    Of the layers active then, the last that has the frame wins. A frame that none has follows the
    empty hint at the last active layer's strength (``empty``, as the paper does it), or gets no
    residual at all (``none``, its strength 0). None when no layer is active; a layer of strength 0
    never is. ``SketchError`` for a frame the clip does not have. SPEC section 10.
    """
    if missing not in MISSING_MODES:
        raise SketchError(
            f"Frames without a sketch are guided by {' or '.join(MISSING_MODES)}; not {missing!r}."
        )
    for layer in layers:
        for frame in layer.frames:
            if frame >= num_frames:
                raise _no_such_frame(str(frame + 1), num_frames)
    active = [
        (index, layer)
        for index, layer in enumerate(layers)
        if layer.strength and layer.start_percent <= percent <= layer.end_percent
    ]
    if not active:
        return None
    unguided = active[-1][1].strength if missing == "empty" else 0.0
    sources: list[tuple[int, int] | None] = [None] * num_frames
    strengths = [unguided] * num_frames
    for index, layer in active:
        for number, frame in enumerate(layer.frames):
            sources[frame], strengths[frame] = (index, number), layer.strength
    return FramePlan(sources=tuple(sources), strengths=tuple(strengths))


def gather_hint_features(
    features_per_layer: Sequence[Tensor], empty_feature: Tensor, plan: FramePlan
) -> Tensor:
    """Put the features of every frame's hint in the order of the frames, ``t c h w``.

    ``features_per_layer`` holds what ``SketchEncoder.read_hints`` made of each layer's hints,
    ``n c h w``; ``empty_feature`` is that of one empty hint, ``1 c h w``, which all frames without
    a sketch share. Nothing is computed here, so it may be done in every step. SPEC section 10.
    """
    empty = rearrange(empty_feature, "1 c h w -> c h w")
    frames = [
        empty if source is None else features_per_layer[source[0]][source[1]]
        for source in plan.sources
    ]
    return torch.stack(frames)


def scale_residuals(residuals: Residuals, plan: FramePlan) -> Residuals:
    """Multiply residuals ``(b t) c h w`` by each frame's strength; frames at 0 get zeros."""
    if len(set(plan.strengths)) == 1:
        return residuals.changed(lambda residual: residual * plan.strengths[0])

    def scaled(residual: Tensor) -> Tensor:
        strengths = torch.tensor(plan.strengths, device=residual.device, dtype=torch.float32)
        batch = residual.shape[0] // plan.num_frames
        weights = repeat(strengths, "t -> (b t) 1 1 1", b=batch)
        # In float32, as a plain number would be, so that one strength more changes no frame.
        return (residual * weights).to(residual.dtype)

    return residuals.changed(scaled)


def _read_part(part: str, num_frames: int) -> range:
    """The frames, from 0, of one number or one range."""
    match = _FRAMES.fullmatch(part)
    if match is None:
        raise SketchError(
            f"'{part}' is no frame number: write numbers from 1 to {num_frames} with commas "
            "between them, such as '1, 8, -1', or 'all'."
        )
    first, last = (_frame(number, num_frames) for number in (match[1], match[2] or match[1]))
    if first > last:
        raise SketchError(
            f"'{part}' runs backwards: write the earlier frame first, and give the sketches in "
            "that order."
        )
    return range(first, last + 1)


def _frame(number: str, num_frames: int) -> int:
    """One frame from 0, of a number from 1 or from -1 backwards."""
    value = int(number)
    if value == 0:
        raise SketchError("There is no frame 0: the first frame is 1.")
    if abs(value) > num_frames:
        raise _no_such_frame(number, num_frames)
    return value - 1 if value > 0 else num_frames + value


def _no_such_frame(number: str, num_frames: int) -> SketchError:
    return SketchError(
        f"There is no frame {number}: the clip has {num_frames} frames, "
        f"1 to {num_frames} or -{num_frames} to -1."
    )


def _check_counts(num_numbers: int, num_sketches: int) -> None:
    if num_sketches < 1:
        raise SketchError("There is no sketch: the batch of pictures is empty.")
    if num_numbers != num_sketches:
        raise SketchError(
            f"There {_are(num_numbers, 'frame number')} for "
            f"{num_sketches} sketch{'es' if num_sketches > 1 else ''}: give one for each."
        )


def _are(number: int, noun: str, plural: str | None = None) -> str:
    return f"is 1 {noun}" if number == 1 else f"are {number} {plural or noun + 's'}"
