"""The weights that come with the project: a mini model, so that everything runs at once."""

from pathlib import Path

FOLDER = Path(__file__).parent / "weights"
MINI = "mini (embedded)"
"""The mini model's name where a file's would stand; no file can be named so by mistake."""
MINI_SKETCH = "mini sketch encoder (embedded)"
MINI_SIZE = (256, 160)
"""Width and height that the mini model was trained at."""

_FILES = {MINI: "mini.safetensors", MINI_SKETCH: "mini_sketch_encoder.safetensors"}


def embedded_file(name: str) -> Path | None:
    """The file behind an embedded model's name; None when it is no such name or has no file."""
    path = FOLDER / _FILES.get(name, "")
    return path if path.is_file() else None
