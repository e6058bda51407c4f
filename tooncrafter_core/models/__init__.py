"""The networks: denoiser, projector, image encoder and dual-reference decoder."""
