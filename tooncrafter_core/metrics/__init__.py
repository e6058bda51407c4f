"""Measures of frames and clips, with no model that draws above them."""
