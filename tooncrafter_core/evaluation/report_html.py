"""Writes the results as files: tables as CSV and Markdown, and one page that holds everything.

Legend: t frames, c channels (3), h w space.
"""

import base64
import html
import io
import json
from collections.abc import Sequence
from pathlib import Path
from string import Template

import numpy as np
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from ..errors import EvaluationError
from ..files import write_text
from ..pictures.levels import to_levels
from .clip_files import read_clip
from .methods.making import TRUTH, frames_folder
from .results import Results
from .tables import Table, make_tables, psnr_by_frame

STRIP_COLUMNS = 4
PAGES = Path(__file__).parent / "pages"


def write_reports(
    results: Results, folder: Path, num_shown: int = 6, quality: int = 85
) -> list[Path]:
    """Write every table and the page into the results' folder, and give their paths.

    ``num_shown`` clips, spread over all, can be played in the page. ``EvaluationError`` when the
    frames are not there any more.
    """
    tables = make_tables(results)
    written = []
    for table in tables:
        path = folder / f"{table.name}.csv"
        write_text(path, table.to_csv())
        written.append(path)
    markdown = folder / "tables.md"
    write_text(markdown, "\n".join(t.to_markdown() for t in tables))
    page = folder / "report.html"
    shown = spread(list(results.clips), num_shown)
    write_text(page, report_page(results, tables, shown, folder, quality))
    return [*written, markdown, page]


def spread(names: Sequence[str], number: int) -> list[str]:
    """Some of the names, at equal steps."""
    if number <= 0:
        return []
    step = max(1.0, len(names) / number)
    return [names[int(index * step)] for index in range(min(number, len(names)))]


def report_page(
    results: Results, tables: Sequence[Table], shown: Sequence[str], folder: Path, quality: int
) -> str:
    """The page as text, with nothing outside it."""
    data = {
        "truth": TRUTH,
        "frames": results.num_frames,
        "width": results.width,
        "height": results.height,
        "columns": STRIP_COLUMNS,
        "psnr": psnr_by_frame(results).rows,
        "clips": [_clip_data(results, name, folder, quality) for name in shown],
    }
    title = "Reconstruction" if results.kind == "reconstruct" else "Comparison"
    template = Template((PAGES / "report.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=f"{title} of {len(results.methods) - 1} methods on {len(results.clips)} clips",
        intro="Numbers measured here, with the weights named below each table. They are not to be "
        "compared with those of the paper.",
        tables="\n".join(_table_html(table) for table in tables),
        data=embedded_json(data),
    )


def embedded_json(data: object) -> str:
    """JSON that may stand inside a script element whatever it holds."""
    return json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")


def _clip_data(results: Results, clip: str, folder: Path, quality: int) -> dict[str, object]:
    strips, scores = {}, {}
    for method in results.methods:
        frames = made_frames(folder, method, clip, results.num_frames)
        encoded = base64.b64encode(encode_strip(frames, quality)).decode()
        strips[method] = f"data:image/webp;base64,{encoded}"
        scores[method] = scores_text(results, method, clip)
    return {"name": clip, "strips": strips, "scores": scores}


def scores_text(results: Results, method: str, clip: str) -> str:
    """Every metric of one clip in a line; nothing for the true frames."""
    values = [(info, results.of_clip(method, clip, info.key)) for info in results.metrics]
    return ", ".join(
        f"{info.title} {value:.{info.decimals}f}"
        for info, value in values
        if value is not None and method != TRUTH
    )


def made_frames(folder: Path, method: str, clip: str, num_frames: int) -> Tensor:
    """The kept frames of a method, ``t 3 h w`` in [-1, 1]; ``EvaluationError`` if they are gone."""
    place = frames_folder(folder, method, clip)
    if not place.is_dir():
        raise EvaluationError(
            f"The frames of '{method}' for '{clip}' are not in '{folder}' any more; run the "
            "comparison again."
        )
    return read_clip(place, num_frames)


def encode_strip(frames: Tensor, quality: int) -> bytes:
    """All frames of ``t 3 h w`` as one WebP picture, four in a row."""
    from PIL import Image

    missing = -frames.shape[0] % STRIP_COLUMNS
    frames = F.pad(frames, (0, 0, 0, 0, 0, 0, 0, missing), value=-1)
    sheet = rearrange(frames, "(r n) c h w -> (r h) (n w) c", n=STRIP_COLUMNS)
    levels = to_levels(sheet).numpy()
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(levels)).save(buffer, "WEBP", quality=quality, method=4)
    return buffer.getvalue()


def _table_html(table: Table) -> str:
    best = [table.best(index) for index in range(len(table.columns))]
    head = "".join(f"<th>{html.escape(c.heading)}</th>" for c in table.columns)
    body = []
    for method in table.rows:
        cells = "".join(
            f'<td class="best">{table.text(method, i)}</td>'
            if method in best[i]
            else f"<td>{table.text(method, i)}</td>"
            for i in range(len(table.columns))
        )
        body.append(f"<tr><td>{html.escape(method)}</td>{cells}</tr>")
    notes = "".join(f"<li>{html.escape(note)}</li>" for note in table.notes)
    return (
        f"<h2>{html.escape(table.title)}</h2>\n<table><tr><th>method</th>{head}</tr>\n"
        + "\n".join(body)
        + f'</table>\n<ul class="notes">{notes}</ul>'
    )
