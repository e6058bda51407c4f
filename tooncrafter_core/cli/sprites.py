"""``sprites DRAWINGS... -o sheet.png``: a sprite sheet with its table for game engines."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CutError, counted
from ..files import Place, check_places, write_together
from ..pictures.sprites.encode import ENDINGS, check_ending
from ..pictures.sprites.tables import FORMS
from ..pictures.sprites.values import Layout
from . import Commands

if TYPE_CHECKING:
    import numpy as np

    from ..cut.results.sprites import Film

FPS = 24.0


def add_parser(subparsers: Commands) -> argparse.ArgumentParser:
    """Declare the command and its options."""
    parser = subparsers.add_parser(
        "sprites", help="lay drawings on a sprite sheet, with a table for game engines"
    )
    parser.add_argument(
        "drawings", nargs="+", metavar="DRAWINGS",
        help="pictures of one size in the order of the film, a folder of them, or a folder that "
        "'cut' has written, whose sheet says when each is shown",
    )  # fmt: skip
    result = parser.add_argument_group("result")
    result.add_argument(
        "-o", "--output", required=True,
        help=f"the sheet, {' or '.join(ENDINGS)} (lossless); the table is written next to it",
    )  # fmt: skip
    result.add_argument(
        "--json", choices=FORMS, default=FORMS[0], help=f"the table's form ({FORMS[0]})"
    )
    result.add_argument("--overwrite", action="store_true", help="replace what is there")
    timing = parser.add_argument_group("timing")
    timing.add_argument("--fps", type=float, help="frames a second (the sheet's, else 24)")
    timing.add_argument(
        "--sheet",
        help="an exposure sheet (XDTS, or Clip Studio's CSV) that says when each is shown",
    )
    timing.add_argument("--cel", help="the sheet's column: its name, or #2 for the second")
    timing.add_argument("--loop", action="store_true", help="the film begins again when it ends")
    layout = parser.add_argument_group("layout")
    layout.add_argument("--trim", action="store_true", help="leave out clear borders of drawings")
    layout.add_argument(
        "--padding", type=int, default=Layout.padding, metavar="N",
        help="clear pixels between drawings and around them (0)",
    )  # fmt: skip
    layout.add_argument(
        "--columns", type=int, default=Layout.columns, metavar="N",
        help="lay a grid of N columns, all cells alike; 0 packs them close together (0)",
    )  # fmt: skip
    layout.add_argument(
        "--power-of-two", action="store_true", help="make both sides of the sheet powers of two"
    )
    layout.add_argument(
        "--max-size", type=int, default=Layout.max_size, metavar="N",
        help=f"longest side that the sheet may have ({Layout.max_size})",
    )  # fmt: skip
    return parser


def run(args: argparse.Namespace) -> int:
    """Check the places, lay the drawings out, and write the sheet and its table."""
    from ..cut.results.sprites import with_nothing
    from ..pictures.sprites.encode import encode_sheet
    from ..pictures.sprites.lay_out import lay_out
    from ..pictures.sprites.tables import table
    from ..pictures.sprites.timing import Timing

    output = Path(args.output)
    check_ending(output.suffix)
    layout = Layout(
        trim=args.trim, padding=args.padding, columns=args.columns,
        power_of_two=args.power_of_two, max_size=args.max_size,
    )  # fmt: skip
    layout.check()
    film = _film(args)
    places = [
        Place(option="-o", at=output),
        Place(option="The table of -o", at=_table_path(output)),
    ]
    given = [*args.drawings, *film.files, *([args.sheet] if args.sheet else [])]
    check_places(places, given, args.overwrite)
    fps = FPS if film.fps is None else film.fps
    first = _levels(film.files[0])
    names, shown, clear = with_nothing([path.name for path in film.files], film.shown, first)
    timing = Timing(shown=shown, fps=fps if args.fps is None else args.fps, is_loop=args.loop)
    timing.check()
    pictures = _read(film.files, first, [] if clear is None else [clear])
    sheet = lay_out(zip(names, pictures, strict=True), layout)
    content = encode_sheet(sheet.pixels, output.suffix)
    text = table(sheet, timing, args.json, output.name)
    write_together([(output, content), (_table_path(output), text.encode())])
    height, width = sheet.pixels.shape[:2]
    print(
        f"{output}: {width}x{height}, {counted(len(sheet.sprites), 'drawing')}, "
        f"{counted(len(shown), 'frame')}"
    )
    print(_table_path(output))
    return 0


def _table_path(output: Path) -> Path:
    return output.with_suffix(".json")


def _film(args: argparse.Namespace) -> "Film":
    """The drawings, and which of them each frame shows."""
    from ..cut.results.sprites import Film, film_by_sheet, film_of_cut, is_cut_folder
    from ..cut.sheets.files import read_sheet
    from ..pictures.films import all_pictures

    given = [Path(path) for path in args.drawings]
    if args.cel and not args.sheet:
        raise CutError("--cel chooses a column of a sheet: name the sheet, too, with --sheet.")
    if len(given) == 1 and is_cut_folder(given[0]) and not args.sheet:
        return film_of_cut(given[0])
    files: list[Path] = []
    for path in given:
        found = all_pictures(path) if path.is_dir() else [path]
        if not found:
            raise CutError(f"The folder '{path}' has no pictures: put the drawings into it.")
        files += found
    if args.sheet:
        return film_by_sheet(files, read_sheet(args.sheet), args.cel)
    return Film(files, range(len(files)))


def _read(
    files: Sequence[Path], first: "np.ndarray", more: "Sequence[np.ndarray]"
) -> "Iterator[np.ndarray]":
    """Every drawing, one after the other; the first one is there already."""
    yield first
    for path in files[1:]:
        yield _levels(path)
    yield from more


def _levels(path: Path) -> "np.ndarray":
    """A drawing as ``h w c`` of 256 levels."""
    import numpy as np

    from ..pictures.levels import MOST
    from ..pictures.stills import read_unit

    return np.rint(read_unit(path) * MOST).astype(np.uint8)
