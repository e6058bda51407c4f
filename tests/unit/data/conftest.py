"""Small films, drawn and encoded here."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from support.films import drawn_film, encode


@pytest.fixture
def film(tmp_path: Path) -> Callable[..., Path]:
    """Writes a film of drawn shots: ``film(name, seeds)``."""

    def make(name: str, seeds: Sequence[int] = (1, 2), frames_per_shot: int = 30) -> Path:
        return encode(tmp_path / name, drawn_film(seeds, frames_per_shot), crf="12")

    return make
