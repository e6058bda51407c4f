"""Colours of pictures: how far two differ, and clips whose colours are locked to their keys."""
