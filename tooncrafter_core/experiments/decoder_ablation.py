"""Table 4 of the paper at a small size: decoders trained with and without their special parts."""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from ..checkpoints.weight_packages import describe_file
from ..evaluation.compare import CompareSettings
from ..evaluation.methods.models import Reconstructor
from ..evaluation.results import MetricInfo, Results
from ..models.autoencoder.ablation import HAR, P3D, PARTS, WARP
from ..training.settings.config import RunConfig
from .bench import (
    Bench,
    Methods,
    gather,
    gather_frames,
    infos_of,
    method_name,
    methods_of,
    notes_of,
    open_model,
)
from .settings import ExperimentConfig, part_config
from .spread import Measured, mean, verdict
from .tables import SeedTable, duels_in_markdown

STAGES = {"train": "decoder"}

FULL, WITHOUT_P3D, PLAIN = "full", "without P3D", "without HAR and P3D"
PAPER_ROWS: dict[str, Collection[str]] = {FULL: (HAR, P3D), WITHOUT_P3D: (HAR,), PLAIN: ()}
MOVING = "full, and moving the keyframes"
"""The mini model's own decoder, which the paper does not have."""
SAG = "the middle below the ends"


@dataclass(kw_only=True)
class DecoderConfig(ExperimentConfig):
    """The decoders' training, whose ``stage.parts`` each row sets itself."""

    moving: bool = True
    """Add a row in which the keyframes' pixels are warped, if the model can."""
    train: RunConfig = field(default_factory=RunConfig)


def run(config: DecoderConfig, start: Path, bench: Bench) -> list[Path]:
    """Train every row with every seed, reconstruct clips with each, and write the tables."""
    rows = {**PAPER_ROWS, **({MOVING: PARTS} if config.moving else {})}
    peers = []
    for seed in config.seed_numbers:
        for row, parts in rows.items():
            place = bench.folder / f"{'_'.join(parts) or 'plain'}_seed{seed}"
            stage: dict[str, Any] = {"parts": list(parts)}
            if WARP not in parts:
                stage["moved"] = 0.0
            part = part_config(config.train, place, seed, start, stage=stage)
            path = bench.train("decoder", part)
            weights = f"{describe_file(path)}; trained with {', '.join(parts) or 'neither'}"
            name = method_name(row, seed)
            peers.append(Reconstructor(name, weights, open_model(path), parts))
    settings = CompareSettings(scored="all", kind="reconstruct")
    results = bench.measure(peers, config.evaluate, config.train, settings)
    infos = infos_of(results, config.evaluate.metrics)
    methods = methods_of(list(rows), config.seed_numbers)
    measured = gather(results, methods, infos)
    notes = notes_of(results, infos, config.seeds)
    table = SeedTable(
        title="Reconstruction (shape of the paper's Table 4)",
        columns=infos, measured=measured, notes=notes,
    )  # fmt: skip
    along = along_the_clip(results, methods)
    texts = [
        table.to_markdown(),
        duels_in_markdown(f"{FULL}, against each other row", FULL, measured, infos),
        *(f"{verdict(measured, info, list(PAPER_ROWS), 'PSNR')}\n" for info in infos),
        along.to_markdown(),
        sag_in_words(along.measured),
    ]
    return bench.write(
        texts, {"table4_reconstruction": table.to_csv(), "psnr_by_frame": along.to_csv()}
    )


def along_the_clip(results: Results, methods: Methods) -> SeedTable:
    """PSNR of every frame, and how far the middle of the clips lies below their ends."""
    frames = [
        _decibels(f"frame {index + 1}", str(index + 1)) for index in range(results.num_frames)
    ]
    measured: dict[str, dict[str, dict[int | None, float]]] = {row: {} for row in methods}
    for index, info in enumerate(frames):
        for row, values in gather_frames(results, methods, "psnr", [index]).items():
            measured[row][info.key] = dict(values)
    for quantities in measured.values():
        columns = [quantities[info.key] for info in frames]
        quantities[SAG] = {seed: sag([column[seed] for column in columns]) for seed in columns[0]}
    return SeedTable(
        title="PSNR by frame (dB)",
        columns=[*frames, _decibels(SAG, SAG, is_higher_better=False)],
        measured=measured,
        notes=["The first and last frames are the references' own."],
    )


def sag(along: list[float]) -> float:
    """How far the mean of the middle third of a clip lies below the mean of its two ends."""
    third = len(along) // 3
    middle = along[third : len(along) - third]
    return fmean([along[0], along[-1]]) - fmean(middle)


def sag_in_words(measured: Measured) -> str:
    """A sentence on the middle of the clips."""
    each = ", ".join(
        f"{row} {mean(quantities[SAG]):.2f} dB" for row, quantities in measured.items()
    )
    return (
        "In the paper the full decoder is about 1.2 dB lower in the middle of a clip than at its "
        f"ends, and the plain one is flat. Here: {each}.\n"
    )


def _decibels(key: str, title: str, is_higher_better: bool = True) -> MetricInfo:
    return MetricInfo(
        key=key, title=title, is_higher_better=is_higher_better, decimals=2, weights="none"
    )
