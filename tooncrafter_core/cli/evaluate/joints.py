"""``evaluate joints``: drawn cuts of known motion, and how it goes through their keys."""

import argparse
from contextlib import closing
from pathlib import Path
from typing import Any

from ...config.embedded import is_mini, mini_settings
from ...errors import EvaluationError, MissingWeightsError
from ...files import Place, alone_in, check_places, write_text
from .. import Commands
from ..interpolate import session_settings, settings_from
from .methods import named_files, named_methods
from .options import DEFAULT_METHODS, METHODS, add_model_options
from .places import output_folder

WRITTEN = ("frames", "measured", "segments", "joints.csv", "joints.md")
MOST_FILMS = 1000


def add_joints(commands: Commands) -> argparse.ArgumentParser:
    """Declare ``joints``: motion through keys."""
    parser = commands.add_parser("joints", help="how known motion goes through the keys of cuts")
    add = parser.add_argument
    add("-o", "--output", required=True, help="the folder of the results")
    add("--films", type=int, default=2, metavar="N", help="of each motion (2)")
    add("--motions", metavar="NAMES", help="separated by commas (all)")
    add("--first-seed", type=int, default=700, metavar="SEED", help="of the scenery (700)")
    add(
        "--methods", default=DEFAULT_METHODS,
        help=f"drawn segment by segment, separated by commas, of {', '.join(METHODS)} "
        f"({DEFAULT_METHODS}); hold is always there, one without weights is left out in words",
    )  # fmt: skip
    add_model_options(
        parser, "the checkpoint that draws by the engine of cuts, as it is and smoothed (mini)"
    )
    return parser


def run_joints(args: argparse.Namespace) -> int:
    """Draw the films by every method, measure, and write the table."""
    from tqdm import tqdm

    from ...checkpoints.weight_packages import describe_file
    from ...cut.store import ClipStore, digest
    from ...data.procedural.known_motion import MOTIONS
    from ...experiments.joints import CutModel, Films, measure_joints
    from ...files.digests import user_memory
    from ...interpolation.session import Session

    if not 1 <= args.films <= MOST_FILMS or args.first_seed < 0:
        raise EvaluationError(
            f"1 to {MOST_FILMS} films of each motion are drawn, from a seed of 0 or more; not "
            f"{args.films} from {args.first_seed}."
        )
    motions = [*MOTIONS] if args.motions is None else _names(args.motions)
    films = Films(
        motions=motions, count=args.films, first_seed=args.first_seed,
        width=args.width, height=args.height,
    )  # fmt: skip
    ((name, checkpoint),) = named_files([args.model])
    own = {**(mini_settings() if is_mini(checkpoint) else {})}
    own |= {"width": args.width, "height": args.height}
    settings = settings_from(args, own)
    weights = session_settings(args, checkpoint)
    place = Place(
        option="-o", at=args.output, kind="folder", names=WRITTEN, marks=("joints.md", "measured"),
        can_overwrite=False,
    )  # fmt: skip
    check_places([place], weights.files)
    peers, left_out = _peers(args.methods)
    folder = output_folder(args.output)
    memory = user_memory()
    model = CutModel(
        name=name,
        session=Session(weights),
        settings=settings,
        weights=digest([memory.digest(Path(file)) for file in weights.files]),
        description=f"{describe_file(checkpoint)}; {settings.steps} steps, guidance "
        f"{settings.guidance_scale:g}, motion fps {settings.motion_fps:g}, seed {settings.seed}",
        store=ClipStore(folder / "segments"),
    )
    steps = len(motions) * args.films * (len(peers) + 1)
    begun = 0

    def on_film(method: str, film: str) -> None:
        nonlocal begun
        bar.update(begun - bar.n)
        begun += 1
        bar.set_description(f"{film}: {method}")

    progress = closing(tqdm(total=steps, disable=args.quiet, unit="film"))
    with alone_in(folder, EvaluationError), progress as bar:
        table = measure_joints(films, peers, model, folder, on_film)
        bar.update(steps - bar.n)
    table.notes.extend(left_out)
    write_text(folder / "joints.csv", table.to_csv())
    write_text(folder / "joints.md", table.to_markdown())
    print(table.to_markdown())
    return 0


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names or len(set(names)) < len(names):
        raise EvaluationError("--motions takes names, each once, such as circle,wave.")
    return names


def _peers(text: str) -> tuple[list[Any], list[str]]:
    """The methods that can be drawn with, and a sentence for each that lacks its weights."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    peers, left_out = [], []
    for name in ["hold", *(name for name in names if name != "hold")]:
        try:
            peers.append(named_methods(name)[-1])
        except MissingWeightsError as error:
            left_out.append(f"Left out: {name}: {error}")
    return peers, left_out
