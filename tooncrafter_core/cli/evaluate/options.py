"""The options of ``evaluate`` and of its own commands."""

import argparse

from ...config.embedded import MINI
from .. import Commands, Options
from ..interpolate_options import add_machine_options, add_sampling_options

METHODS = ("hold", "cross-fade", "rife", "rife-refined", "gmfss", "gmfss-x2")
DEFAULT_METHODS = "hold,cross-fade,rife"


def _add_size(group: Options) -> None:
    group.add_argument("--width", type=int, default=512, help="in pixels (512)")
    group.add_argument("--height", type=int, default=320, help="in pixels (320)")
    group.add_argument(
        "--frames", dest="num_frames", type=int, default=16, metavar="N", help="of a clip (16)"
    )
    group.add_argument("--quiet", action="store_true", help="no progress bar")


def add_model_options(parser: argparse.ArgumentParser, model: str = "a checkpoint (mini)") -> None:
    """The model that draws what is measured, and the size that it draws at; ``model`` is help."""
    add = parser.add_argument
    add("--model", default=f"mini model={MINI}", metavar="NAME=FILE", help=model)
    add("--width", type=int, default=256, help="in pixels (256)")
    add("--height", type=int, default=160, help="in pixels (160)")
    add("--quiet", action="store_true", help="no progress bar")
    add_sampling_options(parser.add_argument_group("sampling of the model"))
    add_machine_options(parser.add_argument_group("files and machine of the model"))


def _add_overwrite(parser: Options) -> None:
    parser.add_argument("--overwrite", action="store_true", help="replace what is there")


def add_cut(commands: Commands) -> argparse.ArgumentParser:
    """Declare ``cut``: films into clips."""
    parser = commands.add_parser("cut", help="cut clips of 16 frames out of whole films")
    parser.add_argument("films", nargs="+", help="video files")
    parser.add_argument("-o", "--output", required=True, help="the folder of the clips")
    parser.add_argument("--stride", type=int, default=2, help="take every so many frames (2)")
    parser.add_argument(
        "--every", type=int, default=48, help="frames of the film from clip to clip (48)"
    )
    parser.add_argument(
        "--rest", metavar="FOLDER",
        help="also write what lies between the clips, to train on: every shot a folder",
    )  # fmt: skip
    parser.add_argument(
        "--apart", type=int, default=24,
        help="frames of the film between a clip and what is left to train on (24)",
    )  # fmt: skip
    _add_overwrite(parser)
    _add_size(parser)
    return parser


def _add_measuring(parser: Options) -> None:
    parser.add_argument(
        "clips", nargs="*",
        help="folders of pictures, video files, folders of these, or a list (.csv) of them",
    )  # fmt: skip
    parser.add_argument("-o", "--output", required=True, help="the folder of the results")
    group = parser.add_argument_group("what is measured")
    group.add_argument("--lpips", choices=("alexnet", "vgg16"), default="alexnet")
    group.add_argument(
        "--clip", metavar="FILE",
        help="CLIP weights for CLIP_img and CLIP_txt: ToonCrafter's model.ckpt or a CLIP file",
    )  # fmt: skip
    group.add_argument(
        "--i3d", metavar="FILE", help="I3D as TorchScript; without it there is no FVD and no KVD"
    )
    group.add_argument(
        "--scored", choices=("between", "all"), default=argparse.SUPPRESS,
        help="frames that averages take: those between the keyframes, or all",
    )  # fmt: skip
    group.add_argument("--show", type=int, default=6, metavar="N", help="clips in the page (6)")
    _add_size(group)


def add_compare(commands: Commands) -> argparse.ArgumentParser:
    """Declare ``compare``: methods against the true frames."""
    parser = commands.add_parser("compare", help="the tables of the paper's shape")
    _add_measuring(parser)
    parser.add_argument(
        "--procedural", type=int, default=0, metavar="N",
        help="also compare on N clips drawn by the procedural renderer; alone, their parts' "
        "position error is measured as well",
    )  # fmt: skip
    parser.add_argument(
        "--first-seed", type=int, default=1_000_000, metavar="SEED",
        help="of those clips (1000000); for a model trained on drawn clips take seeds it has not "
        "seen",
    )  # fmt: skip
    group = parser.add_argument_group("methods")
    group.add_argument(
        "--methods", default=DEFAULT_METHODS,
        help=f"separated by commas, of {', '.join(METHODS)} ({DEFAULT_METHODS}); "
        "hold is always there",
    )  # fmt: skip
    group.add_argument(
        "--frames-of", action="append", default=[], metavar="NAME=FOLDER",
        help="frames another program made: a folder or video for each clip; may be repeated",
    )  # fmt: skip
    group.add_argument(
        "--model", dest="models", action="append", default=[], metavar="NAME=FILE",
        help="a ToonCrafter checkpoint, or 'mini (embedded)' for the model that comes with the "
        "program; may be repeated. Each gets a sheet of its best, median and worst clip by LPIPS",
    )  # fmt: skip
    group.add_argument(
        "--plain-decoder", action="store_true",
        help="decode the models' clips without references, as the paper's Table 3",
    )  # fmt: skip
    sampling = parser.add_argument_group("sampling of the models")
    add_sampling_options(sampling)
    sampling.add_argument(
        "--motion-fps", type=float, default=argparse.SUPPRESS,
        help="lower means larger motion between frames, 5 to 30 (10)",
    )  # fmt: skip
    add_machine_options(parser.add_argument_group("files and machine of the models"))
    parser.set_defaults(scored="between")
    return parser


def add_reconstruct(commands: Commands) -> argparse.ArgumentParser:
    """Declare ``reconstruct``: autoencoders against the true frames."""
    parser = commands.add_parser(
        "reconstruct", help="how well an autoencoder gives frames back (Table 4)"
    )
    _add_measuring(parser)
    parser.add_argument(
        "--model", dest="models", action="append", required=True, metavar="NAME=FILE",
        help="a ToonCrafter checkpoint; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--parts", action="store_true",
        help="also with the decoder's parts switched off, one after the other",
    )  # fmt: skip
    add_machine_options(parser.add_argument_group("files and machine of the models"))
    # The paper's reconstruction table is at this size.
    parser.set_defaults(width=256, height=256, scored="all")
    return parser


def add_study(commands: Commands) -> argparse.ArgumentParser:
    """Declare ``study``: the page for raters."""
    parser = commands.add_parser("study", help="write the page of a blind user study")
    parser.add_argument("results", help="the folder of a comparison")
    parser.add_argument("-o", "--output", required=True, help="the new folder of the study")
    parser.add_argument("--pairs", type=int, default=20, help="a rater judges (20)")
    parser.add_argument("--methods", help="as the tables name them, separated by commas (all)")
    parser.add_argument("--fps", type=int, default=8, help="at which the clips play (8)")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of pairs (0)")
    parser.add_argument("--quality", type=int, default=92, help="of the pictures (92)")
    return parser


def add_study_report(commands: Commands) -> argparse.ArgumentParser:
    """Declare ``study-report``: what raters said."""
    parser = commands.add_parser("study-report", help="what the raters preferred")
    parser.add_argument("key", help="the study's .key.json")
    parser.add_argument("answers", nargs="+", help="the raters' files, or folders of them")
    parser.add_argument("-o", "--output", help="a folder for the report as Markdown and JSON")
    _add_overwrite(parser)
    return parser
