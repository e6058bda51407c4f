"""``--colour-lock`` of ``interpolate``: the option, and the file that says what was done."""

from pathlib import Path
from typing import TYPE_CHECKING

from ...files import Place, write_json
from .. import Options
from ..interpolate_outputs import Outputs

if TYPE_CHECKING:
    from ...pictures.colour.report import LockReport

ENDING = ".colours.json"


def add_colour_option(group: Options) -> None:
    """Whether colours are brought back to those of the keys."""
    group.add_argument(
        "--colour-lock",
        action="store_true",
        help="keep the colours those of the keys: drift of brightness and colour is taken back, "
        "flashes of single frames, too, and the keys stand in their places to the level",
    )


def report_path(outputs: Outputs) -> Path:
    """Where the report goes: next to the first result, under its name."""
    result = Path(outputs.video or outputs.frames_dir or str(outputs.sheet))
    stem = result.name if result.is_dir() else result.stem
    return result.parent / f"{stem}{ENDING}"


def report_places(outputs: Outputs) -> list[Place]:
    """The report among the places that are checked before anything is drawn."""
    return [Place(option="--colour-lock", at=report_path(outputs))]


def write_report(outputs: Outputs, report: "LockReport") -> Path:
    """Write what was found and done, and return the path."""
    path = report_path(outputs)
    write_json(path, report.as_plain())
    return path
