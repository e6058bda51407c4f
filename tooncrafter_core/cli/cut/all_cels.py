"""``--cel all``: every cel of a sheet that has circles, each as a cut in a folder of its own."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import CutError, OutputError, SheetError
from .options import check_folder
from .prepared import PreparedCut, prepare
from .request import Request, read_request

if TYPE_CHECKING:
    from ...cut.results.finished import Finished
    from ...cut.sheets.columns import ExposureSheet
    from ...interpolation.session import Session

ALL = "all"

DrawAndWrite = Callable[[PreparedCut, "Session", bool], "Finished"]


def asks_for_all(args: argparse.Namespace) -> bool:
    """Whether every cel is asked for; a cel that has that name is meant where there is one."""
    from ...cut.sheets.files import read_sheet

    request = read_request(args)
    if request.cel != ALL or request.sheet is None:
        return False
    return all(column.name != ALL for column in read_sheet(request.sheet).columns)


def run_all(args: argparse.Namespace, draw_and_write: DrawAndWrite) -> int:
    """Check all cels before the first is drawn, draw each, and fill the sheet of all."""
    from ...cut.names import LEVEL, folder_names
    from ...cut.output import write_cels
    from ...cut.sheets.files import read_sheet
    from ...cut.store import alone_in
    from ...interpolation.session import Session

    request = read_request(args)
    sheet = read_sheet(str(request.sheet))
    columns = _columns(args, request, sheet)
    root = _root(args, [Path(str(request.sheet)), *map(Path, request.keys)])
    levels = [sheet.columns[column].name or LEVEL for column in columns]
    folders = folder_names(levels)
    cuts = {
        name: prepare(_of_cel(args, column, root / name))
        for column, name in zip(columns, folders, strict=True)
    }
    session = Session(cuts[folders[0]].weights)
    with alone_in(root):
        finished: dict[str, Finished] = {}
        for name, cut in cuts.items():
            print(f"cel '{cut.timed.level}':")
            finished[name] = draw_and_write(cut, session, args.quiet)
        write_cels(root, finished)
    print(f"{root}: {len(cuts)} cels, each in a folder, and the sheet with all of their drawings")
    return 0


def _columns(args: argparse.Namespace, request: Request, sheet: "ExposureSheet") -> list[int]:
    """The columns with circles; ``CutError`` for what is said of the segments of one cel."""
    from ...cut.sheets.columns import no_circle, with_in_betweens

    columns = with_in_betweens(sheet)
    if not columns:
        raise SheetError(no_circle(f"'{sheet.name}'"))
    of_one = {
        "--redo": args.redo is not None,
        "--sketch": bool(request.sketches),
        "--take": bool(request.takes),
        "'segments' of the cut file": bool(request.segments),
    }
    for name, is_given in of_one.items():
        if is_given and len(columns) > 1:
            raise CutError(
                f"{name} is for segments of one cel, and --cel all draws {len(columns)}: name the "
                "cel, with its own folder for -o."
            )
    return columns


def _root(args: argparse.Namespace, inputs: list[Path]) -> Path:
    """The folder that gets a folder for each cel; ``OutputError`` for one that has a single cut."""
    from ...cut.output import DRAWINGS

    root = check_folder(args, [*inputs, *([args.file] if args.file else [])])
    if (root / DRAWINGS).exists():
        raise OutputError(
            f"The folder '{root}' holds the cut of one cel: name another folder for all of them."
        )
    return root


def _of_cel(args: argparse.Namespace, column: int, folder: Path) -> argparse.Namespace:
    """The options for one column."""
    return argparse.Namespace(**{**vars(args), "cel": f"#{column + 1}", "output": str(folder)})
