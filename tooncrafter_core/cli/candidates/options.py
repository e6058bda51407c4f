"""The options for candidates, and which seed is taken."""

import re
from collections.abc import Mapping, Sequence

from ...errors import CutError
from .. import Options

BEST = "best"


def add_candidate_options(group: Options, of_segments: bool) -> None:
    """How many seeds are drawn, and which is taken."""
    if of_segments:
        add_count_option(group)
        group.add_argument(
            "--take",
            action="append",
            metavar="SEGMENT=SEED",
            help="which candidate is taken: best, or the seed of one segment as in 2=125; may be "
            "given many times (best)",
        )
    else:
        group.add_argument(
            "--candidates",
            type=int,
            metavar="N",
            help="draw N seeds, rank them by what is wrong with each, and take one",
        )
        group.add_argument(
            "--take", metavar="SEED", help="which candidate is taken: best, or a seed (best)"
        )


def add_count_option(group: Options) -> None:
    """How many seeds of each segment are drawn."""
    group.add_argument(
        "--candidates",
        type=int,
        metavar="N",
        help="draw N seeds of each segment, rank them by what is wrong with each, and take one; "
        "what was drawn before is not drawn again",
    )


def takes_in(texts: Sequence[str]) -> dict[int, int]:
    """``2=125`` as the number of a segment and its seed; ``best`` says nothing of any."""
    takes: dict[int, int] = {}
    for text in (part.strip() for one in texts for part in one.split(",")):
        if text == BEST:
            continue
        match = re.fullmatch(r"(\d{1,6})\s*=\s*(\d{1,20})", text)
        if match is None:
            raise CutError(
                f"--take '{text}' does not say which candidate: write --take 2=125 for seed 125 of "
                "segment 2, or --take best."
            )
        number, seed = int(match[1]), int(match[2])
        if takes.setdefault(number, seed) != seed:
            raise CutError(
                f"--take names two seeds for segment {number}, {takes[number]} and {seed}: keep "
                "one."
            )
    return takes


def check_alone(count: int | None, takes: Mapping[int, int] | str | None) -> None:
    """``CutError`` where a candidate is named and none is drawn."""
    if count is None and takes:
        raise CutError("--take names a candidate, and none is drawn: add --candidates 4.")
