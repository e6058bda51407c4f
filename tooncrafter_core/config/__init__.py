"""Typed configuration of every part, named presets, and the values that options accept."""
