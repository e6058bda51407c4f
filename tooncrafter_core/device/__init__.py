"""Devices: which one, memory, precision, compiling."""
