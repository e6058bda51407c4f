"""The settings of a run: their types, presets, and how they are read."""
