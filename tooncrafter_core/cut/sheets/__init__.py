"""Exposure sheets as files: read, filled in and written back."""
