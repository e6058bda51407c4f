"""TorchScript programs that do more than compute are refused before anything of them runs."""

from pathlib import Path

import pytest
import torch

from tooncrafter_core.errors import EvaluationError
from tooncrafter_core.metrics.torchscript import check_torchscript
from tooncrafter_core.metrics.video_features import I3dFeatures


class Plain(torch.nn.Module):
    def forward(
        self, x: torch.Tensor, rescale: bool, resize: bool, return_features: bool
    ) -> torch.Tensor:
        x = torch.nn.functional.interpolate(x[:, :, 0], size=[4, 4], mode="bilinear")
        return x.mean([2, 3])


class Writes(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.from_file("written.bin", shared=True, size=4)


class Saves(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        torch.save(x, "written.bin")
        return x


class Prints(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        print(x)  # noqa: T201 - what is refused
        return x


def saved(module: torch.nn.Module, path: Path) -> Path:
    torch.jit.save(torch.jit.script(module), str(path))
    return path


@pytest.mark.parametrize(
    ("module", "name"), [(Writes(), "from_file"), (Saves(), "save"), (Prints(), "print")]
)
def test_a_program_that_reaches_out_is_refused(
    module: torch.nn.Module, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EvaluationError, match=f"uses '{name}'.*Nothing was run"):
        I3dFeatures(saved(module, tmp_path / "i3d.pt"))
    assert not (tmp_path / "written.bin").exists()


def test_a_program_that_computes_is_loaded(tmp_path: Path) -> None:
    path = saved(Plain(), tmp_path / "i3d.pt")
    check_torchscript(path)
    assert I3dFeatures(path)(torch.zeros(12, 3, 8, 8)).shape == (3,)


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04" + bytes(90)])
def test_what_is_no_torchscript_is_told(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "i3d.pt").write_bytes(content)
    with pytest.raises(EvaluationError, match="not a TorchScript file"):
        I3dFeatures(tmp_path / "i3d.pt")


def test_weights_alone_are_no_program(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(2)}, tmp_path / "i3d.pt")
    with pytest.raises(EvaluationError, match="not a TorchScript file"):
        I3dFeatures(tmp_path / "i3d.pt")
