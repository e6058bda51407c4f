"""Metrics of frames and clips; they need no model that draws clips."""
