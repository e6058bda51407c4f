"""``cuts FOLDER -o OUT``: all cuts of an episode, on one machine or many."""

import argparse
from typing import TYPE_CHECKING

from ...errors import CutError, JobError, counted, printable
from .. import EXIT_INTERRUPTED, EXIT_USER_ERROR, Commands
from ..candidates.options import add_count_option
from ..cut.options import add_drawing_options, add_format_option

if TYPE_CHECKING:
    from ...jobs.runner import Runner

OWN = ("folder", "output", "workers", "ray", "dry_run", "skip_faulty", "stop_after", "quiet",
       "run_command")  # fmt: skip
"""Options that are not handed on to each cut."""
MOST_WORKERS = 256


def add_parser(subparsers: Commands) -> argparse.ArgumentParser:
    """Declare the command and its options; those of drawing hold for all cuts."""
    parser = subparsers.add_parser("cuts", help="draw all cuts of an episode")
    parser.add_argument(
        "folder", metavar="FOLDER", help="cut files (.yaml), here or in folders within"
    )
    work = parser.add_argument_group("work")
    work.add_argument(
        "-o", "--output", required=True, metavar="DIR", help="a folder with one folder a cut"
    )
    work.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="segments drawn at a time (one for each GPU; without a GPU 1)",
    )
    work.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="draw on a Ray cluster at this address; all machines must see the same files under "
        "the same paths (no cluster)",
    )
    work.add_argument(
        "--dry-run", action="store_true", help="check all cuts and count, without drawing"
    )
    work.add_argument(
        "--skip-faulty",
        action="store_true",
        help="draw the others where cuts cannot be drawn as they are",
    )
    work.add_argument(
        "--stop-after", type=int, metavar="N", help="end after N segments; run again to continue"
    )
    work.add_argument("--quiet", action="store_true", help="no line for each segment")
    add_format_option(work)
    add_count_option(work)
    add_drawing_options(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    """Check all cuts, then draw what is missing and write what has changed."""
    from ...cut.episode.output import check_episode_folder
    from ...cut.store import alone_in
    from .episode import Episode
    from .planning import find_cuts, plan_episode

    _check_counts(args)
    shared = {name: value for name, value in vars(args).items() if name not in OWN}
    tasks = find_cuts(args.folder, args.output)
    out = check_episode_folder(args.output, [args.folder])
    plan = plan_episode(tasks, shared)
    workers = args.workers or max(len(_graphics_cards(args.device)), 1)
    for name, fault in plan.faults.items():
        print(printable(f"{name}: {fault}"))
    print(plan.as_text(workers))
    if plan.faults and not (args.skip_faulty or args.dry_run):
        raise CutError(
            f"{counted(len(plan.faults), 'cut')} of {len(tasks)} cannot be drawn as they are, and "
            "nothing was drawn. Mend them, or draw the others with --skip-faulty."
        )
    if args.dry_run:
        return EXIT_USER_ERROR if plan.faults else 0
    with alone_in(out) as still_here:
        episode = Episode(out=out, plan=plan, shared=shared, is_quiet=args.quiet)
        was_stopped = episode.draw(_runner(args, workers), workers, still_here, args.stop_after)
    print(printable(episode.summary()))
    if was_stopped:
        return EXIT_INTERRUPTED
    return EXIT_USER_ERROR if episode.has_errors else 0


def _check_counts(args: argparse.Namespace) -> None:
    """``JobError`` for numbers of workers and segments that make no sense."""
    if args.workers is not None and not 1 <= args.workers <= MOST_WORKERS:
        raise JobError(f"--workers is 1 to {MOST_WORKERS}, not {args.workers}.")
    if args.stop_after is not None and args.stop_after < 1:
        raise JobError(f"--stop-after is 1 or more, not {args.stop_after}.")


def _runner(args: argparse.Namespace, workers: int) -> "Runner":
    """What draws: this process, several, or a cluster."""
    if args.ray is not None:
        from ...jobs.cluster import RayRunner

        needs_gpu = args.device == "auto" or args.device.startswith("cuda")
        return RayRunner(address=args.ray, workers=args.workers, needs_gpu=needs_gpu)
    from ...jobs.processes import ProcessRunner

    return ProcessRunner(environments=_environments(workers, _graphics_cards(args.device)))


def _graphics_cards(device: str) -> list[str]:
    """The CUDA cards that may be used, as CUDA_VISIBLE_DEVICES names them; one if it is named."""
    import os

    import torch

    if device.startswith("cuda:") or not (device == "auto" or device.startswith("cuda")):
        return []
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    found = torch.cuda.device_count()
    return named.split(",")[:found] if named else [str(index) for index in range(found)]


def _environments(workers: int, cards: list[str]) -> list[dict[str, str]]:
    """The variables of each worker: its card, or its share of the cores."""
    import os

    if cards:
        return [{"CUDA_VISIBLE_DEVICES": cards[i % len(cards)]} for i in range(workers)]
    if "OMP_NUM_THREADS" in os.environ:
        return [{}] * workers
    cores = os.cpu_count() or 1
    return [{"OMP_NUM_THREADS": str(max(cores // workers, 1))}] * workers
