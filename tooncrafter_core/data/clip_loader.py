"""The order of training clips, over many machines and workers, and its return after a stop."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from torch.utils.data import DataLoader, Sampler

from ..errors import DatasetError
from .clips.dataset import ClipDataset, SampleId, collate_clips


class ClipSampler(Sampler[SampleId]):
    """An endless order of samples for one of several machines (ranks).

    Each epoch shuffles the groups (shards), deals them to the ranks by size, and shuffles the clips
    inside each group: a rank reads its own shards, one after the other. Where a rank has fewer
    clips than another it begins again, so that all have the same number. With fewer groups than
    ranks, clips are dealt one by one. The order depends on the seed and the epoch alone.
    """

    def __init__(
        self, groups: Sequence[Sequence[int]], seed: int = 0, rank: int = 0, world_size: int = 1
    ) -> None:
        if not 0 <= rank < world_size:
            raise DatasetError(f"Rank {rank} of {world_size} does not exist.")
        self.groups, self.seed, self.rank, self.world_size = groups, seed, rank, world_size
        self.start = 0
        """Samples that this rank has had already."""

    def epoch_order(self, epoch: int) -> list[int]:
        """The clips of this rank in an epoch."""
        rng = np.random.Generator(np.random.PCG64([self.seed, epoch]))
        shuffled = [
            [self.groups[g][i] for i in rng.permutation(len(self.groups[g]))]
            for g in rng.permutation(len(self.groups))
        ]
        if len(shuffled) < self.world_size:
            clips = [clip for group in shuffled for clip in group]
            shares = [clips[rank :: self.world_size] for rank in range(self.world_size)]
        else:
            shares = [[] for _ in range(self.world_size)]
            for group in sorted(shuffled, key=len, reverse=True):
                min(shares, key=len).extend(group)
        longest = max(map(len, shares))
        mine = shares[self.rank] or shares[0]
        return [mine[i % len(mine)] for i in range(longest)]

    def __iter__(self) -> Iterator[SampleId]:
        length = len(self.epoch_order(0))
        epoch, skipped = divmod(self.start, length)
        while True:
            for clip in self.epoch_order(epoch)[skipped:]:
                yield SampleId(epoch, clip)
            epoch, skipped = epoch + 1, 0


class ClipLoader:
    """Endless batches, read by workers ahead of time; its state counts only those handed out."""

    def __init__(
        self, dataset: ClipDataset, batch_size: int, num_workers: int = 0, rank: int = 0,
        world_size: int = 1, **options: Any,
    ) -> None:  # fmt: skip
        """``options`` go to torch's ``DataLoader``."""
        self.dataset, self.batch_size = dataset, batch_size
        self.sampler = ClipSampler(dataset.groups, dataset.seed, rank, world_size)
        self.batches = 0
        self.options = {
            "num_workers": num_workers,
            "collate_fn": collate_clips,
            "persistent_workers": num_workers > 0,
            **options,
        }

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Batches from where the state is, without end."""
        self.sampler.start = self.batches * self.batch_size
        loader = DataLoader(
            self.dataset, self.batch_size, sampler=self.sampler, drop_last=True, **self.options
        )
        for batch in loader:
            self.batches += 1
            yield batch

    def state_dict(self) -> dict[str, Any]:
        """What a training checkpoint keeps to go on with the next batch."""
        return {
            "batches": self.batches,
            "batch_size": self.batch_size,
            "seed": self.dataset.seed,
            "world_size": self.sampler.world_size,
            "clips": len(self.dataset),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where another loader stopped; ``DatasetError`` when it had other clips or sizes."""
        mine = self.state_dict()
        for name, value in state.items():
            if name != "batches" and value != mine.get(name):
                raise DatasetError(
                    f"This run was stopped with {name.replace('_', ' ')} {value} and goes on with "
                    f"{mine.get(name)}: the order of clips would change. Start it as before."
                )
        self.batches = state["batches"]
