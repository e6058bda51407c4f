"""What a run leaves behind: checkpoints, weight files, samples."""
