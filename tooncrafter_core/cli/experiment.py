"""``experiment NAME -o DIR key=value ...``: the paper's experiments in small."""

import argparse
import sys
from pathlib import Path

from ..config.embedded import MINI, embedded_file
from ..errors import TrainingError
from ..files import Place, alone_in, check_places, read_text
from . import Commands

NAMES = ("rectification", "decoder", "sketch")


def add_parser(subparsers: Commands) -> argparse.ArgumentParser:
    """Declare the command and its options."""
    parser = subparsers.add_parser(
        "experiment",
        help="the paper's ablations in small, over seeds",
        description="Parts that are finished stay; one that was stopped goes on when the same "
        "command is given again.",
    )
    parser.add_argument("name", choices=NAMES, help="Table 3, Table 4, or the study of sketches")
    parser.add_argument(
        "settings", nargs="*", metavar="key=value", help="such as seeds=5 or tune.steps=200"
    )
    parser.add_argument("-o", "--output", help="the folder of everything that is made")
    parser.add_argument(
        "--start",
        metavar="FILE",
        help="the weights to begin with (sketch: the mini model)",
    )
    parser.add_argument("--seeds", type=int, metavar="N", help="the same as seeds=N (3)")
    parser.add_argument("--config", metavar="FILE", help="settings in a YAML file")
    parser.add_argument(
        "--show", action="store_true", help="print every setting as a config file, and stop"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    return parser


def run(args: argparse.Namespace) -> int:
    """Read the settings, train, measure, and print the tables."""
    from ..experiments.bench import RESULTS, Bench
    from ..experiments.registry import EXPERIMENTS
    from ..experiments.settings import IDENTITY, check_same, read_experiment, to_yaml
    from ..training.run import make_folder

    experiment = EXPERIMENTS[args.name]
    overrides = [*args.settings, *([] if args.seeds is None else [f"seeds={args.seeds}"])]
    config = read_experiment(
        args.name, experiment.settings, experiment.stages, args.config, overrides
    )
    if args.show:
        print(to_yaml(config), end="")
        return 0
    if args.output is None:
        raise TrainingError("Say where the experiment goes: -o FOLDER.")
    start = _start(args.start, experiment.has_plain_decoder)
    place = Place(
        option="-o", at=args.output, kind="folder", marks=(IDENTITY,), can_overwrite=False,
        names=(RESULTS, "*.csv", "clips", "measured", "base", "*_seed*"),
    )  # fmt: skip
    check_places([place], [start, *([] if args.config is None else [args.config])])
    folder = make_folder(Path(args.output))
    check_same(config, start, folder)

    def report(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    bench = Bench(folder=folder, report=report, is_quiet=args.quiet)
    with alone_in(folder, TrainingError):
        for path in experiment.run(config, start, bench):
            print(path)
    print(read_text(folder / RESULTS))
    return 0


def _start(file: str | None, has_plain_decoder: bool) -> Path:
    """The weights to begin with; ``TrainingError`` when there are none."""
    if file is None and has_plain_decoder:
        raise TrainingError(
            "This experiment begins with an autoencoder whose decoder still draws images alone, "
            "which that of the mini model no longer does. Train one with 'train autoencoder' (the "
            "recipe mini_1_autoencoder.yaml) and name its model.safetensors: --start FILE."
        )
    path = embedded_file(MINI) if file is None else Path(file)
    if path is None:
        raise TrainingError("Name the weights to begin with: --start FILE.")
    if not path.is_file():
        raise TrainingError(f"There is no file '{path}' to begin with. Name another by --start.")
    return path
