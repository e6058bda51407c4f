"""``evaluate ...``: measure methods against true clips, and ask people.

evaluate cut FILM... -o CLIPS           clips of 16 frames out of whole films
evaluate compare CLIPS... -o OUT        the tables of the paper's shape
evaluate reconstruct CLIPS... -o OUT    how well an autoencoder gives frames back
evaluate joints -o OUT                  how known motion goes through the keys of cuts
evaluate colour -o OUT                  colour lock and alpha on drawn clips
evaluate candidates [CLIPS...] -o OUT   whether the rank of candidates puts the truth first
evaluate study OUT -o STUDY             the page of a blind user study
evaluate study-report KEY ANSWERS...    what the raters preferred
"""

import argparse

from .. import Commands
from .candidates import add_candidates, run_candidates
from .colour import add_colour, run_colour
from .cutting import run_cut
from .joints import add_joints, run_joints
from .measuring import run_compare, run_reconstruct
from .options import add_compare, add_cut, add_reconstruct, add_study, add_study_report
from .study import run_study, run_study_report


def add_parser(subparsers: Commands) -> argparse.ArgumentParser:
    """Declare the command, its own commands and their options."""
    parser = subparsers.add_parser(
        "evaluate", help="measure methods against true clips, and ask people",
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add, run_it in (
        (add_cut, run_cut),
        (add_compare, run_compare),
        (add_reconstruct, run_reconstruct),
        (add_joints, run_joints),
        (add_colour, run_colour),
        (add_candidates, run_candidates),
        (add_study, run_study),
        (add_study_report, run_study_report),
    ):
        add(commands).set_defaults(run_evaluation=run_it)
    return parser


def run(args: argparse.Namespace) -> int:
    """Do the command that was named."""
    return args.run_evaluation(args)
