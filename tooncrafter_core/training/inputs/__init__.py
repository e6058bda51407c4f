"""The clips of a training step, and their encoding by the frozen networks."""
