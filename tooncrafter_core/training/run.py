"""A training run from its settings to its result."""

import logging
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from torch.utils.data import Dataset

from ..data.clips.dataset import Sample
from ..errors import OutputError, TrainingError
from ..files import Place, alone_in, check_places, write_text
from .inputs.batches import (
    BatchPlan,
    HeldOut,
    RunBatches,
    TrainingBatches,
    held_out_batch,
    plan_batches,
)
from .inputs.open_clips import TrainingClips, check_batch, open_clips
from .inputs.prepared import PREPARED, PreparedClips
from .loop.loop import Trainer
from .loop.machine import make_accelerator
from .loop.monitor import LOG, Monitor
from .loop.sharding import check_sharding
from .outputs.checkpointing import CHECKPOINTS
from .outputs.report import check_mixture, freeze_report
from .settings.config import RunConfig
from .settings.read import groups_of, to_yaml
from .stage import Stage
from .stages.denoising import DenoisingStage
from .stages.registry import StageKind, with_lora

logger = logging.getLogger(__name__)

Report = Callable[[str], None]

SETTINGS = "settings.yaml"


def train(
    kind: StageKind, config: RunConfig, report: Report, is_quiet: bool = False
) -> Path | None:
    """Run a stage, or continue one that was stopped; returns the path of its result.

    With several processes only the main one returns the path.

    ``report`` is called with texts for the user before the first step. Every ``ToonCrafterError``
    is raised before anything is written, except for a full disk and numbers that overflow.
    """
    if config.lora.rank:
        kind = with_lora(kind)
    check_places([run_place(kind, config)], input_paths(config))
    accelerator = make_accelerator(config.machine, kind.num_players)
    check_sharding(config.machine, accelerator.num_processes)
    plan = plan_batches(
        config.batch_size, config.machine.micro_batch,
        accelerator.process_index, accelerator.num_processes,
    )  # fmt: skip
    clips = open_clips(config.data, config.seed, kind.needs_sketches)
    check_batch(clips, config.batch_size)
    stage = kind.build(config, accelerator.device)
    check_mixture(stage, groups_of(config), kind.mixtures, config.allow_other_mixture, kind.in_part)
    folder = make_folder(Path(config.out))
    is_main = accelerator.is_main_process
    with alone_in(folder, TrainingError) if is_main else nullcontext():
        if accelerator.is_main_process:
            report(freeze_report(stage))
            report(_clips_in_words(clips, plan))
            write_text(folder / SETTINGS, to_yaml(config))
        accelerator.wait_for_everyone()
        monitor = Monitor(
            folder,
            is_main=accelerator.is_main_process,
            is_quiet=is_quiet,
            tensorboard=config.output.tensorboard,
        )
        dataset: Dataset[Sample] = clips.dataset
        if config.data.prepare and config.steps:
            dataset = prepare_clips(kind, stage, clips, config, accelerator, report)
        batches = TrainingBatches(
            dataset, clips.groups, plan, config.seed, config.data.variants, config.data.workers
        )
        result = folder / kind.result
        if config.steps:
            held_out = hold_out(clips, config, plan.micro_batch)
            trainer = Trainer(
                stage, RunBatches(training=batches, held_out=held_out), config, accelerator,
                identity_of(kind, config, clips), monitor,
            )  # fmt: skip
            trainer.resume()
            trainer.run()
            with trainer.averaged():
                publish(kind, stage, result, config, accelerator)
        else:
            publish(kind, stage, result, config, accelerator)
        accelerator.end_training()
    return result if accelerator.is_main_process else None


def run_place(kind: StageKind, config: RunConfig) -> Place:
    """The folder of a run."""
    written = (SETTINGS, kind.result, LOG, CHECKPOINTS, PREPARED, "sheets", "tensorboard")
    return Place(
        option="out", at=config.out, kind="folder", names=written, marks=(SETTINGS,),
        can_overwrite=False,
    )  # fmt: skip


def input_paths(config: RunConfig) -> list[str]:
    """The files and folders that a run reads."""
    start, data = config.start, config.data
    paths = (
        start.checkpoint, start.text_encoder, start.image_encoder, start.sketch_encoder,
        start.image_model, data.path, data.beside,
    )  # fmt: skip
    return [path for path in paths if path is not None]


def identity_of(kind: StageKind, config: RunConfig, clips: TrainingClips) -> dict[str, object]:
    """The settings that determine a run's weights, and so must not change when it continues."""
    return {
        "stage": kind.name,
        "seed": config.seed,
        "batch_size": config.batch_size,
        "learn": sorted(config.learn),
        **({"lora.rank": config.lora.rank} if config.lora.rank else {}),
        "clips": clips.count,
        "data.width": config.data.width,
        "data.height": config.data.height,
        "data.num_frames": config.data.num_frames,
    }


def prepare_clips(
    kind: StageKind,
    stage: Stage,
    clips: TrainingClips,
    config: RunConfig,
    accelerator: Any,
    report: Report,
) -> PreparedClips:
    """Encode every cut of every clip, each process its share; existing ones are kept.

    ``TrainingError`` for a stage that learns from pictures, and without a number of cuts.
    """
    if not kind.can_prepare or not isinstance(stage, DenoisingStage):
        raise TrainingError(
            f"The stage '{kind.name}' needs the pictures themselves: set data.prepare=false."
        )
    variants = config.data.variants
    if variants is None:
        raise TrainingError(
            "data.prepare needs data.variants, the number of cuts of a clip that are encoded; 1 "
            "for clips that are as long as they are used."
        )
    data = OmegaConf.to_container(OmegaConf.structured(config.data))
    prepared = PreparedClips(clips.dataset, Path(config.out) / PREPARED)
    if accelerator.is_main_process:
        prepared.check({"data": data, "seed": config.seed, "start": str(config.start)})
    accelerator.wait_for_everyone()
    missing = prepared.missing([clip for group in clips.groups for clip in group], variants)
    if missing and accelerator.is_main_process:
        report(f"encoding {len(missing)} cuts of clips")
    mine = missing[accelerator.process_index :: accelerator.num_processes]
    stage.to(accelerator.device)
    for _ in prepared.prepare(stage, mine, accelerator.device):
        pass
    accelerator.wait_for_everyone()
    return prepared


def hold_out(clips: TrainingClips, config: RunConfig, micro_batch: int) -> HeldOut:
    """The held-out clips in parts for the loss, and the first of them for sheets.

    Too small a data set has none; then sheets show clips that are trained on.
    """
    held_out = list(clips.held_out)
    parts = [held_out[i : i + micro_batch] for i in range(0, len(held_out), micro_batch)]
    shown = (held_out or clips.groups[0])[: config.output.sheet_clips]
    return HeldOut(
        batches=[
            held_out_batch(clips.dataset, part, config.seed, i * micro_batch)
            for i, part in enumerate(parts)
            if config.output.validate_every
        ],
        sheet=held_out_batch(clips.dataset, shown, config.seed)
        if config.output.sheet_every
        else None,
    )


def publish(kind: StageKind, stage: Stage, path: Path, config: RunConfig, accelerator: Any) -> None:
    """Write the result."""
    kind.write(stage, path, config.output.dtype, accelerator.is_main_process)
    accelerator.wait_for_everyone()


def make_folder(folder: Path) -> Path:
    """Make the run's folder; ``OutputError`` when that is not possible."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"The folder '{folder}' cannot be made: {error.strerror}. Choose another 'out'."
        ) from error
    return folder


def _clips_in_words(clips: TrainingClips, plan: BatchPlan) -> str:
    return (
        f"clips: {clips.count} to train on, {len(clips.held_out)} held out; {plan.batch_size} a "
        f"step, {plan.micro_batch} at a time in each of {plan.world_size} processes"
    )
