"""What a device can hold and compute in: memory, precisions, compiling."""
