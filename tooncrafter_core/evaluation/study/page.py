"""Makes the page of a blind user study, as the paper's Table 2 needs one.

The page works from its folder without a server. Raters see two methods on the same clip, in random
order and on random sides, and answer three questions. Which method is which stands only in the key
file next to the folder.
"""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, cycle, islice
from pathlib import Path
from string import Template
from typing import Any

from ...errors import EvaluationError
from ...files import replacing, replacing_folder, write_bytes, write_text
from ..report_html import PAGES, STRIP_COLUMNS, embedded_json, encode_strip, made_frames
from ..results import load_results

QUESTIONS = ("motion", "coherence", "fidelity")
KEY_FORMAT = "tooncrafter-study-key"
INDEX = "index.html"
VERSION = 1


@dataclass(frozen=True, kw_only=True)
class StudySettings:
    """What raters get to see."""

    num_trials: int = 20
    """Pairs a rater judges; three answers each."""
    methods: tuple[str, ...] = ()
    """The methods' names in the tables; when empty, all but the true frames."""
    fps: int = 8
    seed: int = 0
    """Seed of the choice of pairs and the names of the files."""
    quality: int = 92
    """WebP quality of the pictures, 1 to 100."""


def make_study(results_folder: str | Path, folder: str | Path, settings: StudySettings) -> Path:
    """Write ``index.html`` and its pictures into a new folder, and ``FOLDER.key.json`` next to it.

    Every pair of methods is shown about as often as any other, on clips taken in turn. Returns the
    page's path. ``EvaluationError`` when there are no results, a method is not in them, there are
    fewer than two, or the folder is not empty.
    """
    results_folder, folder = Path(results_folder), Path(folder)
    results = load_results(results_folder)
    methods = _methods(list(results.methods), settings.methods)
    if settings.num_trials < 1:
        raise EvaluationError("A study needs one pair or more.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise EvaluationError(f"'{folder}' is there already; name a new folder for the study.")
    if key_path(folder).exists():
        raise EvaluationError(
            f"'{key_path(folder)}' is there already: it is the key of an earlier study, whose "
            "answers would mean nothing without it. Name another folder for the study."
        )
    chance = random.Random(settings.seed)
    trials = _choose(list(results.clips), methods, settings.num_trials, chance)
    names = _media_names([media for trial in trials for media in trial], chance)
    study_id = f"{chance.getrandbits(48):012x}"
    page = {
        "id": study_id,
        "frames": results.num_frames,
        "width": results.width,
        "height": results.height,
        "columns": STRIP_COLUMNS,
        "fps": settings.fps,
        "trials": [
            {"id": f"{i:03d}", "a": names[a], "b": names[b]} for i, (a, b) in enumerate(trials)
        ],
    }
    key = {
        "format": KEY_FORMAT,
        "version": VERSION,
        "study": study_id,
        "methods": {method: results.methods[method] for method in methods},
        "trials": {
            f"{i:03d}": {"clip": a[1], "a": a[0], "b": b[0]} for i, (a, b) in enumerate(trials)
        },
    }
    template = Template((PAGES / "study.html").read_text(encoding="utf-8"))
    # One without the other is of no use: both get their names at the end.
    with replacing(key_path(folder)) as key_file, replacing_folder(folder, _never) as new:
        for (method, clip), name in names.items():
            frames = made_frames(results_folder, method, clip, results.num_frames)
            write_bytes(new / name, encode_strip(frames, settings.quality))
        write_text(new / INDEX, template.substitute(data=embedded_json(page)))
        write_text(key_file, json.dumps(key, indent=1, ensure_ascii=False))
    return folder / INDEX


def _never(path: Path) -> bool:
    """Whether a file may go that came into the folder meanwhile."""
    return False


def key_path(folder: Path) -> Path:
    """The path of a study's key: next to the folder, as the folder goes to the raters."""
    return folder.with_name(f"{folder.name}.key.json")


Media = tuple[str, str]
"""Method and clip."""


def _methods(known: list[str], wanted: Sequence[str]) -> list[str]:
    """The methods to show, checked; the true frames, which come first, only when named."""
    for method in wanted:
        if method not in known:
            raise EvaluationError(
                f"'{method}' is not among the results' methods: {', '.join(known)}."
            )
    methods = list(dict.fromkeys(wanted)) or known[1:]
    if len(methods) < 2:
        raise EvaluationError("A study compares two methods or more; the results have fewer.")
    return methods


def _choose(
    clips: list[str], methods: list[str], number: int, chance: random.Random
) -> list[tuple[Media, Media]]:
    """Trials as balanced as their number allows, none twice before all were shown once."""
    pairs, order = list(combinations(methods, 2)), list(clips)
    chance.shuffle(pairs)
    chance.shuffle(order)
    # In each round a pair of methods gets the next clip, until every pair has had every clip.
    rounds = (
        (pair, order[(index + turn) % len(order)])
        for turn in range(len(order))
        for index, pair in enumerate(pairs)
    )
    trials = []
    for (one, other), clip in islice(cycle(list(rounds)), number):
        sides = [one, other]
        chance.shuffle(sides)
        trials.append(((sides[0], clip), (sides[1], clip)))
    return trials


def _media_names(media: Sequence[Any], chance: random.Random) -> dict[Media, str]:
    """File names that do not reveal the method."""
    unique = sorted(set(media))
    chance.shuffle(unique)
    return {item: f"media/{chance.getrandbits(64):016x}.webp" for item in unique}
