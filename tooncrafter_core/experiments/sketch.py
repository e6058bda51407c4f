"""The paper's study of sketches at a small size: encoders trained with few sketches or with all.

The paper trains with sketches for some frames, the others having an empty one, so that any frames
may be sketched later. The other way is to train with a sketch for every frame, and to let those
without one go unguided later: their residuals are left out (gated).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..checkpoints import detect, read_checkpoint
from ..data.clips.sketched_frames import bisected_frames
from ..evaluation.compare import CompareSettings
from ..evaluation.methods.guided import SketchGuide
from ..evaluation.methods.models import Interpolator
from ..evaluation.results import MetricInfo, Results
from ..sketches.frames import MissingMode
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
from .settings import ExperimentConfig, part_config, sampling
from .spread import verdict
from .tables import SeedTable, duels_in_markdown

STAGES = {"base": "base", "train": "sketch"}

ALONE = "without sketches"
SPARSE, GATED, DENSE = "trained sparse", "trained dense, gated", "trained dense, not gated"
MISSING: dict[str, MissingMode] = {SPARSE: "empty", GATED: "none", DENSE: "empty"}
"""For each row, what frames without a sketch get."""
PAPER_ORDER = [SPARSE, GATED]
DEPTHS = {"one sketch in the middle": 1, "several sketches": 2}
"""Kinds of input, with the number of halvings of the clip by the paper's rule."""


@dataclass(kw_only=True)
class SketchConfig(ExperimentConfig):
    """The encoder's training, and the base's where the start's denoiser is not trained."""

    base: RunConfig = field(default_factory=RunConfig)
    """Training of the denoiser; with 0 steps that of the first weights is used."""
    train: RunConfig = field(default_factory=RunConfig)


def run(config: SketchConfig, start: Path, bench: Bench) -> list[Path]:
    """Train both encoders with every seed, draw along sketches with each, and write the tables."""
    base = start
    if config.base.steps:
        place = bench.folder / "base"
        base = bench.train("base", part_config(config.base, place, config.base.seed, start))
    stage = {}
    if not detect(read_checkpoint(base)).unet.warps_keyframes:
        stage["matching"] = 0.0
    encoders: dict[tuple[str, int], Path] = {}
    for seed in config.seed_numbers:
        for row, is_sparse in ((SPARSE, True), (GATED, False)):
            place = bench.folder / f"{'sparse' if is_sparse else 'dense'}_seed{seed}"
            data = {"sparse_sketches": is_sparse}
            part = part_config(config.train, place, seed, base, data=data, stage=stage)
            encoders[row, seed] = bench.train("sketch", part)
            if row == GATED:
                encoders[DENSE, seed] = encoders[row, seed]
    session = open_model(base)
    peers = [Interpolator(ALONE, base, session, sampling(config.evaluate))]
    for title, depth in DEPTHS.items():
        frames = bisected_frames(config.train.data.num_frames, depth)
        for (row, seed), path in encoders.items():
            settings = replace(
                sampling(config.evaluate),
                sketch_missing=MISSING[row],
                sketch_tokens=config.train.stage.tokens,
            )
            name = method_name(f"{row}, {title}", seed)
            guide = SketchGuide(path, frames)
            peers.append(Interpolator(name, base, session, settings, guide=guide))
    results = bench.measure(peers, config.evaluate, config.train, CompareSettings())
    texts, tables = [], {}
    for title, depth in DEPTHS.items():
        frames = bisected_frames(config.train.data.num_frames, depth)
        of_rows = methods_of([f"{row}, {title}" for row in MISSING], config.seed_numbers)
        methods = {
            ALONE: {None: ALONE},
            **dict(zip(MISSING, of_rows.values(), strict=True)),
        }
        found, table = report(results, methods, title, frames, config)
        texts += found
        tables[f"sketches_{len(frames)}"] = table.to_csv()
    return bench.write(texts, tables)


def report(
    results: Results,
    methods: Methods,
    title: str,
    frames: Sequence[int],
    config: SketchConfig,
) -> tuple[list[str], SeedTable]:
    """The tables and sentences of one kind of input; ``frames`` have a sketch."""
    averages = infos_of(results, config.evaluate.metrics)
    measured = {
        row: dict(quantities) for row, quantities in gather(results, methods, averages).items()
    }
    others = [n for n in range(1, results.num_frames - 1) if n not in frames]
    infos: list[MetricInfo] = list(averages)
    for info in averages:
        for where, chosen in (("with a sketch", frames), ("without", others)):
            if not chosen:
                continue
            infos.append(replace(info, key=f"{info.key} {where}", title=f"{info.title}, {where}"))
            for row, values in gather_frames(results, methods, info.key, chosen).items():
                measured[row][infos[-1].key] = values
    notes = notes_of(results, infos, config.seeds)
    numbers = ", ".join(str(frame + 1) for frame in frames)
    notes.append(f"Sketches are the lines of the true frames, here of {numbers}; strength 1.")
    table = SeedTable(title=f"Sketches: {title}", columns=infos, measured=measured, notes=notes)
    trained = {row: measured[row] for row in MISSING}
    texts = [
        table.to_markdown(),
        duels_in_markdown(f"{SPARSE}, against each other row: {title}", SPARSE, measured, infos),
        *(f"{verdict(trained, i, PAPER_ORDER, 'the better first')}\n" for i in averages),
    ]
    return texts, table
