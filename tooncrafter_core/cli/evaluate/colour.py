"""``evaluate colour``: colour lock on drifts of known size, and mattes that are taken out."""

import argparse
from contextlib import closing
from pathlib import Path

from ...config.embedded import is_mini, mini_settings
from ...errors import EvaluationError, check_number
from ...files import Place, check_places, write_text
from .. import Commands
from ..interpolate import session_settings, settings_from
from .methods import named_files
from .options import add_model_options
from .places import output_folder

WRITTEN = ("colour_drifts.csv", "colour_model.csv", "alpha.csv", "colour.md")
MOST = 10_000
NUM_FRAMES = 8
"""Of clips with drifts unless asked: enough to see one grow, at half the time."""


def add_colour(commands: Commands) -> argparse.ArgumentParser:
    """Declare ``colour``."""
    parser = commands.add_parser("colour", help="colour lock, and alpha, on drawn clips")
    add = parser.add_argument
    add("files", nargs="*", metavar="CLIP", help="folders or films that get drifts too")
    add("-o", "--output", required=True, help="the folder of the results")
    add("--clips", type=int, default=60, metavar="N", help="with drifts of known size (60)")
    add(
        "--frames", type=int, default=NUM_FRAMES, metavar="N",
        help=f"of the clips with drifts ({NUM_FRAMES}); those of files must have as many",
    )  # fmt: skip
    add("--model-clips", type=int, default=12, metavar="N", help="drawn by the model (12)")
    add("--figures", type=int, default=60, metavar="N", help="with true alpha (60)")
    add_model_options(parser)
    return parser


def run_colour(args: argparse.Namespace) -> int:
    """Draw, let it drift, take it back, measure, and write the tables."""
    from tqdm import tqdm

    from ...evaluation.clip_files import MIN_FRAMES, find_clips
    from ...evaluation.colour.clear import measure_clear
    from ...evaluation.colour.clips import DrawnClips
    from ...evaluation.colour.measure import files_of, measure_drifts, measure_model
    from ...interpolation.session import Session
    from ...interpolation.settings import MAX_FRAMES

    for option in ("clips", "model_clips", "figures"):
        if not 0 <= getattr(args, option) <= MOST:
            raise EvaluationError(
                f"--{option.replace('_', '-')} takes 0 to {MOST}, not {getattr(args, option)}."
            )
    check_number("--frames", args.frames, MIN_FRAMES, MAX_FRAMES, is_whole=True)
    files = find_clips(args.files)
    ((_, checkpoint),) = named_files([args.model])
    own = {**(mini_settings() if is_mini(checkpoint) else {})}
    settings = settings_from(args, {**own, "width": args.width, "height": args.height})
    weights = session_settings(args, checkpoint)
    place = Place(
        option="-o", at=args.output, kind="folder", names=WRITTEN, marks=("colour.md",),
        can_overwrite=False,
    )  # fmt: skip
    check_places([place], [*weights.files, *(clip.path for clip in files)])
    folder: Path = output_folder(args.output)
    sized = {"width": args.width, "height": args.height}
    tables = []
    with closing(tqdm(total=args.clips + len(files) + args.model_clips, disable=args.quiet)) as bar:

        def on_clip(said: str) -> None:
            bar.set_description(said)
            bar.update()

        if args.clips or files:
            clips = DrawnClips(count=args.clips, num_frames=args.frames, **sized)
            tables.append(measure_drifts(clips, files, on_clip))
        if args.model_clips:
            clips = DrawnClips(count=args.model_clips, **sized)
            tables.append(measure_model(Session(weights), settings, clips, on_clip))
        if args.figures:
            tables.append(measure_clear(args.figures))
    texts = files_of(tables)
    for name, text in texts.items():
        write_text(folder / name, text)
    print(texts["colour.md"])
    return 0
