"""The tables of a sprite sheet's places as JSON, in the forms that game engines read.

Aseprite's form has an entry for every time that a drawing is shown, with its duration, and a tag
for the film. TexturePacker's has each drawing once, and the film as a list of names, one a frame.
Both come as a list of entries or as a table by name.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import Any

from ...errors import check_choice
from .timing import Timing
from .values import Box, Sprite, SpriteSheet

APP, VERSION = "ToonCrafter for ComfyUI", "1.0"
"""Who has made it, and the version of these tables; engines ask for both."""
BLACK = "#000000ff"
"""The colour of a tag where Aseprite shows it."""

Json = dict[str, Any]


def table(sheet: SpriteSheet, timing: Timing, form: str, image: str) -> str:
    """The text of a table; ``image`` is the file of the sheet, without a folder.

    ``ToonCrafterError`` for a form that is none of ``FORMS``, or a rate that cannot be written.
    """
    check_choice("The form of JSON", form, FORMS)
    timing.check()
    entries, extra, meta = _WRITERS[form.partition("-")[0]](sheet, timing, PurePath(image).stem)
    names = unique([entry["filename"] for entry in entries])
    frames: Any = [{**entry, "filename": name} for name, entry in zip(names, entries, strict=True)]
    if form.endswith("-hash"):
        frames = {entry.pop("filename"): entry for entry in frames}
    height, width = sheet.pixels.shape[:2]
    about = {
        "app": APP, "version": VERSION, "image": image, "format": "RGBA8888",
        "size": {"w": width, "h": height}, "scale": "1", **meta,
    }  # fmt: skip
    # ASCII alone: some engines read files in an encoding of their own.
    return json.dumps({"frames": frames, **extra, "meta": about}, indent=1) + "\n"


def unique(names: Sequence[str]) -> list[str]:
    """The same names with a number where one came before: ``A.png``, ``A_2.png``."""
    taken, found = set(names), set[str]()
    result: list[str] = []
    for name in names:
        number, free = 1, name
        while free in found or (number > 1 and free in taken):
            number += 1
            path = PurePath(name)
            free = f"{name.removesuffix(path.suffix)}_{number}{path.suffix}"
        found.add(free)
        result.append(free)
    return result


def _aseprite(sheet: SpriteSheet, timing: Timing, name: str) -> tuple[list[Json], Json, Json]:
    entries = [
        {**_entry(sheet, sheet.sprites[number]), "duration": duration}
        for number, duration in timing.exposures()
    ]
    tag: Json = {
        "name": name, "from": 0, "to": len(entries) - 1, "direction": "forward", "color": BLACK,
    }  # fmt: skip
    if not timing.is_loop:
        # A tag without this plays for ever.
        tag["repeat"] = "1"
    return entries, {}, {"frameTags": [tag], "layers": [], "slices": []}


def _texture_packer(sheet: SpriteSheet, timing: Timing, name: str) -> tuple[list[Json], Json, Json]:
    entries = [_entry(sheet, sprite) for sprite in sheet.sprites]
    names = unique([sprite.name for sprite in sheet.sprites])
    film = {name: [names[number] for number in timing.shown]}
    return entries, {"animations": film}, {"fps": timing.fps, "loop": timing.is_loop}


_WRITERS: dict[str, Callable[[SpriteSheet, Timing, str], tuple[list[Json], Json, Json]]] = {
    "aseprite": _aseprite,
    "texturepacker": _texture_packer,
}
"""Each gives the entries, what stands next to them, and what the table says of itself."""
FORMS = tuple(f"{kind}-{shape}" for kind in _WRITERS for shape in ("array", "hash"))


def _entry(sheet: SpriteSheet, sprite: Sprite) -> Json:
    """Where a drawing lies, and where in the whole drawing that was."""
    width, height = sprite.size
    return {
        "filename": sprite.name,
        "frame": _box(sheet.place(sprite)),
        "rotated": False,
        "trimmed": sprite.is_trimmed,
        "spriteSourceSize": _box(sprite.crop),
        "sourceSize": {"w": width, "h": height},
    }


def _box(box: Box) -> dict[str, int]:
    return {"x": box.x, "y": box.y, "w": box.width, "h": box.height}
