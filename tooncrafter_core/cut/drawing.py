"""Draws a cut, one clip at a time, and keeps each as soon as it is there.

Legend: t moments, c channels, h w space. Pictures are levels ``h w 3``, uint8, of the size that is
asked for; a drawing of our own is the same whether it was drawn now or an hour ago.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from ..errors import CutError, SketchError, ToonCrafterError
from ..interpolation.keyframes import fit_keyframes
from ..interpolation.settings import InterpolationSettings
from ..pictures.formats import encode_png
from ..pictures.keyframes import Keyframes
from ..pictures.levels import from_levels, to_levels
from ..pictures.stills import read_drawing, read_levels
from ..sketches.frames import SketchLayer
from ..sketches.hints import to_hint
from .keys import digests_of
from .moments import moment_in_half
from .plan import Clip, CutPlan
from .store import ClipStore, Source, digest, digest_of_pixels
from .values import NUM_MOMENTS, Cut, Drawing

logger = logging.getLogger(__name__)

Levels = np.ndarray

DrawClip = Callable[[Keyframes, InterpolationSettings, Sequence[SketchLayer]], Tensor]
"""Draws ``t 3 h w`` in [-1, 1] between two keyframes, along sketches."""
OnClip = Callable[[Clip, Source, bool], None]
"""Called before a clip is drawn, and with True for one that is there."""

WITHOUT_EFFECT = ("decode_chunk", "memory_budget", "batch_guidance")
"""Settings that give the same picture, to rounding: what was drawn stays good."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CutDrawing:
    """What a cut is drawn with."""

    cut: Cut
    pictures: Mapping[str, Tensor]
    """Keys by name, ``3 h w`` in [-1, 1], as they came; see ``read_keys``."""
    settings: InterpolationSettings
    """Of the cut; segments may have their own prompt, seed and motion fps."""
    weights: str
    """The digest of every weight file."""
    store: ClipStore
    hints: Mapping[Path, Tensor] = field(default_factory=dict)
    """Of each sketch, ``1 1 h w``; see ``read_hints``."""
    sketch_weights: str = ""
    """The digest of the sketch encoder's file."""

    def __post_init__(self) -> None:
        """Refuse a setting of a segment before any is drawn."""
        for segment in range(len(self.cut.segments)):
            try:
                self.settings_of(segment)
            except ToonCrafterError as error:
                raise CutError(f"Segment {segment + 1}: {error}") from error

    def draw(
        self, plan: CutPlan, draw_clip: DrawClip, on_clip: OnClip = lambda *_: None
    ) -> dict[Drawing, Levels]:
        """Every drawing of the cut; only clips that the store does not have are drawn."""
        sources = self.draw_clips(plan, draw_clip, on_clip)
        return {drawing: self.levels_of(drawing, sources) for drawing in plan.drawings}

    def draw_clips(
        self, plan: CutPlan, draw_clip: DrawClip, on_clip: OnClip = lambda *_: None
    ) -> dict[tuple[int, str], Source]:
        """Draw what is missing in the store; the source of every clip by segment and half."""
        sources = self.sources_of(plan)
        for clip in plan.clips:
            source = sources[clip.segment, clip.half]
            is_there = self.store.has(source)
            on_clip(clip, source, is_there)
            if is_there:
                continue
            ends = (self._end(drawing, sources) for drawing in (clip.first, clip.last))
            began = time.monotonic()
            video = draw_clip(
                Keyframes.at_ends(*ends), self.settings_of(clip.segment), self.layers_of(clip)
            )
            levels = rearrange(to_levels(video), "t c h w -> t h w c").cpu().numpy()
            pictures = [encode_png(picture) for picture in levels]
            self.store.add(source, pictures, time.monotonic() - began)
        return sources

    def sources_of(self, plan: CutPlan) -> dict[tuple[int, str], Source]:
        """The source of every clip by segment and half, drawn or not."""
        sources: dict[tuple[int, str], Source] = {}
        for clip in plan.clips:
            sources[clip.segment, clip.half] = self.source(clip, sources)
        return sources

    def levels_of(self, drawing: Drawing, sources: Mapping[tuple[int, str], Source]) -> Levels:
        """A drawing; the clip of a moment is in the store."""
        if drawing.key is not None:
            return self.key(drawing.key)
        return self._moment(drawing, sources)

    def file_of(self, drawing: Drawing, sources: Mapping[tuple[int, str], Source]) -> bytes:
        """A drawing as a PNG file; the clip of a moment is in the store."""
        if drawing.key is not None:
            return encode_png(self.key(drawing.key))
        assert drawing.segment is not None and drawing.moment is not None
        source = sources[drawing.segment, drawing.moment.half]
        return self.store.moments(source)[drawing.moment.index].read_bytes()

    def key(self, name: str) -> Levels:
        """A key at the size asked for; where it has that size already, to the bit."""
        picture = self.pictures[name]
        settings = self.settings
        size = settings.width, settings.height
        # A fitted key needs a partner; which one it is does not matter to it.
        fitted = fit_keyframes(Keyframes.at_ends(picture, picture), size, settings.fit, 1)
        restored = fitted.placement.restore(fitted.pixels[0])
        return rearrange(to_levels(restored), "c h w -> h w c").contiguous().numpy()

    def settings_of(self, segment: int) -> InterpolationSettings:
        """The settings of a segment: the cut's, but for those that it has of its own."""
        own = {
            name: value
            for name in ("prompt", "seed", "motion_fps")
            if (value := getattr(self.cut.segments[segment], name)) is not None
        }
        return replace(self.settings, num_frames=NUM_MOMENTS, **own)

    def layers_of(self, clip: Clip) -> list[SketchLayer]:
        """The sketches that a clip follows, each at its moment; of a half those within it."""
        return [
            SketchLayer(hints=self.hints[sketch.picture], frames=(moment,))
            for sketch in self.cut.segments[clip.segment].sketches
            if (moment := moment_in_half(sketch.moment, clip.half)) is not None
        ]

    def source(self, clip: Clip, sources: Mapping[tuple[int, str], Source]) -> Source:
        """Everything that the pixels of a clip come from; its ends' clips are in ``sources``."""
        settings: dict[str, object] = asdict(self.settings_of(clip.segment))
        for name in WITHOUT_EFFECT:
            settings.pop(name, None)
        return Source(
            first=self._digest(clip.first, sources),
            last=self._digest(clip.last, sources),
            settings=settings,
            weights=self.weights,
            sketches=[
                (layer.frames[0], digest([digest_of_hint(layer.hints), self.sketch_weights]))
                for layer in self.layers_of(clip)
            ],
        )

    @cached_property
    def _digests(self) -> Mapping[str, str]:
        """Of each key's pixels; keys that were read from files have been hashed then."""
        return digests_of(self.pictures)

    def _digest(self, drawing: Drawing, sources: Mapping[tuple[int, str], Source]) -> str:
        """Of a key its pixels; of a moment the clip that it is from."""
        if drawing.key is None:
            assert drawing.segment is not None and drawing.moment is not None
            source = sources[drawing.segment, drawing.moment.half]
            return f"{source.hash}/{drawing.moment.index}"
        return self._digests[drawing.key]

    def _end(self, drawing: Drawing, sources: Mapping[tuple[int, str], Source]) -> Tensor:
        """An end of a clip, ``3 h w`` in [-1, 1]: a key as it came, or an earlier drawing."""
        if drawing.key is not None:
            return self.pictures[drawing.key]
        levels = torch.from_numpy(self._moment(drawing, sources))
        return rearrange(from_levels(levels), "h w c -> c h w")

    def _moment(self, drawing: Drawing, sources: Mapping[tuple[int, str], Source]) -> Levels:
        assert drawing.segment is not None and drawing.moment is not None
        source = sources[drawing.segment, drawing.moment.half]
        return read_levels(self.store.moments(source)[drawing.moment.index])


def digest_of_hint(hint: Tensor) -> str:
    """A hash of a hint in [0, 1], to the bit."""
    return digest_of_pixels(hint.contiguous().numpy().tobytes(), hint.shape)


def read_hints(cut: Cut) -> dict[Path, Tensor]:
    """The hint of every sketch of a cut, ``1 1 h w``; doubts are logged.

    ``SketchError`` or ``KeyframeError`` for a file that has no sketch.
    """
    hints: dict[Path, Tensor] = {}
    for number, segment in enumerate(cut.segments, start=1):
        for path in (sketch.picture for sketch in segment.sketches):
            try:
                found = to_hint(read_drawing(path))
            except SketchError as error:
                raise SketchError(f"'{path.name}' for segment {number}: {error}") from error
            for warning in found.warnings:
                logger.warning("'%s' for segment %d: %s", path.name, number, warning)
            hints[path] = found.hints
    return hints
