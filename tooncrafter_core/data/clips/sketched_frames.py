"""Which frames get a sketch in training: the paper's bisection rule, and random subsets."""

import torch

BISECTION_SHARE = 0.8
"""Share of clips by the bisection rule; the others get a random subset (PAPER.md)."""
MAX_DEPTH = 4


def bisected_frames(num_frames: int, depth: int) -> list[int]:
    """Frame numbers from 0 that ``depth`` halvings choose, rising.

    A segment (i, j) guides the frame at floor((i + j) / 2), and so do both its halves one level
    deeper; it starts with the whole clip, counted from 1 as the paper does. A segment without a
    frame between its ends chooses none, so the keyframes are never chosen.
    """
    chosen: set[int] = set()
    segments = [(1, num_frames)]
    for _ in range(depth):
        halves = []
        for i, j in segments:
            middle = (i + j) // 2
            if i < middle < j:
                chosen.add(middle - 1)
                halves += [(i, middle), (middle, j)]
        segments = halves
    return sorted(chosen)


def choose_sparse_frames(num_frames: int, generator: torch.Generator) -> list[int]:
    """Frames to guide, drawn as in the paper's training: numbers from 0, rising.

    Four in five times a bisection to a depth of 1 to 4, each as likely; else a subset of all
    frames whose size, 1 to all, is drawn first. Only the share and the depths are the paper's; how
    it draws the subset is not stated.
    """
    if float(torch.rand((), generator=generator)) < BISECTION_SHARE:
        depth = int(torch.randint(1, MAX_DEPTH + 1, (), generator=generator))
        return bisected_frames(num_frames, depth)
    count = int(torch.randint(1, num_frames + 1, (), generator=generator))
    return sorted(torch.randperm(num_frames, generator=generator)[:count].tolist())
