"""The mathematics of diffusion: schedule, prediction, guidance and sampling; no networks."""
