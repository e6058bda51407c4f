"""What the project says of itself in its pyproject.toml."""

import sys
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # comes with pytest


def read_pyproject(folder: Path) -> dict[str, Any]:
    """The project's description of itself."""
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
