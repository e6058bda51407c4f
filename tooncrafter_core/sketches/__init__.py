"""Sketches: drawings turned into hints, hints assigned to frames, guidance of the denoiser."""
