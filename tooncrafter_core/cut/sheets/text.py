"""The text of a sheet's file, of which single words are replaced and every other byte is kept."""

import codecs
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ...errors import SheetError
from ...files.texts import read_content

_ENCODINGS = ("utf-8", "cp932")
"""The second is Shift_JIS as Windows writes it."""


@dataclass(frozen=True, kw_only=True)
class SheetText:
    """What a file says, and how it is written."""

    name: str
    """Of the file, for messages."""
    raw: bytes
    text: str
    """Without a byte order mark."""
    encoding: str

    def replaced(self, edits: Iterable[tuple[int, int, str]]) -> bytes:
        """The file with these parts of its text, from and to, replaced by others.

        ``SheetError`` for a name that the file's encoding has no letters for.
        """
        pieces, done = [], 0
        start = len(self.raw) - len(self.text.encode(self.encoding))
        at, offset = 0, start
        for begin, end, new in sorted(edits):
            offset += len(self.text[at:begin].encode(self.encoding))
            pieces += [self.raw[done:offset], self._encoded(new)]
            offset += len(self.text[begin:end].encode(self.encoding))
            done, at = offset, end
        return b"".join([*pieces, self.raw[done:]])

    def _encoded(self, new: str) -> bytes:
        try:
            return new.encode(self.encoding)
        except UnicodeEncodeError as error:
            raise SheetError(
                f"'{self.name}' cannot hold the name {new}, which its encoding has no letters for: "
                "choose another name, or save the sheet as UTF-8."
            ) from error


def read_sheet_text(path: str | Path) -> SheetText:
    """Read a file in UTF-8, with or without a mark, or in Shift_JIS; ``SheetError`` for others."""
    return sheet_text(read_content(path, SheetError), Path(path).name)


def sheet_text(raw: bytes, name: str) -> SheetText:
    """The text of a file's bytes."""
    content = raw.removeprefix(codecs.BOM_UTF8)
    for encoding in _ENCODINGS:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text or len(text.encode(encoding)) != len(content):
            continue
        return SheetText(name=name, raw=raw, text=text, encoding=encoding)
    raise SheetError(
        f"'{name}' is no exposure sheet: it is text neither in UTF-8 nor in Shift_JIS."
    )
