"""Cartoon clips drawn by a program: any size and length, each from a seed.

Figures of several parts walk, act, leap, roll and swing before and behind scenery. All motion
follows from the two keyframes: feet stand still on the ground, what leaps flies the parabola its
length asks for, what hangs swings on its rope.
"""

from .drawing import Look
from .render import ProceduralClip, render_clip
from .scene import FIGURES

__all__ = ["FIGURES", "Look", "ProceduralClip", "render_clip"]
