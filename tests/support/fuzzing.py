"""Runs many malformed inputs and counts what comes of each; the mutators are next to the tests.

A case is a name and a function that reads the input. It may succeed or raise one of the project's
errors. Everything else fails the suite: another exception, five seconds without an end, two
gigabytes of memory.
"""

import json
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

from tooncrafter_core.errors import LONGEST_TEXT, ToonCrafterError

LONGEST_SECONDS = 5
"""Of computing, which a busy machine does not stretch."""
LONGEST_WAIT = 60
"""For one that waits and computes nothing."""
MOST_MEMORY = 2 << 30

Case = tuple[str, Callable[[], object]]

ODD_VALUES: tuple[Any, ...] = (
    0, -1, 1, 2, 3, 7, 64, 10**9, 2**31, 2**63, 2**70, 1e9, 1e308, 1e-320, -0.5, float("nan"),
    float("inf"), True, None, "", "x", "1", "\ud800", "\u0000", "a" * 5000, [], [1], [[]], [0] * 40,
    [10**6] * 3, {}, {"a": 1}, ["x"],
)  # fmt: skip
"""What stands in for a value of a file: numbers out of range, and things of other kinds."""


class Hang(BaseException):
    """A case took too long; no handler of the project may catch it."""


def count_outcomes(cases: Iterable[Case]) -> Counter[str]:
    """Run every case; ``AssertionError`` lists those that end in what is no error of the project.

    Gives how often each ended as ``read`` and as which error, and writes it to the standard output,
    which pytest shows with ``-s``.
    """
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    for name, run in cases:
        _forget_peak()
        before = _peak_memory()
        outcome, problem = _outcome(run)
        grown = _peak_memory() - before
        if not problem and grown > MOST_MEMORY:
            problem = f"{grown >> 20} MB of memory"
        counts[outcome] += 1
        if problem:
            wrong.append(f"{name}: {problem}")
    sys.stdout.write(f"{sum(counts.values())} inputs: {dict(counts.most_common())}\n")
    assert not wrong, f"{len(wrong)} of {sum(counts.values())} inputs:\n" + "\n".join(wrong[:20])
    return counts


def _outcome(run: Callable[[], object]) -> tuple[str, str]:
    try:
        with _limited_time():
            run()
    except ToonCrafterError as error:
        text = str(error)
        is_sentence = 20 < len(text) <= LONGEST_TEXT and "\n" not in text and text.isprintable()
        return type(error).__name__, "" if is_sentence else f"no sentence: {text!r}"
    except (Exception, Hang) as error:  # noqa: BLE001 - the suite exists to find these
        return "foreign", f"{type(error).__name__}: {str(error)[:160]}"
    return "read", ""


@contextmanager
def _limited_time() -> Iterator[None]:
    if not hasattr(signal, "setitimer"):
        start = time.process_time()
        yield
        if time.process_time() - start > LONGEST_SECONDS:
            raise Hang(f"over {LONGEST_SECONDS} s")
        return

    def stop(*_: object) -> None:
        raise Hang(f"over {LONGEST_SECONDS} s")

    limits = (
        (signal.SIGPROF, signal.ITIMER_PROF, LONGEST_SECONDS),
        (signal.SIGALRM, signal.ITIMER_REAL, LONGEST_WAIT),
    )
    previous = [signal.signal(number, stop) for number, _, _ in limits]
    for _, timer, seconds in limits:
        signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        for (number, timer, _), handler in zip(limits, previous, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)


def _forget_peak() -> None:
    if Path("/proc/self/clear_refs").exists():
        Path("/proc/self/clear_refs").write_text("5")


def _peak_memory() -> int:
    """The most memory since ``_forget_peak``; 0 on systems that do not say."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    line = next(one for one in status.read_text().splitlines() if one.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def mutated_bytes(content: bytes, draw: random.Random, first: int = 0) -> bytes:
    """One to four changes of a file's bytes, none of them before ``first``."""
    data = bytearray(content)
    for _ in range(draw.randint(1, 4)):
        place = draw.randrange(min(first, len(data)), len(data) + 1)
        length = draw.choice((1, 1, 2, 4, 8, 100))
        match draw.randrange(5):
            case 0:
                data[place : place + length] = draw.randbytes(length)
            case 1:
                data[place:place] = draw.randbytes(length)
            case 2:
                del data[place : place + length]
            case 3:
                data[place : place + length] = bytes(data[place : place + length]) * 2
            case _:
                data[place : place + length] = draw.choice((b"\xff", b"\x00", b"[", b"9")) * length
    return bytes(data[: draw.randrange(len(data) + 1)] if draw.random() < 0.1 else data)


def mutated_tree(tree: Any, draw: random.Random) -> Any:
    """A copy of what JSON or YAML can hold, one to three of its places changed."""
    tree = json.loads(json.dumps(tree))
    for _ in range(draw.randint(1, 3)):
        places = list(_places(tree))
        if not places:
            return deepcopy(draw.choice(ODD_VALUES))
        holder, key = draw.choice(places)
        match draw.randrange(6):
            case 0 if isinstance(holder, dict):
                del holder[key]
            case 1 if isinstance(holder, dict):
                holder[str(draw.choice(ODD_VALUES))] = holder.pop(key)
            case 2:
                holder[key] = [holder[key]]
            case _:
                holder[key] = deepcopy(draw.choice(ODD_VALUES))
    return tree


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in list(items):
        yield tree, key
        if isinstance(value, (dict, list)):
            yield from _places(value)
