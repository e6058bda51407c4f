"""The files that a run writes: checkpoints, weight files, sample sheets."""
