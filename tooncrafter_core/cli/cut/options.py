"""The options of ``cut``, and where its results go."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from ...errors import OutputError
from .. import Options
from ..colour.alpha import add_alpha_option
from ..colour.lock import add_colour_option
from ..interpolate_options import (
    add_look_options,
    add_machine_options,
    add_offload_option,
    add_solver_options,
)


def add_timing_options(group: Options) -> None:
    """Keys, and when each drawing is shown."""
    add = group.add_argument
    add(
        "file",
        nargs="?",
        metavar="CUT.yaml",
        help="a file that says all of this; options count more",
    )
    add(
        "--keys",
        nargs="+",
        metavar="PICTURE",
        help="the keys in the order of the film, or a folder of them (2.png before 10.png); all of "
        "one size",
    )
    add(
        "--frames",
        dest="key_frames",
        metavar="FRAMES",
        help="where each key is first shown, as in 1,13,25; a cycle has one frame more, where the "
        "first key would be shown again",
    )
    add("--on", type=int, help="frames that each drawing stays: on ones, twos, threes (1)")
    add(
        "--spacing",
        dest="charts",
        action="append",
        metavar="CURVE",
        help="where in-betweens lie: even, 'slow in', 'slow out', 'slow in and out', or a chart "
        "such as '1/2 1/4 1/8' or '25%% 50%%'; once for all segments, or once for each (even)",
    )
    add("--length", type=int, metavar="N", help="frames of the film (the last key stays --on)")
    add("--cycle", action="store_true", help="the last key leads back to the first")
    add(
        "--sheet",
        metavar="FILE",
        help="an exposure sheet, XDTS or Clip Studio's CSV, in place of --frames and --on: its "
        "names are keys, its circles become drawings",
    )
    add(
        "--cel",
        help="the sheet's column: its name, or #2 for the second; all draws each that has circles, "
        "into a folder of its own",
    )
    add(
        "--sketch",
        dest="sketches",
        action="append",
        default=[],
        metavar="SEGMENT:MOMENT=FILE",
        help="a drawing that one moment follows, as in 2:8=pose.png: moment 8 of 1 to 16 in the "
        "second segment; may be given many times",
    )
    add("--fps", type=float, help="frames a second of the film (the sheet's, else 24)")
    add("--draw-holds", action="store_true", help="draw between equal keys, too")
    add(
        "--smooth",
        metavar="KEYS",
        help="let motion go through these keys without a break: all, or names such as A2,A4; the "
        "in-betweens around are bent by a few pixels (none)",
    )


def add_result_options(group: Options) -> None:
    """Where results go, and what is drawn again."""
    add = group.add_argument
    add("-o", "--output", required=True, metavar="DIR", help="a folder for all results")
    add_format_option(group)
    add(
        "--redo",
        type=int,
        metavar="N",
        help="draw this segment again, with --seed or the next seed, and keep all others of the "
        "last run in that folder",
    )
    add("--quiet", action="store_true", help="no progress bar")


def add_drawing_options(parser: argparse.ArgumentParser) -> None:
    """With what drawings are drawn, and how; ``cuts`` has the same for all cuts."""
    add_look_options(parser.add_argument_group("picture"))
    colour = parser.add_argument_group("colour")
    add_colour_option(colour)
    add_alpha_option(colour, of_films=True)
    add_solver_options(parser.add_argument_group("sampling"))
    machine = parser.add_argument_group("files and machine")
    machine.add_argument(
        "--sketch-encoder",
        metavar="FILE",
        default=argparse.SUPPRESS,
        help="the sketch encoder's .ckpt or .safetensors, for cuts with sketches",
    )
    machine.add_argument("--checkpoint", help="as for interpolate (the mini model)")
    add_machine_options(machine)
    add_offload_option(machine)


def add_format_option(group: Options) -> None:
    """Which films are written."""
    group.add_argument(
        "--format",
        dest="formats",
        metavar="FORMATS",
        help="films, as in mp4,mov: mp4, mkv (H.264), webm (VP9), mov (ProRes 4444), gif, webp, "
        "apng, or none; drawings and frames are always written as PNG (mp4)",
    )


def extensions_of(formats: Sequence[str], fps: float) -> list[str]:
    """Extensions of the films that are asked for; ``OutputError`` for those that are not known."""
    from ...pictures.formats import FORMATS, check_fps

    names = [name.strip().lower().lstrip(".") for one in formats for name in one.split(",")]
    if names == ["none"]:
        return []
    known = [extension[1:] for extension in FORMATS if extension != ".png"]
    for name in names:
        if name not in known:
            raise OutputError(
                f"--format '{name}' is no format of a film. There are {', '.join(known)}; 'none' "
                "writes drawings and frames alone."
            )
        check_fps(f".{name}", fps)
    return [f".{name}" for name in dict.fromkeys(names)]


def check_folder(args: argparse.Namespace, inputs: Sequence[str | Path]) -> Path:
    """Where results go; ``OutputError`` when they cannot, before anything is loaded."""
    from ...cut.output import CANDIDATES, DRAWINGS, FILMS, FRAMES, MARKS, WRITTEN
    from ...cut.results.ours import foreign_in, painted_over
    from ...files import Place, check_places
    from ...pictures.formats import FORMATS

    folder = Path(args.output)
    if folder.suffix.lower() in FORMATS and not folder.is_dir():
        raise OutputError(
            f"-o takes a folder for drawings, frames and the film, not '{folder.name}'."
        )
    place = Place(
        option="-o", at=args.output, kind="folder", names=WRITTEN, marks=MARKS,
        can_overwrite=False,
    )  # fmt: skip
    check_places([place], inputs)
    results = [
        *(Place(option="-o", at=folder / name, kind="frames") for name in (FRAMES, CANDIDATES)),
        *(Place(option="-o", at=folder / name) for name in FILMS),
    ]
    check_places(results, inputs, overwrite=True)
    if painted := painted_over(folder):
        raise OutputError(
            f"In '{folder / DRAWINGS}' {_changed(painted)} changed after this program wrote it: "
            "a run would replace what you have painted. Move it to another folder, or name "
            "another folder for this run."
        )
    if foreign := foreign_in(folder):
        raise OutputError(
            f"The folder '{folder / DRAWINGS}' holds '{foreign[0]}', which no earlier run has "
            "written. Take it out, or name another folder."
        )
    return folder


def _changed(names: Sequence[str]) -> str:
    rest = len(names) - 1
    return f"'{names[0]}' was" if not rest else f"'{names[0]}' and {rest} more were"
