"""Candidates of the segments of a cut: which are asked for, and what is said of them."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from .options import check_alone

if TYPE_CHECKING:
    from ...cut.candidates.choose import Choice, Wanted
    from ...cut.drawing import CutDrawing, DrawClip
    from ...cut.plan import CutPlan


def wanted_of(count: int | None, takes: Mapping[int, int], only: int | None) -> "Wanted | None":
    """The candidates that are asked for, by options or the cut file; None is none."""
    from ...cut.candidates.choose import Wanted

    check_alone(count, takes)
    return None if count is None else Wanted(count=count, takes=takes, only=only)


def choose(
    drawing: "CutDrawing",
    plan: "CutPlan",
    wanted: "Wanted",
    draw_clip: "DrawClip",
    say: Callable[[str], None],
) -> "tuple[CutDrawing, list[Choice]]":
    """Draw candidates that are not there yet, say so, and give the drawing with those taken."""
    from ...cut.candidates.choose import choose_seeds

    def on_candidate(segment: int, seed: int, is_there: bool) -> None:
        say(f"segment {segment}, seed {seed}: {state_of(is_there)}")

    chosen, choices = choose_seeds(drawing, plan, wanted, draw_clip, on_candidate)
    for choice in choices:
        for line in choice.as_text().splitlines():
            say(line)
    return chosen, choices


def state_of(is_there: bool) -> str:
    """What happens to a clip that is there, or is not."""
    return "there already" if is_there else "is drawn"
