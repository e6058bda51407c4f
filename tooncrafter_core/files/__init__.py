"""Files: in which order they are read, where results may go, and how they are written whole."""

from .alone import alone_in
from .order import in_order, natural_key
from .parts import remove_abandoned
from .places import Place, check_places, is_numbered_picture
from .removing import remove_file, remove_folder
from .texts import decoded, parsed_json, read_json_text, read_text
from .together import write_together
from .writing import (
    append_lines,
    errors_in_words,
    read_json,
    replacing,
    replacing_folder,
    write_bytes,
    write_json,
    write_text,
)

__all__ = [
    "Place",
    "alone_in",
    "append_lines",
    "check_places",
    "decoded",
    "errors_in_words",
    "in_order",
    "is_numbered_picture",
    "natural_key",
    "parsed_json",
    "read_json",
    "read_json_text",
    "read_text",
    "remove_abandoned",
    "remove_file",
    "remove_folder",
    "replacing",
    "replacing_folder",
    "write_bytes",
    "write_json",
    "write_text",
    "write_together",
]
