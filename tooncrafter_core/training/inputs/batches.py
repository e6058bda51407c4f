"""The clips of every step: the same for one process and for many, and from any step on.

The order is that of one process: the batch of a step is a slice of an endless list of clips, and
each process takes its share of it. So no state has to be saved to continue after a stop.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from ...data.clips.dataset import Sample, SampleId, collate_clips
from ...data.clips.order import epoch_order
from ...errors import TrainingError
from ..stage import Batch
from .draws import draw_seeds

HELD_OUT_STEP = 2**40
"""The step that seeds the random numbers of held-out clips; no run reaches it."""


@dataclass(frozen=True, kw_only=True)
class BatchPlan:
    """How a step's clips are divided among processes, and into parts that fit into memory."""

    batch_size: int
    """Clips a step, over all processes."""
    micro_batch: int
    """Clips a process takes at a time."""
    rank: int = 0
    world_size: int = 1

    @property
    def num_parts(self) -> int:
        """Parts of a step that each process takes one after the other."""
        return self.batch_size // (self.micro_batch * self.world_size)

    def places(self, part: int) -> range:
        """Places in the step's batch that this process has in its ``part``."""
        start = (part * self.world_size + self.rank) * self.micro_batch
        return range(start, start + self.micro_batch)


def plan_batches(
    batch_size: int, micro_batch: int | None, rank: int = 0, world_size: int = 1
) -> BatchPlan:
    """Divide a batch; ``TrainingError`` when it cannot be divided evenly."""
    if batch_size % world_size:
        raise TrainingError(
            f"A batch of {batch_size} clips cannot be dealt to {world_size} processes evenly: "
            f"choose a batch_size that is a multiple of {world_size}."
        )
    share = batch_size // world_size
    micro_batch = share if micro_batch is None else micro_batch
    if share % micro_batch:
        raise TrainingError(
            f"A process has {share} clips a step and cannot take them {micro_batch} at a time: "
            f"choose a machine.micro_batch that divides {share}."
        )
    return BatchPlan(
        batch_size=batch_size, micro_batch=micro_batch, rank=rank, world_size=world_size
    )


class PartSampler(Sampler[list[SampleId]]):
    """The clips of every part of every step from ``first_step`` on, without end."""

    def __init__(
        self,
        groups: Sequence[Sequence[int]],
        plan: BatchPlan,
        seed: int,
        variants: int | None = None,
        first_step: int = 0,
    ) -> None:
        """``variants`` is the number of cuts of a clip before they repeat; None repeats none."""
        self._groups, self._seed = groups, seed
        self._plan, self._variants, self._first_step = plan, variants, first_step
        self._epochs: dict[int, list[int]] = {}

    def __iter__(self) -> Iterator[list[SampleId]]:
        step = self._first_step
        while True:
            start = step * self._plan.batch_size
            for part in range(self._plan.num_parts):
                yield [self._sample(start + place) for place in self._plan.places(part)]
            step += 1

    def _sample(self, number: int) -> SampleId:
        """The clip at a place of the endless list."""
        epoch, place = divmod(number, len(self._epoch(0)))
        clip = self._epoch(epoch)[place]
        return SampleId(epoch if self._variants is None else epoch % self._variants, clip)

    def _epoch(self, epoch: int) -> list[int]:
        if epoch not in self._epochs:
            # DataLoader asks for the length of the first sampler again and again.
            self._epochs = {n: self._epochs[n] for n in (0, epoch - 1) if n in self._epochs}
            self._epochs[epoch] = epoch_order(self._groups, self._seed, epoch)
        return self._epochs[epoch]


class TrainingBatches:
    """Steps without end, each a list of parts."""

    def __init__(
        self,
        dataset: Dataset[Sample],
        groups: Sequence[Sequence[int]],
        plan: BatchPlan,
        seed: int,
        variants: int | None = None,
        workers: int = 0,
    ) -> None:
        self._dataset, self._groups, self.plan, self._seed = dataset, groups, plan, seed
        self._variants, self._workers = variants, workers

    def steps(self, first_step: int) -> Iterator[list[Batch]]:
        """The parts of ``first_step`` and of every step after it, with the seeds of their draws."""
        sampler = PartSampler(self._groups, self.plan, self._seed, self._variants, first_step)
        loader = DataLoader(
            self._dataset,
            batch_sampler=sampler,
            collate_fn=collate_clips,
            num_workers=self._workers,
            # Workers must not touch the loop's own random numbers.
            generator=torch.Generator().manual_seed(self._seed),
        )
        batches = iter(loader)
        step = first_step
        while True:
            yield [
                {**next(batches), "seeds": draw_seeds(self._seed, step, self.plan.places(part))}
                for part in range(self.plan.num_parts)
            ]
            step += 1


@dataclass(frozen=True, kw_only=True, eq=False)
class HeldOut:
    """Clips that are not trained on."""

    batches: Sequence[Batch]
    """For the loss."""
    sheet: Batch | None
    """For sample sheets."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RunBatches:
    """The clips of a run."""

    training: TrainingBatches
    held_out: HeldOut


def held_out_batch(
    dataset: Dataset[Sample], clips: Sequence[int], seed: int, first: int = 0
) -> Batch:
    """Some held-out clips, always with the same cuts and random numbers.

    ``first`` is the place of the first of them among all.
    """
    samples = [dataset[SampleId(0, clip)] for clip in clips]  # type: ignore[index]
    places = range(first, first + len(clips))
    return {**collate_clips(samples), "seeds": draw_seeds(seed, HELD_OUT_STEP, places)}


def to_device(batch: Batch, device: torch.device) -> Batch:
    """The batch with its tensors on a device; the seeds stay on the CPU."""
    return {
        name: value.to(device, non_blocking=True)
        if isinstance(value, Tensor) and name != "seeds" else value
        for name, value in batch.items()
    }  # fmt: skip
