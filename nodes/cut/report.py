"""What 'ToonCrafter Cut' says of a cut, as text."""

from collections.abc import Mapping, Sequence

from ...tooncrafter_core.cut.plan import CutPlan
from ...tooncrafter_core.cut.values import Cut, Drawing
from ...tooncrafter_core.errors import counted


def report_of(
    cut: Cut, plan: CutPlan, names: Mapping[Drawing, str], seed: int, notes: Sequence[str]
) -> str:
    """The cut in one line, every segment, the name of every drawing, and what should be known."""
    drawings = plan.drawings
    keys = sum(drawing.key is not None for drawing in drawings)
    lines = [
        f"{counted(len(plan.sheet.frames), 'frame')} of {counted(len(drawings), 'drawing')}: "
        f"{counted(keys, 'key')} and {counted(len(drawings) - keys, 'in-between')}, in "
        f"{counted(len(cut.segments), 'segment')}",
        *notes,
    ]
    drawn = {clip.segment for clip in plan.clips}
    for index, segment in enumerate(cut.segments):
        first, last = (key.name for key in cut.ends(index))
        line = f"segment {index + 1}: '{first}' to '{last}'"
        if index in drawn:
            own = seed if segment.seed is None else segment.seed
            line += f", {len(segment.frames)} in-betweens, seed {own}"
            line += f", {segment.prompt}" if segment.prompt else ""
        lines.append(line if index in drawn else f"{line}, nothing is drawn")
    for drawing in drawings:
        if drawing.moment is None or drawing.segment is None:
            lines.append(f"{names[drawing]}: key")
        else:
            place = float(drawing.moment.position)
            lines.append(f"{names[drawing]}: segment {drawing.segment + 1}, at {place:.1%}")
    return "\n".join(lines)
