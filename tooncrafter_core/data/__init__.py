"""Data sets: clips drawn by a program, read from files, and built from raw cartoons."""
