"""Options that let the expensive tests run, and the words with which they are skipped."""

import pytest

# marker: (option that lets it run, why it is skipped without)
GATES = {
    "gpu": ("--gpu", "needs a GPU; run with --gpu on a machine that has one"),
    "full_size": (
        "--full-size",
        "builds the full-size model (tens of GB of memory); run with --full-size",
    ),
    "fuzz": ("--fuzz", "reads thousands of malformed files; run with --fuzz"),
    "slow": ("--slow", "takes minutes; run with --slow"),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add one option for each kind of expensive test."""
    group = parser.getgroup("tooncrafter")
    for marker, (option, reason) in GATES.items():
        group.addoption(option, action="store_true", help=f"run tests marked {marker}: {reason}")


def pytest_configure(config: pytest.Config) -> None:
    """Describe the markers, so that --strict-markers knows them."""
    for marker, (_, reason) in GATES.items():
        config.addinivalue_line("markers", f"{marker}: {reason}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip, in words, the expensive tests that nobody asked for."""
    for item in items:
        for marker, (option, reason) in GATES.items():
            if item.get_closest_marker(marker) and not config.getoption(option):
                item.add_marker(pytest.mark.skip(reason=reason))
