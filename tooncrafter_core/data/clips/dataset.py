"""The torch data set: 16 frames of a clip, fitted as the nodes fit, with sketches for some."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import torch
from einops import rearrange
from torch import Tensor
from torch.utils.data import Dataset

from ...errors import DatasetError
from ...pictures.fitting import FIT_MODES, FitMode, fit
from ...pictures.levels import from_levels
from .cuts import cut_to
from .sketched_frames import choose_sparse_frames
from .sources import ClipFrames, ClipInfo, ClipSource

# c channels, t frames, h w space

SketchKind = Literal["none", "line_art", "exact"]
SKETCH_KINDS: tuple[SketchKind, ...] = get_args(SketchKind)


EASE = 2.5
"""Largest exponent of time for uneven timing; the smallest is its reciprocal."""


@dataclass(frozen=True, kw_only=True)
class ClipSettings:
    """How a training clip is cut from a longer one."""

    num_frames: int = 16
    width: int = 512
    height: int = 320
    fit: FitMode = "crop"
    multiple: int = 64
    """Sides become multiples of this, as the model asks."""
    min_fps: float = 5.0
    max_fps: float = 30.0
    """Range of motion fps from which the stride is chosen; the paper's batches have many fps."""
    sketches: SketchKind = "none"
    """``line_art`` as the Line Art node draws it; ``exact`` where the source knows it."""
    sparse_sketches: bool = True
    """Sketches for some frames only, by the paper's rule; else for all."""
    flip: bool = False
    """Mirror every other clip."""
    uneven: float = 0.0
    """Share of samples with uneven timing between the ends, which only sketches show."""
    cuts: float = 0.0
    """Share of samples that change to another clip at some frame, in a part of the picture or all
    of it; see ``cuts``."""

    def __post_init__(self) -> None:
        if self.num_frames < 2 or not 0 < self.min_fps <= self.max_fps:
            raise DatasetError(
                f"A training clip needs 2 frames or more and a range of fps; got {self.num_frames} "
                f"frames at {self.min_fps:g} to {self.max_fps:g} fps."
            )
        if not 0 <= self.uneven <= 1:
            raise DatasetError(f"uneven is a share, from 0 to 1; not {self.uneven:g}.")
        if not 0 <= self.cuts <= 1 or (self.cuts and self.sketches != "none"):
            raise DatasetError(
                "cuts is a share, from 0 to 1, and 0 where clips come with sketches; not "
                f"{self.cuts:g} with sketches '{self.sketches}'."
            )
        if self.fit not in FIT_MODES or self.sketches not in SKETCH_KINDS:
            raise DatasetError(
                f"Clips are fitted by {', '.join(FIT_MODES)} and sketched by "
                f"{', '.join(SKETCH_KINDS)}; not by {self.fit!r} and {self.sketches!r}."
            )


class SampleId(NamedTuple):
    """A clip in an epoch: with the seed, all that a sample depends on."""

    epoch: int
    clip: int


Sample = dict[str, Any]
"""A clip as training reads it: tensors and texts by name; see ``ClipDataset``."""


class ClipDataset(Dataset[Sample]):
    """Training samples of a source; the same ``SampleId`` and seed give the same sample anywhere.

    A sample is a dictionary: ``video`` ``c t h w`` in [-1, 1]; ``fps``, the motion fps, float32;
    ``caption``; ``key``; and, where sketches are asked for, ``sketches`` ``1 t h w`` in [0, 1],
    white on black, zero where there is none, and ``has_sketch`` ``t`` bool. Clips too short for the
    number of frames at any stride are not used; ``too_short`` counts them. ``DatasetError`` when
    none is left, or for a clip that cannot be read.
    """

    def __init__(self, source: ClipSource, settings: ClipSettings, seed: int = 0) -> None:
        self.source, self.settings, self.seed = source, settings, seed
        if not len(source.clips):
            raise DatasetError("The source has no clips.")
        fits = [bool(possible_strides(clip, settings)) for clip in source.clips]
        self.too_short = len(fits) - sum(fits)
        if not any(fits):
            longest = max(source.clips, key=lambda clip: clip.num_frames)
            raise DatasetError(
                f"Every clip is too short: {settings.num_frames} frames at {settings.min_fps:g} to "
                f"{settings.max_fps:g} fps are asked for, and the longest clip, '{longest.key}', "
                f"has {longest.num_frames} at {longest.fps:g} fps."
            )
        groups = ([clip for clip in group if fits[clip]] for group in source.groups)
        self.groups = [group for group in groups if group]
        self.others = [clip for group in self.groups for clip in group]
        """The clips to which a cut may change."""

    def __len__(self) -> int:
        return sum(map(len, self.groups))

    def __getitem__(self, sample: SampleId | int) -> Sample:
        """The sample; a plain number is a clip in epoch 0."""
        epoch, clip = sample if isinstance(sample, tuple) else (0, sample)
        generator = sample_generator(self.seed, epoch, clip)
        found = self._uncut(clip, generator)
        # Drawn only where it is used, so that all other samples stay the same.
        if self.settings.cuts and float(torch.rand((), generator=generator)) < self.settings.cuts:
            number = int(torch.randint(len(self.others), (), generator=generator))
            other = self._uncut(self.others[number], generator)
            found["video"] = cut_to(found["video"], other["video"], generator)
        return found

    def _uncut(self, clip: int, generator: torch.Generator) -> Sample:
        """A sample of the clip alone."""
        info = self.source.clips[clip]
        frames, stride = choose_frames(info, self.settings, generator)
        drawn = self.source.read(clip, frames)
        video = fit_frames(drawn.pixels, self.settings)
        mirrored = self.settings.flip and bool(torch.rand((), generator=generator) < 0.5)
        sketches = self._sketches(drawn, video, info, generator)
        found: Sample = {"video": video, **sketches}
        if mirrored:
            found |= {name: found[name].flip(-1) for name in ("video", "sketches") if name in found}
        found["fps"] = torch.tensor(drawn.fps or info.fps / stride, dtype=torch.float32)
        return {**found, "caption": info.caption, "key": info.key}

    def _sketches(
        self, drawn: ClipFrames, video: Tensor, info: ClipInfo, generator: torch.Generator
    ) -> dict[str, Tensor]:
        if self.settings.sketches == "none":
            return {}
        count = self.settings.num_frames
        chosen = list(range(count))
        if self.settings.sparse_sketches:
            chosen = choose_sparse_frames(count, generator)
        has_sketch = torch.zeros(count, dtype=torch.bool)
        has_sketch[chosen] = True
        sketches = video.new_zeros(1, *video.shape[1:])
        if not chosen:
            return {"sketches": sketches, "has_sketch": has_sketch}
        if self.settings.sketches == "line_art":
            from ...sketches.line_art import line_art

            lines = line_art(rearrange(video[:, chosen], "c t h w -> t c h w"))
        elif drawn.lines is None:
            raise DatasetError(f"The exact line art of '{info.key}' is not known; use line_art.")
        else:
            pixels = np.repeat(drawn.lines[chosen][..., None], 3, axis=-1)
            fitted = fit_frames(pixels, self.settings)
            lines = (rearrange(fitted[:1], "1 t h w -> t 1 h w") + 1) / 2
        sketches[:, chosen] = rearrange(lines, "t 1 h w -> 1 t h w").clamp(0, 1)
        return {"sketches": sketches, "has_sketch": has_sketch}


def possible_strides(clip: ClipInfo, settings: ClipSettings) -> list[int]:
    """Every step between frames that fits into the clip and gives an allowed fps."""
    longest = (clip.num_frames - 1) // (settings.num_frames - 1)
    return [
        stride for stride in range(1, longest + 1)
        if settings.min_fps <= clip.fps / stride <= settings.max_fps
    ]  # fmt: skip


def choose_frames(
    clip: ClipInfo, settings: ClipSettings, generator: torch.Generator
) -> tuple[list[int], int]:
    """Frame numbers of a sample and the step between them: stride first, then the start."""
    strides = possible_strides(clip, settings)
    if not strides:
        raise DatasetError(f"The clip '{clip.key}' of {clip.num_frames} frames is too short.")
    stride = strides[int(torch.randint(len(strides), (), generator=generator))]
    span = (settings.num_frames - 1) * stride + 1
    start = int(torch.randint(clip.num_frames - span + 1, (), generator=generator))
    # As for cuts: drawn only where it is used.
    if settings.uneven and float(torch.rand((), generator=generator)) < settings.uneven:
        ease = EASE ** float(2 * torch.rand((), generator=generator) - 1)
        moments = torch.linspace(0, 1, settings.num_frames, dtype=torch.float64) ** ease
        return [start + round(float(moment) * (span - 1)) for moment in moments], stride
    return list(range(start, start + span, stride)), stride


def fit_frames(pixels: np.ndarray, settings: ClipSettings) -> Tensor:
    """``t h w 3`` uint8 to ``3 t h w`` float32 in [-1, 1], as the nodes fit keyframes."""
    frames = rearrange(torch.from_numpy(np.ascontiguousarray(pixels)), "t h w c -> t c h w")
    video = from_levels(frames)
    size = settings.width, settings.height
    fitted, _ = fit(video, *size, mode=settings.fit, multiple=settings.multiple)
    return rearrange(fitted, "t c h w -> c t h w").clamp(-1, 1).contiguous()


def sample_generator(seed: int, epoch: int, clip: int) -> torch.Generator:
    """The random generator of one sample, the same in every process."""
    state = np.random.SeedSequence([seed, epoch, clip]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state >> 1))


def collate_clips(samples: Sequence[Sample]) -> Sample:
    """A batch: tensors stacked, ``video`` ``b c t h w``; captions and keys as lists."""
    return {
        name: torch.stack([s[name] for s in samples])
        if isinstance(samples[0][name], Tensor) else [s[name] for s in samples]
        for name in samples[0]
    }  # fmt: skip
