"""The command line: ``python -m tooncrafter_core COMMAND``.

Each command is a module here with ``add_parser(subparsers)``, which names it and its options, and
``run(args) -> int``, which does it and returns the exit code.
"""

import argparse
import io
import logging
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn, TypeAlias

from ..config import telemetry
from ..errors import ToonCrafterError, printable

COMMANDS = (
    "interpolate", "cut", "cuts", "sprites", "inspect", "convert", "tiny", "evaluate", "dataset",
    "train", "experiment",
)  # fmt: skip
"""Modules of this package, in the order in which the help lists them."""

# argparse has no public names for what its parsers are made of.
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
"""What a command is declared on."""
Options: TypeAlias = argparse._ActionsContainer
"""What options are declared on: a parser, or a group of its options."""

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130


class Parser(argparse.ArgumentParser):
    """A parser that says in one sentence what is wrong, without the list of all options."""

    def error(self, message: str) -> NoReturn:
        """End the program with exit code 2."""
        self.exit(
            EXIT_USER_ERROR,
            f"error: {printable(message)}. '{self.prog} --help' lists what it takes.\n",
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    2 when something the user gave cannot be used (one line on stderr says what to do), 130 when
    interrupted. Other exceptions pass through: they are our mistakes and show where.
    """
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # File names may hold bytes that are no text.
            stream.reconfigure(errors="backslashreplace")
    telemetry.switch_off()
    args = parse(argv)
    try:
        return args.run_command(args)
    except ToonCrafterError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return EXIT_USER_ERROR
    except BrokenPipeError:
        # Whoever read the output has stopped, as `head` does; at exit nothing is to be flushed.
        sys.stdout = None
        return EXIT_USER_ERROR
    except OSError as error:
        if error.filename is None:
            raise
        name = str(error.filename)
        print(printable(f"error: '{name}' cannot be used: {error.strerror}."), file=sys.stderr)
        return EXIT_USER_ERROR
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The arguments of a command; ends the program, in argparse's way, when they are wrong.

    argparse gives a command's ``key=value`` to it only before the first option; those after one
    belong to it, too.
    """
    parser = build_parser()
    args, left = parser.parse_known_args(argv)
    if left and (not hasattr(args, "settings") or any(text.startswith("-") for text in left)):
        parser.error(f"unrecognized arguments: {' '.join(left)}")
    if left:
        args.settings = [*args.settings, *left]
    return args


def build_parser() -> argparse.ArgumentParser:
    """The parser of every command; modules load here, heavy packages only when one runs."""
    parser = Parser(prog="python -m tooncrafter_core", description="Interpolate cartoon keyframes.")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for name in COMMANDS:
        module = import_module(f".{name}", __name__)
        module.add_parser(subparsers).set_defaults(run_command=module.run)
    return parser
