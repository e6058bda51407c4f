"""ToonCrafter in plain PyTorch: networks, diffusion, conditioning, checkpoints and the pipeline."""
