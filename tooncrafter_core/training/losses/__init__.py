"""Losses of the stages, other than plain differences."""
