"""``evaluate candidates``: whether the rank of candidates knows a true clip from a spoilt one."""

import argparse
from contextlib import closing

from ...config.embedded import is_mini, mini_settings
from ...errors import EvaluationError
from ...files import Place, check_places, write_text
from .. import Commands
from ..interpolate import session_settings, settings_from
from .methods import named_files
from .options import add_model_options
from .places import output_folder

WRITTEN = ("candidates_truth.csv", "candidates_weights.csv", "candidates_seeds.csv",
           "candidates.md")  # fmt: skip
MOST = 10_000
FIRST_SEED = 8_100_000
"""The weights were chosen on clips from 8,000,000 on."""


def add_candidates(commands: Commands) -> argparse.ArgumentParser:
    """Declare ``candidates``."""
    parser = commands.add_parser(
        "candidates", help="whether the rank of candidates puts the truth first"
    )
    add = parser.add_argument
    add("clips", nargs="*", metavar="CLIPS", help="further true clips: folders or films")
    add("-o", "--output", required=True, help="the folder of the results")
    add("--drawn", type=int, default=24, metavar="N", help="true clips that are drawn (24)")
    add(
        "--first-seed", type=int, default=FIRST_SEED, metavar="SEED",
        help=f"of drawn clips ({FIRST_SEED}); the weights in use were chosen on others",
    )  # fmt: skip
    add("--weights", action="store_true", help="say which weights the drawn clips would choose")
    add(
        "--model-clips", type=int, default=8, metavar="N",
        help="drawn clips between whose ends the model draws several seeds (8)",
    )  # fmt: skip
    add("--seeds", type=int, default=4, metavar="N", help="of each (4)")
    add_model_options(parser)
    return parser


def run_candidates(args: argparse.Namespace) -> int:
    """Judge true clips and spoilt ones, then seeds of the model, and write the tables."""
    from tqdm import tqdm

    from ...experiments.candidates.measure import (
        Clips,
        files_of,
        judge_spoilt,
        measure_seeds,
        truth_first,
        weights_table,
    )
    from ...interpolation.session import Session

    _check_counts(args)
    ((_, checkpoint),) = named_files([args.model])
    size = {"width": args.width, "height": args.height}
    own = {**(mini_settings() if is_mini(checkpoint) else {})}
    settings = settings_from(args, {**own, **size})
    weights = session_settings(args, checkpoint)
    place = Place(
        option="-o", at=args.output, kind="folder", names=WRITTEN, marks=("candidates.md",),
        can_overwrite=False,
    )  # fmt: skip
    check_places([place], [*weights.files, *args.clips])
    folder = output_folder(args.output)
    clips = Clips(count=args.drawn, first_seed=args.first_seed, files=args.clips, **size)
    tables = []
    with closing(tqdm(disable=args.quiet, unit="clip")) as bar:

        def on_clip(said: str) -> None:
            bar.set_description(said)
            bar.update()

        drawn = judge_spoilt(clips.drawn(), on_clip)
        read = judge_spoilt(clips.read(), on_clip)
        if drawn or read:
            tables.append(truth_first({"drawn clips": drawn, "given clips": read}))
        if args.weights and drawn:
            tables.append(weights_table(drawn))
        if args.model_clips:
            # Clips that were judged above, too: nothing is chosen by them.
            some = Clips(count=args.model_clips, first_seed=args.first_seed, **size)
            tables.append(measure_seeds(Session(weights), settings, some, args.seeds, on_clip))
    texts = files_of(tables, folder)
    for path, text in texts.items():
        write_text(path, text)
    print(texts[folder / "candidates.md"])
    return 0


def _check_counts(args: argparse.Namespace) -> None:
    for option, least in (("drawn", 0), ("model_clips", 0), ("seeds", 2)):
        count, name = getattr(args, option), option.replace("_", "-")
        if not least <= count <= MOST:
            raise EvaluationError(f"--{name} takes {least} to {MOST}, not {count}.")
    if args.first_seed < 0:
        raise EvaluationError(f"--first-seed takes 0 or more, not {args.first_seed}.")
