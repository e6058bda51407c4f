"""A sheet with the best, the median and the worst clip of a method, and other methods' frames.

Legend: t frames, c channels (3), h w space.
"""

from collections.abc import Sequence
from pathlib import Path

from ..errors import EvaluationError
from ..pictures.sheets import SheetRow, draw_sheet
from ..pictures.write import write_video
from .methods.making import TRUTH, folder_name
from .methods.peers import CrossFade
from .methods.rife import RIFE
from .report_html import made_frames, scores_text
from .results import Results

RANKED_BY = "lpips"
COMPARED = (CrossFade.name, RIFE)
"""Methods that are shown below it, if they were compared."""


def write_clip_sheet(results: Results, folder: Path, method: str) -> Path:
    """Write ``sheet_METHOD.png`` into the results' folder: true frames, the method's, others'.

    Clips are ranked by the LPIPS of the method. ``EvaluationError`` when it was not measured, or
    the frames are not there any more.
    """
    ranked = rank_clips(results, method)
    chosen = chosen_clips(ranked)
    shown = [TRUTH, method, *(name for name in COMPARED if name in results.methods)]
    rows = [
        SheetRow(
            f"{name}   {scores_text(results, name, clip)}".strip(),
            made_frames(folder, name, clip, results.num_frames),
        )
        for clip in chosen.values()
        for name in shown
    ]
    heading = [
        f"{method}: {', '.join(chosen)} of {len(ranked)} clips by LPIPS. "
        f"{results.num_frames} frames of {results.width}x{results.height}; figures are averages "
        "over the frames "
        + ("between the keyframes." if results.scored == "between" else "of a clip."),
        results.methods[method],
    ]
    groups = [f"{place}: {clip}" for place, clip in chosen.items()]
    path = folder / f"sheet_{folder_name(method)}.png"
    return write_video(draw_sheet(rows, heading, groups), path, overwrite=True)


def rank_clips(results: Results, method: str) -> list[str]:
    """The clips from the lowest LPIPS of a method to the highest; the better first."""
    values = {clip: results.of_clip(method, clip, RANKED_BY) for clip in results.clips}
    known = {clip: value for clip, value in values.items() if value is not None}
    if len(known) < len(values) or not known:
        raise EvaluationError(
            f"The sheet of '{method}' ranks clips by LPIPS, which was not measured."
        )
    return sorted(known, key=lambda clip: known[clip])


def chosen_clips(ranked: Sequence[str]) -> dict[str, str]:
    """Of ranked clips the best, the median and the worst; fewer when there are fewer."""
    last = len(ranked) - 1
    places = {"best": 0, "median": last // 2, "worst": last}
    seen: set[int] = set()
    return {
        name: ranked[place]
        for name, place in places.items()
        if not (place in seen or seen.add(place))
    }
