"""The weights that come with the project: a mini model, so that everything runs at once."""

from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "weights"
MINI = "mini (embedded)"
"""The mini model's name where a file's would stand; no file can be named so by mistake."""
MINI_SKETCH = "mini sketch encoder (embedded)"
MINI_SIZE = (256, 160)
"""Width and height that the mini model was trained at."""
MINI_STEPS = 1
"""It learns mostly from pure noise, where the first step begins, so few steps serve it. The example
workflows hold this number, too: make them again after a change."""
MINI_GUIDANCE = 1.0
"""It reads no prompt, so there is nothing to guide towards; 1 is without guidance."""

MINI_ABSENT = (
    "The mini model is not in this installation: {} is missing. Take a complete checkout of the "
    "project, or use ToonCrafter's published weights."
)

_FILES = {MINI: "mini.safetensors", MINI_SKETCH: "mini_sketch_encoder.safetensors"}


def embedded_file(name: str) -> Path | None:
    """The file behind an embedded model's name; None when it is no such name or has no file."""
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
