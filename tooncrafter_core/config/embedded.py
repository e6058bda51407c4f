"""The weights that come with the project: a mini model, so that everything runs at once."""

from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "weights"
MINI = "mini (embedded)"
"""The mini model's name where a file name is expected; unlike any file name."""
MINI_SKETCH = "mini sketch encoder (embedded)"
MINI_SIZE = (256, 160)
"""Width and height that the mini model was trained at."""
MINI_STEPS = 1
"""Sampling steps of the mini model, which is trained mostly at the last timestep, pure noise. The
example workflows contain this number, too: make them again after a change."""
MINI_GUIDANCE = 1.0
"""Guidance scale of the mini model, which reads no prompt; 1 is without guidance."""

MINI_ABSENT = (
    "The mini model is not in this installation: {} is missing. Take a complete checkout of the "
    "project, or use ToonCrafter's published weights."
)

_FILES = {MINI: "mini.safetensors", MINI_SKETCH: "mini_sketch_encoder.safetensors"}


def embedded_file(name: str) -> Path | None:
    """The file of an embedded model's name; None for another name or a missing file."""
    path = FOLDER / _FILES.get(name, "")
    return path if path.is_file() else None


def is_mini(checkpoint: str | Path) -> bool:
    """Whether a checkpoint's name or path is the mini model's."""
    return str(checkpoint) in (MINI, str(FOLDER / _FILES[MINI]))


def mini_absent() -> str:
    """What to say when the mini model's weights are asked for and not there."""
    return MINI_ABSENT.format(FOLDER / _FILES[MINI])


def mini_settings() -> dict[str, Any]:
    """The interpolation settings that suit the mini model, in place of the published ones."""
    width, height = MINI_SIZE
    return {
        "width": width,
        "height": height,
        "steps": MINI_STEPS,
        "guidance_scale": MINI_GUIDANCE,
    }
