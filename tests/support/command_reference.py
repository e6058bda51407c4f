"""The help of every command of ours, for the site: `python -m support.command_reference FILE`."""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

COLUMNS = "80"
"""Of the help's text."""


def helps(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    """The name and the help of a command and of all below it."""
    yield parser.prog, parser.format_help()
    for action in parser._actions:  # argparse has no public list of them
        if isinstance(action, argparse._SubParsersAction):
            # A command may have a second name.
            for one in dict.fromkeys(action.choices.values()):
                yield from helps(one)


def main() -> int:
    """Write names and helps as JSON, in the order of the help."""
    os.environ["COLUMNS"] = COLUMNS
    from tooncrafter_core.cli import build_parser

    found = dict(helps(build_parser()))
    Path(sys.argv[1]).write_text(json.dumps(found), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
