"""Where in a JSON text its strings are, so that one can be replaced and all else kept."""

import re
from collections.abc import Iterator

Path = tuple[str | int, ...]
"""Keys and indices from the outermost value to an inner one."""

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


def string_places(text: str, data: object) -> dict[Path, tuple[int, int]]:
    """By path, where each string that is a value begins and ends, quotation marks included.

    ``data`` is what the text holds. ``ValueError`` where a name stands twice in one object, as
    strings are then more than values.
    """
    places = [match.span() for match in _STRING.finditer(text)]
    paths = list(_strings(data, ()))
    if len(places) != len(paths):
        raise ValueError("an object has the same name twice")
    return {path: place for path, place in zip(paths, places, strict=True) if path is not None}


def _strings(value: object, path: Path) -> Iterator[Path | None]:
    """Of every string in the order of the text its path; None for a name in an object."""
    if isinstance(value, str):
        yield path
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _strings(inner, (*path, index))
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield None
            yield from _strings(inner, (*path, key))
