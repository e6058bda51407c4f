"""The order in which an epoch visits the clips of a source."""

from collections.abc import Sequence

import numpy as np


def epoch_order(groups: Sequence[Sequence[int]], seed: int, epoch: int) -> list[int]:
    """Every clip once, in an order that depends on the seed and the epoch alone.

    Groups (shards) are shuffled, and the clips inside each group; a group's clips stay together, so
    that shards are read one after the other. Large groups come first.
    """
    rng = np.random.Generator(np.random.PCG64([seed, epoch]))
    shuffled = [
        [groups[g][i] for i in rng.permutation(len(groups[g]))]
        for g in rng.permutation(len(groups))
    ]
    return [clip for group in sorted(shuffled, key=len, reverse=True) for clip in group]
