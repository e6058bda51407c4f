"""The clips of a run: opened from what the settings name, some of them kept from training."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from ...data.clips.dataset import ClipDataset, ClipSettings, SketchKind
from ...data.clips.joined import JoinedClips
from ...data.clips.shard_source import ShardClips
from ...data.clips.sources import FOLDER_FPS, ClipSource, FrameFolders, ProceduralClips, VideoFiles
from ...errors import TrainingError
from ..settings.config import DataConfig

logger = logging.getLogger(__name__)

DRAWN_FPS = 10.0
LARGEST_SHARE_HELD_OUT = 10
"""One in so many clips is held out at most."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingClips:
    """A data set and which of its clips are for what."""

    dataset: ClipDataset
    groups: Sequence[Sequence[int]]
    """Clips to train on; see ``ClipSource``."""
    held_out: Sequence[int]

    @property
    def count(self) -> int:
        """Clips to train on."""
        return sum(map(len, self.groups))


def open_clips(config: DataConfig, seed: int, needs_sketches: bool) -> TrainingClips:
    """Open the clips and keep some back.

    ``DatasetError`` and ``TrainingError`` say what is wrong with the source or its clips.
    """
    if config.width % config.multiple or config.height % config.multiple:
        raise TrainingError(
            f"data.width and data.height must be multiples of data.multiple, {config.multiple}; "
            f"not {config.width}x{config.height}."
        )
    sketches: SketchKind = "none"
    if needs_sketches:
        sketches = "exact" if config.lines == "exact" else "line_art"
    settings = ClipSettings(
        num_frames=config.num_frames,
        width=config.width,
        height=config.height,
        fit=config.fit,  # type: ignore[arg-type]  # checked with the settings
        multiple=config.multiple,
        min_fps=config.min_fps,
        max_fps=config.max_fps,
        sketches=sketches,
        sparse_sketches=config.sparse_sketches,
        flip=config.flip,
        uneven=config.uneven,
        cuts=config.cuts,
    )
    dataset = ClipDataset(open_source(config, sketches == "exact"), settings, seed)
    if dataset.too_short:
        logger.warning(
            "%d of %d clips are left out: they are too short for %d frames at %g to %g fps.",
            dataset.too_short, len(dataset.source.clips), config.num_frames,
            config.min_fps, config.max_fps,
        )  # fmt: skip
    clips = dataset.others
    if len(clips) < 2:
        raise TrainingError(
            f"There is only one clip to train on, '{dataset.source.clips[clips[0]].key}': the "
            "model would learn it by heart. Give the folder of more clips in data.path."
        )
    count = min(config.held_out, len(clips) // LARGEST_SHARE_HELD_OUT)
    held_out = clips[len(clips) - count :]
    kept = set(held_out)
    groups = [[clip for clip in group if clip not in kept] for group in dataset.groups]
    dataset.others = clips[: len(clips) - count]
    return TrainingClips(
        dataset=dataset, groups=[group for group in groups if group], held_out=held_out
    )


def open_source(config: DataConfig, with_lines: bool) -> ClipSource:
    """The source of clips; ``TrainingError`` when its place is missing or not needed."""
    if config.source == "procedural":
        if config.path is not None:
            raise TrainingError(
                f"data.path is '{config.path}', but procedural clips come from no folder: set "
                "data.source to folders, videos or shards."
            )
        drawn = ProceduralClips(
            range(config.first_seed, config.first_seed + config.clips),
            config.width,
            config.height,
            config.drawn_frames or config.num_frames,
            fps=config.source_fps or DRAWN_FPS,
            look=config.look,
            with_lines=with_lines,
            kinds=config.kinds,
        )
        return _joined(drawn, config, with_lines) if config.beside is not None else drawn
    if config.beside is not None:
        raise TrainingError(
            f"data.beside is '{config.beside}': clips can be mixed with procedural ones only. Put "
            "the folders into one for data.path, or set data.source to procedural."
        )
    if config.path is None:
        raise TrainingError(f"Say where the {config.source} are: data.path=FOLDER.")
    if config.source == "folders":
        return FrameFolders(config.path, config.source_fps or FOLDER_FPS)
    return VideoFiles(config.path) if config.source == "videos" else ShardClips(config.path)


def _joined(drawn: ProceduralClips, config: DataConfig, with_lines: bool) -> JoinedClips:
    if with_lines:
        raise TrainingError(
            f"Of the clips in data.beside, '{config.beside}', no exact lines are known: set "
            "data.lines to line_art."
        )
    beside = FrameFolders(str(config.beside))
    return JoinedClips(drawn, beside, config.beside_share)


def check_batch(clips: TrainingClips, batch_size: int) -> None:
    """``TrainingError`` when a step would see a clip twice."""
    if batch_size > clips.count:
        raise TrainingError(
            f"A batch of {batch_size} clips is larger than the data: there are {clips.count} clips "
            "to train on. Lower batch_size, or give more clips."
        )
