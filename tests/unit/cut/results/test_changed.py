"""Drawings that were changed lie on the disk; what is made of them is made of those before."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tooncrafter_core.cut.drawing import Levels
from tooncrafter_core.cut.results.changed import changing
from tooncrafter_core.cut.values import Drawing
from tooncrafter_core.pictures.stills import read_levels

ONE, OTHER = Drawing(key="1"), Drawing(key="2")


def grey(level: int) -> Levels:
    return np.full((4, 6, 3), level, np.uint8)


def test_what_is_changed_is_read_from_its_file_and_all_else_from_before(tmp_path: Path) -> None:
    before = {ONE: grey(1), OTHER: grey(2)}
    with changing(tmp_path, before) as drawings:
        assert drawings.file_of(ONE) is None
        drawings.change([(ONE, grey(9))])
        assert list(drawings) == [ONE, OTHER] and len(drawings) == 2
        assert (drawings[ONE] == 9).all() and (drawings[OTHER] == 2).all()
        content = drawings.file_of(ONE)
        assert content is not None and drawings.file_of(OTHER) is None
        (tmp_path / "one.png").write_bytes(content)
        assert (read_levels(tmp_path / "one.png") == 9).all()
    assert [path.name for path in tmp_path.iterdir()] == ["one.png"]
    assert (before[ONE] == 1).all()


def test_a_drawing_that_is_made_from_another_is_made_from_what_was_before(tmp_path: Path) -> None:
    with changing(tmp_path, {ONE: grey(1), OTHER: grey(2)}) as drawings:
        drawings.change([(ONE, grey(10))])

        def swapped() -> Iterator[tuple[Drawing, Levels]]:
            yield ONE, drawings[OTHER]
            yield OTHER, drawings[ONE]

        drawings.change(swapped())
        assert (drawings[ONE] == 2).all() and (drawings[OTHER] == 10).all()
