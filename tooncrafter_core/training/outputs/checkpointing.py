"""Checkpoints of a run: written under a temporary name, renamed when complete, checked when read.

A checkpoint is a folder ``step-00001000`` with the weights that learn, their average, the state of
the optimizers, and notes. Whatever stops the program, a folder of that name is complete.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from ...checkpoints.files.safetensors_index import read_index
from ...checkpoints.files.save import save_checkpoint
from ...errors import TrainingError
from ...files import read_json_text, remove_folder, replacing_folder, write_json

NOTES, WEIGHTS, AVERAGES, OPTIMIZER = (
    "notes.json", "weights.safetensors", "averages.safetensors", "optimizer.safetensors",
)  # fmt: skip
FILES = (NOTES, WEIGHTS, AVERAGES, OPTIMIZER)
"""All that a checkpoint's folder holds."""
CHECKPOINTS = "checkpoints"
FORMAT = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingState:
    """A run at a step."""

    step: int
    """Steps done."""
    weights: Mapping[str, Tensor]
    optimizer: Mapping[str, Tensor]
    """The optimizers' state of each weight, as ``KEY:NAME``."""
    averages: Mapping[str, Tensor] | None = None
    identity: Mapping[str, object] = field(default_factory=dict)
    """The settings that may not change during a run."""


class CheckpointFolder:
    """The checkpoints of a run."""

    def __init__(self, folder: Path, keep: int) -> None:
        self.folder, self._keep = folder, keep
        self._stay: set[int] = set()
        """Steps whose folders hold what is not ours: said once."""

    def steps(self) -> list[int]:
        """Steps of which there is a checkpoint, rising."""
        names = (path.name for path in self.folder.glob("step-*") if path.is_dir())
        steps = {int(name[5:]) for name in names if name[5:].isdecimal()}
        return sorted(step for step in steps if self.path(step).is_dir())

    def path(self, step: int) -> Path:
        """Where the checkpoint of a step is."""
        return self.folder / f"step-{step:08d}"

    def save(self, state: TrainingState) -> Path:
        """Write a checkpoint and drop the oldest beyond those that are kept.

        ``OutputError`` when it cannot be written; those that were there stay. One that holds other
        files is not dropped.
        """
        path = self.path(state.step)
        with replacing_folder(path, lambda file: file.name in FILES) as new:
            _write(new, state)
        _sync(self.folder)
        for step in self.steps()[: -self._keep]:
            if step not in self._stay and not remove_folder(self.path(step), FILES):
                self._stay.add(step)
        return path

    def load(self, step: int) -> TrainingState:
        """Read a checkpoint; ``TrainingError`` when it is damaged."""
        path = self.path(step)
        try:
            notes = read_json_text(path / NOTES, TrainingError)
            averages = path / AVERAGES
            return TrainingState(
                step=int(notes["step"]),
                weights=_tensors(path / WEIGHTS),
                averages=_tensors(averages) if averages.exists() else None,
                optimizer=_tensors(path / OPTIMIZER),
                identity=notes["identity"],
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            reason = " ".join(str(error).split())
            raise TrainingError(
                f"The checkpoint '{path}' cannot be read: {reason}. Remove it to go on with the "
                "one before it."
            ) from error


def _tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a file, copied: nothing stays mapped that another program may overwrite."""
    index = read_index(path)
    if index.unknown:
        raise TrainingError(f"'{path.name}' stores numbers in a format that torch does not know")
    return dict(index.tensors)


def check_identity(found: Mapping[str, object], wanted: Mapping[str, object], folder: Path) -> None:
    """``TrainingError`` when a run would continue with other settings than it began with."""
    for key in sorted({*found, *wanted}):
        if found.get(key) != wanted.get(key):
            raise TrainingError(
                f"The run in '{folder}' was begun with {key}={found.get(key)} and cannot go on "
                f"with {key}={wanted.get(key)}. Set it as before, or choose another 'out'."
            )


def _write(folder: Path, state: TrainingState) -> None:
    """Write every file of a checkpoint, the notes last, and wait until they are on the disk."""
    save_checkpoint(state.weights, folder / WEIGHTS)
    save_checkpoint(state.optimizer, folder / OPTIMIZER)
    if state.averages is not None:
        save_checkpoint(state.averages, folder / AVERAGES)
    notes = {"format": FORMAT, "step": state.step, "identity": dict(state.identity)}
    write_json(folder / NOTES, notes)
    _sync(folder / NOTES)
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
