"""Steps: optimizers, processes, what is logged and checked on the way."""
