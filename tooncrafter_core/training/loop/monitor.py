"""What a run reports: a progress bar, a log of numbers, TensorBoard, sample sheets."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor

from ...errors import TrainingError
from ...files import append_lines, read_text, write_text
from ..outputs.sheets import write_sheet

LOG = "log.jsonl"


class Monitor:
    """Shows and writes what a run does; in processes other than the first it does nothing."""

    def __init__(
        self,
        folder: Path,
        *,
        is_main: bool = True,
        is_quiet: bool = False,
        tensorboard: bool = True,
    ) -> None:
        self._folder, self._is_main, self._is_quiet = folder, is_main, is_quiet
        self._wants_tensorboard = tensorboard and is_main
        self._writer: Any = None
        self._bar: Any = None
        self._first_step = 0

    def resume(self, step: int) -> None:
        """Remove what was logged after a step: it will be logged again."""
        self._first_step = step
        log = self._folder / LOG
        if not self._is_main or not log.exists():
            return
        lines = read_text(log, TrainingError).splitlines(keepends=True)
        kept = [line for line in lines if _step_of(line) <= step]
        write_text(log, "".join(kept))

    @contextmanager
    def progress(self, done: int, total: int) -> Iterator[None]:
        """Show a bar on stderr for the length of the block."""
        from tqdm import tqdm

        hidden = self._is_quiet or not self._is_main
        with closing(
            tqdm(total=total, initial=done, desc="training", unit="step", disable=hidden,
                 file=sys.stderr, smoothing=0.05)
        ) as self._bar:  # fmt: skip
            try:
                yield
            finally:
                if self._writer is not None:
                    self._writer.close()
                    self._writer = None

    def advance(self, step: int, values: Mapping[str, float]) -> None:
        """Move the bar."""
        if self._bar is not None:
            first = next(iter(values.items()), None)
            if first is not None:
                self._bar.set_postfix({first[0]: f"{first[1]:.4g}"}, refresh=False)
            self._bar.update(step - self._bar.n)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Write numbers of a step to the log and to TensorBoard."""
        if not self._is_main:
            return
        append_lines(self._folder / LOG, [json.dumps({"step": step, **values})])
        if writer := self._tensorboard():
            for name, value in values.items():
                writer.add_scalar(name, value, step)

    def sheet(self, step: int, videos: Mapping[str, Tensor]) -> None:
        """Write a sample sheet."""
        if not self._is_main:
            return
        sheet = write_sheet(videos, self._folder / "sheets" / f"step-{step:08d}.png")
        if writer := self._tensorboard():
            writer.add_image("sheet", sheet, step, dataformats="HWC")

    def _tensorboard(self) -> Any:
        if self._writer is None and self._wants_tensorboard:
            from torch.utils.tensorboard import SummaryWriter

            folder = str(self._folder / "tensorboard")
            self._writer = SummaryWriter(folder, purge_step=self._first_step + 1)
        return self._writer


def _step_of(line: str) -> float:
    """The step of a line of the log; a line that a stop cut short belongs to no step."""
    try:
        return json.loads(line)["step"]
    except (ValueError, KeyError):
        return float("inf")
