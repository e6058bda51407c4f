"""Places of keys in a clip, as people write them."""

import re

from ....tooncrafter_core.errors import KeyframeError

ENDS = "1, -1"


def read_places(text: str, count: int, *, least: int, what: str) -> tuple[int, ...]:
    """The frame of each key from 0, those from the end below 0; ``KeyframeError`` in words.

    ``count`` is how many keys there are, ``least`` how many are needed, and ``what`` begins the
    sentence that says so.
    """
    parts = [part for part in re.split(r"[\s,;]+", text) if part]
    wrong = [part for part in parts if not re.fullmatch(r"[-+]?\d{1,6}", part) or int(part) == 0]
    if wrong:
        raise KeyframeError(
            f"places has '{wrong[0]}', which is no frame: write numbers such as 1, 8, -1; the "
            "first frame is 1, the last is -1."
        )
    if count < least or len(parts) != count:
        raise KeyframeError(
            f"{what} {least} or more keys, each with its frame: there are {count} keys and "
            f"{len(parts)} places. Write a frame for each key; 'Batch Images' joins keys."
        )
    numbers = [int(part) for part in parts]
    return tuple(number - 1 if number > 0 else number for number in numbers)
