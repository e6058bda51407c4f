"""Which GPU a process takes when a launcher started more of them than there are."""

import pytest

from tooncrafter_core.training.loop.machine import share_gpus


@pytest.mark.parametrize(
    ("processes", "gpus", "rank", "expected"),
    [(8, 1, 5, "0"), (8, 3, 5, "2"), (2, 2, 1, None), (1, 0, 0, None), (4, 0, 3, None)],
)
def test_processes_share_gpus_when_there_are_too_few(
    processes: int, gpus: int, rank: int, expected: str | None
) -> None:
    environment = {"LOCAL_WORLD_SIZE": str(processes), "LOCAL_RANK": str(rank)}
    assert share_gpus(environment, gpus) == (expected is not None)
    assert environment["LOCAL_RANK"] == (str(rank) if expected is None else expected)


def test_without_a_launcher_nothing_is_shared() -> None:
    environment: dict[str, str] = {}
    assert not share_gpus(environment, 1) and not environment
