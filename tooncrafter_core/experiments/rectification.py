"""Table 3 of the paper at a small size: what to tune so that a live-action model draws cartoons."""

from dataclasses import dataclass, field
from pathlib import Path

from ..evaluation.compare import CompareSettings
from ..evaluation.methods.models import Interpolator
from ..evaluation.methods.peers import CrossFade, Hold, Peer
from ..training.settings.config import RunConfig
from ..training.settings.presets import PRESETS
from .bench import Bench, gather, infos_of, method_name, methods_of, notes_of, open_model
from .settings import ExperimentConfig, part_config, sampling
from .spread import verdict
from .tables import SeedTable, duels_in_markdown

STAGES = {"base": "base", "tune": "rectify"}

UNTUNED, METHOD = "I", "IV"
ROWS = {
    UNTUNED: "I, not tuned",
    "II": "II, all layers",
    "III": "III, temporal layers left out in training",
    METHOD: "IV, projector and spatial layers",
    "V": "V, projector alone",
}
PAPER_ORDER = [METHOD, "II", "V", UNTUNED, "III"]
"""The paper's order of the rows, best first, the same by FVD and CLIP_img (PAPER.md, Table 3)."""


@dataclass(kw_only=True)
class RectificationConfig(ExperimentConfig):
    """The base's training and the tuning's, whose ``learn`` each row sets itself."""

    base: RunConfig = field(default_factory=RunConfig)
    tune: RunConfig = field(default_factory=RunConfig)


def run(config: RectificationConfig, start: Path, bench: Bench) -> list[Path]:
    """Train the base once and every row with every seed, measure, and write the tables."""
    place = bench.folder / "base"
    base = bench.train("base", part_config(config.base, place, config.base.seed, start))
    files: dict[str, Path] = {ROWS[UNTUNED]: base}
    for seed in config.seed_numbers:
        for variant in ROWS:
            if variant != UNTUNED:
                tuned = variant_config(config.tune, variant, seed, base, bench.folder)
                files[method_name(ROWS[variant], seed)] = bench.train("rectify", tuned)
    peers: list[Peer] = [Hold(), CrossFade()]
    for name, path in files.items():
        settings = sampling(config.evaluate)
        peers.append(Interpolator(name, path, open_model(path), settings, has_plain_decoder=True))
    results = bench.measure(peers, config.evaluate, config.tune, CompareSettings())
    infos = infos_of(results, ["frechet", "kernel", *config.evaluate.metrics])
    tuned_rows = methods_of([ROWS[v] for v in ROWS if v != UNTUNED], config.seed_numbers)
    methods = {row: tuned_rows.get(row, {None: row}) for row in ROWS.values()}
    measured = gather(results, methods, infos)
    notes = notes_of(results, infos, config.seeds)
    notes.append("Decoded without references, as in the paper. No CLIP weights: no CLIP_img.")
    peer_rows = gather(results, {peer.name: {None: peer.name} for peer in peers[:2]}, infos)
    table = SeedTable(
        title="Rectification (shape of the paper's Table 3)",
        columns=infos,
        measured={**peer_rows, **measured},
        notes=notes,
    )
    paper_order = [ROWS[variant] for variant in PAPER_ORDER]
    texts = [
        table.to_markdown(),
        duels_in_markdown(f"{ROWS[METHOD]}, against each other row", ROWS[METHOD], measured, infos),
        *(f"{verdict(measured, info, paper_order, 'FVD')}\n" for info in infos),
    ]
    return bench.write(texts, {"table3_rectification": table.to_csv()})


def variant_config(
    config: RunConfig, variant: str, seed: int, base: Path, folder: Path
) -> RunConfig:
    """The tuning of a row, with the learning groups and bypass of the preset of its name.

    Rows of one seed see the same clips in the same order, and draw the same numbers.
    """
    preset = PRESETS["rectify"][f"table3_{variant.lower()}"]
    return part_config(
        config,
        folder / f"{variant}_seed{seed}",
        seed,
        base,
        learn=list(preset["learn"]),
        stage={"bypass_temporal": preset["stage"]["bypass_temporal"]},
    )
