"""Makes the test environment of this project and runs everything in it.

    python dev.py demo       interpolate two drawings in a real ComfyUI (--help: your own)
    python dev.py test       run every test that a CPU can (further words go to pytest)
    python dev.py comfyui    open a ComfyUI with this pack in it
    python dev.py host       list the versions of ComfyUI that are there, or add one
    python dev.py bench      run the benchmarks
    python dev.py check      ruff and pyright
    python dev.py map        draw the map in docs/architecture.md
    python dev.py docs       build the documents as a site
    python dev.py locales    write the nodes' English texts, list what translations have to do
    python dev.py env        only make the environment

Needs Python 3.10 or newer and nothing else. Everything lands in `.venv`, `.hosts` and `out`, which
git ignores; remove them to start afresh. Only `host add` writes elsewhere: into the user's cache.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from devtools import floor_plan
from devtools.console import PROJECT, DevError, heading, run, say, warn
from devtools.environment import ENVIRONMENT, ensure_environment, python, script
from devtools.hosts import DEMO_VERSION, HOSTS, WHEELS, add_host, ensure_host, list_hosts, versions
from devtools.locales_command import command_locales
from devtools.site import command_docs
from devtools.suites import run_suites

# The name says what it is: it appears in the list of checkpoints.
TINY_CHECKPOINT = "tooncrafter_tiny_made_up.safetensors"
BENCHMARKS = ("static", "training", "cpu", "gpu")  # `compare` needs two files
RUNS_ONLY = ("demo", "comfyui")
"""Commands that need no packages for tests."""
NEEDS_NOTHING = ("host", "map")
"""Commands that see to the environment themselves, or need none."""


def command_check(arguments: Sequence[str]) -> int:
    """Run ruff and pyright over the project."""
    ensure_host(DEMO_VERSION)  # pyright reads ComfyUI's modules there
    steps: tuple[tuple[str, list[str | Path]], ...] = (
        ("ruff check", [script("ruff"), "check", "."]),
        ("ruff format --check", [script("ruff"), "format", "--check", "."]),
        ("pyright", [python(), "-m", "pyright", *arguments]),
    )
    failed = []
    for title, command in steps:
        heading(title)
        code = run(command)
        if code != 0:
            failed.append(title)
        if code != 0 and title == "pyright":
            say("if pyright could not start: it fetches itself from the npm registry at first use")
    say("")
    say(f"failed: {', '.join(failed)}" if failed else "all checks passed")
    return 1 if failed else 0


def make_tiny_checkpoint() -> Path:
    """Write the tiny checkpoint with made-up weights that shows the nodes at work."""
    path = HOSTS / "models" / TINY_CHECKPOINT
    path.parent.mkdir(parents=True, exist_ok=True)
    # Made again every time, in seconds: one from an older version might not fit.
    if run([python(), "-m", "tooncrafter_core", "tiny", path, "--overwrite"]) != 0:
        raise DevError("The tiny checkpoint could not be made; the message is above.")
    return path


def command_comfyui(arguments: Sequence[str]) -> int:
    """Open a ComfyUI for a person, with this pack and whatever its examples need."""
    parser = argparse.ArgumentParser(prog="dev.py comfyui", description=command_comfyui.__doc__)
    parser.add_argument("--version", default=versions()[-1], choices=versions())
    parser.add_argument("--port", type=int, default=8188)
    options = parser.parse_args(arguments)
    host = ensure_host(options.version)
    command = [python(), "-m", "comfyui.launch", host.folder]
    command += ["--base", HOSTS / "base", "--port", str(options.port)]
    command += ["--examples", make_tiny_checkpoint()]
    say(
        f"\nComfyUI {options.version} starts, and a line says where its page opens with the\n"
        "first example (Ctrl+C ends it). The others are under Templates in the bar on the left;\n"
        "example_workflows holds their files, to be dropped on the page. Your own weights go into\n"
        f"{HOSTS / 'base' / 'models'}.\n"
    )
    return run(command, **host.changes)


def command_demo(arguments: Sequence[str]) -> int:
    """Draw between two pictures in a real ComfyUI and save the result under out/demo."""
    host = ensure_host(DEMO_VERSION)
    command = [python(), "-m", "comfyui.demo", host.folder, *arguments]
    return run(command, **host.changes)


def command_bench(arguments: Sequence[str]) -> int:
    """Count the work, then measure on the CPU and on the device; or only what is named first."""
    folder = PROJECT / "benchmarks"
    names = sorted(f.stem for f in folder.glob("*.py") if not f.stem.startswith("_"))
    chosen, others = (arguments[:1], arguments[1:]) if arguments else (BENCHMARKS, ())
    unknown = [name for name in chosen if name not in names]
    if unknown:
        raise DevError(f"There is no benchmark '{unknown[0]}'; choose from {', '.join(names)}.")
    codes = []
    for name in chosen:
        heading(name)
        codes.append(run([python(), folder / f"{name}.py", *others]))
    return max(codes, default=0)


def command_env(arguments: Sequence[str]) -> int:
    """Make the environment and fetch every ComfyUI, and nothing else."""
    for version in WHEELS:
        ensure_host(version)
    say(f"environment: {ENVIRONMENT}")
    return 0


def command_map(arguments: Sequence[str]) -> int:
    """Draw the rooms of the core from their imports, for docs/architecture.md."""
    for path in floor_plan.write():
        say(f"written: {path.relative_to(PROJECT)}")
    return 0


def command_host(arguments: Sequence[str]) -> int:
    """List the versions of ComfyUI, or add one to the user's cache."""
    parser = argparse.ArgumentParser(prog="dev.py host", description=command_host.__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="the versions that are there, and where")
    adding = actions.add_parser("add", help="put one, with what it needs, into the user's cache")
    adding.add_argument(
        "source", metavar="FOLDER_OR_TAG", help="a ComfyUI that is there, or v0.33.0"
    )
    options = parser.parse_args(arguments)
    if options.action == "list":
        list_hosts()
    else:
        ensure_environment(for_tests=False)
        host = add_host(options.source)
        say(f"ComfyUI {host.version} is in {host.folder.parent}")
    return 0


COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "demo": command_demo,
    "test": run_suites,
    "comfyui": command_comfyui,
    "host": command_host,
    "map": command_map,
    "docs": command_docs,
    "locales": command_locales,
    "bench": command_bench,
    "check": command_check,
    "env": command_env,
}


def main() -> int:
    """Read the command, make sure of the environment, and do it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=tuple(COMMANDS), metavar="|".join(COMMANDS))
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="handed to the command")
    options = parser.parse_args()
    try:
        if options.command not in NEEDS_NOTHING:
            ensure_environment(for_tests=options.command not in RUNS_ONLY)
        return COMMANDS[options.command](options.arguments)
    except DevError as error:
        warn(f"dev.py: {error}")
        return 1
    except OSError as error:
        warn(f"dev.py: {error.filename or 'a file'} could not be used: {error.strerror or error}")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
