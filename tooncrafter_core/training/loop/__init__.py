"""The training loop: optimizers, processes, logging and checks."""
