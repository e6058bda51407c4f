"""The memory of a long episode does not grow with its segments."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from support.episodes import episode, write_episode
from tooncrafter_core.cli import main
from tooncrafter_core.cli.cuts.episode import Episode

pytestmark = pytest.mark.slow

CUTS, SEGMENTS = 250, 8
MOST_BYTES = 8 * 1024
"""A segment may add; 2,000 of them then add 16 MB, a hundredth of what a worker has."""


def test_two_thousand_segments_leave_the_memory_of_parent_and_worker_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    psutil = pytest.importorskip("psutil")
    cuts = write_episode(tmp_path, tuple(f"c{number:03d}" for number in range(CUTS)))
    frames = [1 + 4 * number for number in range(SEGMENTS + 1)]
    for file in cuts.glob("*.yaml"):
        keys = [f"{file.stem}/A{1 + number % 3}.png" for number in range(SEGMENTS + 1)]
        # Else the same three pairs of keys would be drawn once.
        seeds = ", ".join(f"{number}: {{seed: {number}}}" for number in range(1, SEGMENTS + 1))
        file.write_text(
            f"keys: [{', '.join(keys)}]\nframes: {frames}\non: 2\nformats: [none]\n"
            f"segments: {{{seeds}}}\n"
        )
    found: dict[str, list[int]] = {"parent": [], "worker": []}
    me, take = psutil.Process(), Episode._take

    def measured(self: Episode, *given: object) -> None:
        take(self, *given)  # pyright: ignore[reportArgumentType]
        found["parent"].append(me.memory_info().rss)
        children = [child for child in me.children() if "spawn" in " ".join(child.cmdline())]
        found["worker"].append(sum(child.memory_info().rss for child in children))

    monkeypatch.setattr(Episode, "_take", measured)
    assert main(episode(cuts, tmp_path / "out", "--workers", "1")) == 0
    assert len(found["parent"]) == CUTS * SEGMENTS
    for who, sizes in found.items():
        later = np.array(sizes[len(sizes) // 4 :])
        slope = float(np.polyfit(np.arange(len(later)), later, 1)[0])
        record_property(f"bytes a segment, {who}", round(slope))
        assert slope < MOST_BYTES, (who, slope, sizes[:: len(sizes) // 10])
