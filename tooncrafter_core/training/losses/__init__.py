"""What the stages learn from beside plain differences."""
