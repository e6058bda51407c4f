"""What an experiment removes when one of its trainings is done."""

from pathlib import Path

import pytest

from tooncrafter_core.experiments.bench import Bench
from tooncrafter_core.files import write_bytes
from tooncrafter_core.training.settings.config import RunConfig

WRITTEN = (
    "checkpoints/step-00000005/notes.json",
    "checkpoints/step-00000005/weights.safetensors",
    "prepared/identity.json",
    "prepared/0/00000003.npz",
)


@pytest.mark.parametrize("foreign", ["", "checkpoints/mine.safetensors", "prepared/1/mine.txt"])
def test_a_finished_training_keeps_its_result_and_what_others_put_there(
    foreign: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "base"
    names = [*WRITTEN, "model.safetensors", "settings.yaml", *([foreign] if foreign else [])]
    for name in names:
        write_bytes(folder / name, b"x")
    bench = Bench(folder=tmp_path, report=lambda _: None, is_quiet=True)
    config = RunConfig(out=str(folder))
    assert bench.train("base", config) == folder / "model.safetensors"
    kept = foreign.partition("/")[0]
    expected = {n for n in names if "/" not in n or n.partition("/")[0] == kept}
    found = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert found == expected
    assert ("was not removed" in caplog.text) == bool(foreign)
