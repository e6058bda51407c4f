"""Reads the texts that people write: captions, lists, settings, notes. One way for all of them.

Texts are UTF-8, with or without the mark that Windows' editors put before them. Others are refused
with what to do, as guessing an encoding gives wrong letters without a word.
"""

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import ToonCrafterError

LONGEST_TEXT_FILE = 64 << 20
"""Bytes; larger files are no texts that people write."""

MakeError = Callable[[str], ToonCrafterError]


def read_text(path: str | Path, error: MakeError = ToonCrafterError) -> str:
    """The text of a file without a mark at its beginning, line ends as they are.

    ``error`` makes the exception for a file that is missing, cannot be read, or is no UTF-8.
    """
    return decoded(read_content(path, error), f"'{path}'", error)


def read_content(path: str | Path, error: MakeError = ToonCrafterError) -> bytes:
    """The bytes of a text file, for texts that may be in other encodings; errors as above."""
    path = Path(path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise error(f"'{path}' is no ordinary file. Name a text file.")
        with path.open("rb") as file:
            content = file.read(LONGEST_TEXT_FILE + 1)
    except (FileNotFoundError, NotADirectoryError) as found:
        raise error(f"There is no file '{path}'.") from found
    except (OSError, ValueError) as found:
        if isinstance(found, ToonCrafterError):
            raise
        reason = found.strerror if isinstance(found, OSError) else found
        raise error(f"'{path}' cannot be read ({reason}). Check its permissions.") from found
    if len(content) > LONGEST_TEXT_FILE:
        raise error(f"'{path}' is larger than {LONGEST_TEXT_FILE >> 20} MB, which no text is.")
    return content


def decoded(content: bytes, name: str, error: MakeError = ToonCrafterError) -> str:
    """The text in a file's bytes; see ``read_text``."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as found:
        line = content.count(b"\n", 0, found.start) + 1
        raise error(
            f"{name} is not UTF-8 (line {line}): it was saved in another encoding. Open it in an "
            "editor and save it as UTF-8."
        ) from found
    if "\x00" in text:
        raise error(f"{name} holds no text. If it is UTF-16, save it as UTF-8 in an editor.")
    return text


def read_json_text(path: str | Path, error: MakeError = ToonCrafterError) -> Any:
    """The value in a JSON file; ``error`` as in ``read_text``, and for what is no JSON."""
    return parsed_json(read_text(path, error), f"'{path}'", error)


def parsed_json(text: str, name: str, error: MakeError = ToonCrafterError) -> Any:
    """The value of a JSON text; ``error`` makes the exception for what is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as found:
        reason = "it is nested too deep" if isinstance(found, RecursionError) else str(found)
        raise error(f"{name} cannot be read: it is no JSON ({reason}).") from found
