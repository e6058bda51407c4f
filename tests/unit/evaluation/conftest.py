"""Clips to measure, and the weights that some measures need."""

from support.measuring import (  # noqa: F401
    _one_thread,
    clip_folder,
    gmfss_weights,
    lpips_weights,
    make_clip,
    rife_weights,
)
