"""The sketches of a cut in ComfyUI: which moment of which segment each picture is for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from ....tooncrafter_core.cut.moments import moment_in_half
from ....tooncrafter_core.cut.plan import Clip
from ....tooncrafter_core.cut.values import Cut, PlacedSketch, with_sketches
from ....tooncrafter_core.errors import SketchError, counted
from ....tooncrafter_core.sketches.hints import to_hint
from ...bridge.control import require_fitting_control
from ...bridge.images import to_pixels
from ..job import digest_of_image

_PLACE = re.compile(r"(\d{1,6})\s*[:：]\s*(\d{1,6})")
_SEPARATORS = re.compile(r"[,;，、；\n]")


@dataclass(frozen=True, eq=False)
class CutSketches:
    """Pictures with lines, each with its segment and moment."""

    pictures: Mapping[str, Tensor] = field(default_factory=dict)
    """By what they are hashed to, each an IMAGE 1 h w c."""
    places: tuple[tuple[int, PlacedSketch], ...] = ()
    """By the number of the segment, from 1; in place of a file stands the hash of the picture."""
    warnings: tuple[str, ...] = ()

    def put_in(self, cut: Cut) -> Cut:
        """The cut with them; ``CutError`` for segments and moments that are not there."""
        for segment, sketch in self.places:
            cut = with_sketches(cut, segment, (sketch,))
        return cut


def read_sketches(sketches: Tensor | None, places: str) -> CutSketches:
    """Sketches with their places such as ``2:8``; ``SketchError`` for what cannot be.

    Every picture is looked at here: one without lines is refused before anything is drawn.
    """
    numbers = parse_places(places)
    if sketches is None:
        if numbers:
            segment, moment = numbers[0]
            raise SketchError(
                f"sketch_places names {segment}:{moment}, and no sketch is connected: connect "
                "sketches, or leave sketch_places empty."
            )
        return CutSketches()
    if len(numbers) != len(sketches):
        raise SketchError(
            f"There {'is' if len(sketches) == 1 else 'are'} "
            f"{counted(len(sketches), 'sketch', 'sketches')} and "
            f"{counted(len(numbers), 'place')}: write one for each in "
            "sketch_places, such as 2:8 for moment 8 of segment 2."
        )
    found = to_hint(to_pixels(sketches))
    single = [sketches[number : number + 1] for number in range(len(sketches))]
    hashes = [digest_of_image(picture) for picture in single]
    return CutSketches(
        pictures=dict(zip(hashes, single, strict=True)),
        places=tuple(
            (segment, PlacedSketch(moment=moment - 1, picture=Path(known)))
            for (segment, moment), known in zip(numbers, hashes, strict=True)
        ),
        warnings=found.warnings,
    )


def parse_places(text: str) -> list[tuple[int, int]]:
    """``2:8, 3:4`` as numbers of segments and moments, both from 1; ``SketchError`` in words."""
    parts = [part.strip() for part in _SEPARATORS.split(text) if part.strip()]
    for part in parts:
        if _PLACE.fullmatch(part) is None:
            raise SketchError(
                f"'{part}' is no place of a sketch: write segment and moment, such as 2:8 for "
                "moment 8 of segment 2, with commas between them."
            )
    return [(int(match[1]), int(match[2])) for match in map(_PLACE.fullmatch, parts) if match]


def sketches_of(cut: Cut, clip: Clip) -> list[tuple[int, str]]:
    """The moment of a clip, from 0, and the hash of each sketch that it follows."""
    return [
        (moment, str(sketch.picture))
        for sketch in cut.segments[clip.segment].sketches
        if (moment := moment_in_half(sketch.moment, clip.half)) is not None
    ]


def check_control(control_net: Any, model: Any) -> None:
    """Refuse, before anything is drawn, sketches without the network that reads them."""
    if control_net is None:
        raise SketchError(
            "Sketches need the sketch encoder: connect control_net to 'Load ToonCrafter Sketch "
            "Encoder'."
        )
    require_fitting_control(control_net, model)
