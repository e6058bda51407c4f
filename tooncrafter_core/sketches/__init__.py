"""Sketches: drawings of any kind to hints, hints to frames of a clip, guidance step by step."""
