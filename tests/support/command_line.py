"""Running ``interpolate`` from tests."""

from pathlib import Path

import pytest

from tooncrafter_core.cli import main

QUICK = ["--width", "64", "--height", "64", "--frames", "4", "--steps", "1", "--quiet"]
"""Options with which the tiny model takes a moment."""


def command(folder: Path, *options: str | Path, checkpoint: Path | None = None) -> list[str]:
    """Arguments that interpolate the two pictures of the folder with its checkpoint."""
    return ["interpolate", str(folder / "start.png"), str(folder / "end.png"), "--checkpoint",
            str(checkpoint or folder / "tiny.safetensors"), *QUICK, *map(str, options)]  # fmt: skip


def failure(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> str:
    """Run a command that must fail and return its sentence."""
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ") and err.count("\n") == 1, err
    return err
