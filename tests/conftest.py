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

BETWEEN = "--between"
"""Given for a ComfyUI that is neither the oldest nor the newest that is there."""
AT_BOTH_ENDS = "at_both_ends"
AT_BOTH_ENDS_REASON = (
    "runs in the oldest and the newest ComfyUI; 'dev.py test --host VERSION' runs it in another"
)

LONGEST = (
    "test_kernels.py", "test_kills.py", "test_cut_kills.py", "test_compiling.py",
    "test_experiments.py", "test_precision.py", "test_telemetry.py", "test_loop.py",
    "test_decoder_stage.py", "test_examples.py", "test_cut.py", "test_cut_again.py",
    "test_cut_options.py",
    "test_mutated_prompts.py", "test_saving.py",
)  # fmt: skip
"""Files of few tests that take long."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add one option for each kind of expensive test."""
    group = parser.getgroup("tooncrafter")
    for marker, (option, reason) in GATES.items():
        group.addoption(option, action="store_true", help=f"run tests marked {marker}: {reason}")
    group.addoption(
        BETWEEN,
        action="store_true",
        help=f"skip tests marked {AT_BOTH_ENDS}: {AT_BOTH_ENDS_REASON}",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Describe the markers, so that --strict-markers knows them."""
    for marker, (_, reason) in GATES.items():
        config.addinivalue_line("markers", f"{marker}: {reason}")
    config.addinivalue_line("markers", f"{AT_BOTH_ENDS}: {AT_BOTH_ENDS_REASON}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip, in words, the expensive tests that nobody asked for; begin with the longest files.

    Files are shared out to processes: a long one that comes last lets all others wait.
    """
    items.sort(key=lambda item: item.path.name not in LONGEST)
    for item in items:
        for marker, (option, reason) in GATES.items():
            if item.get_closest_marker(marker) and not config.getoption(option):
                item.add_marker(pytest.mark.skip(reason=reason))
        if config.getoption(BETWEEN) and item.get_closest_marker(AT_BOTH_ENDS):
            item.add_marker(pytest.mark.skip(reason=AT_BOTH_ENDS_REASON))
