"""Exposure sheets for tests, as programs write them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tooncrafter_core.cut.sheets.columns import ExposureSheet
from tooncrafter_core.cut.sheets.files import sheet_of
from tooncrafter_core.cut.sheets.text import sheet_text

LINE = "exchangeDigitalTimeSheet Save Data"
CIRCLE, DOT, NOTHING, GOES_ON = (
    "SYMBOL_TICK_1", "SYMBOL_TICK_2", "SYMBOL_NULL_CELL", "SYMBOL_HYPHEN",
)  # fmt: skip

THREE_KEYS = {0: "1", 2: CIRCLE, 4: CIRCLE, 6: CIRCLE, 8: "2", 14: CIRCLE, 17: CIRCLE, 20: "3",
              24: NOTHING}  # fmt: skip
CYCLE = {0: "1", 1: CIRCLE, 2: CIRCLE, 3: "2", 4: CIRCLE, 5: CIRCLE, 6: "3", 7: CIRCLE, 8: CIRCLE,
         9: "1"}  # fmt: skip


def track(number: int, cells: Mapping[int, Any]) -> dict[str, Any]:
    """A column of an XDTS file."""
    return {
        "trackNo": number,
        "frames": [
            {"frame": frame, "data": [{"id": 0, "values": [value]}]}
            for frame, value in cells.items()
        ],
    }


def document(
    cels: Sequence[tuple[str, Mapping[int, Any]]], length: int, version: Any = 5, **table: Any
) -> dict[str, Any]:
    """What an XDTS file holds, with a dialogue and a camera that are not ours to change."""
    tracks = [track(i, cells) for i, (_, cells) in enumerate(cels)]
    return {
        "version": version,
        "header": {"cut": "C012", "scene": "3"},
        "timeTables": [
            {
                "name": "タイムライン1",
                "duration": length,
                "timeTableHeaders": [
                    {"fieldId": 0, "names": [name for name, _ in cels]},
                    {"fieldId": 3, "names": ["S1"]},
                    {"fieldId": 5, "names": ["CAM"]},
                ],
                "fields": [
                    {"fieldId": 0, "tracks": tracks},
                    {"fieldId": 3, "tracks": [track(0, {0: "ミサ", 6: NOTHING})]},
                    {"fieldId": 5, "tracks": [track(0, {0: CIRCLE, 11: NOTHING})]},
                ],
                **table,
            }
        ],
        "unknown": {"kept": [True, None, 1.50, {"deep": "文字"}]},
    }


def xdts_bytes(data: Any, **dumps: Any) -> bytes:
    """An XDTS file that holds this."""
    return f"{LINE}\n{json.dumps(data, ensure_ascii=False, **dumps)}".encode()


def xdts(
    *cels: tuple[str, Mapping[int, Any]], length: int = 24, version: Any = 5, **table: Any
) -> ExposureSheet:
    """A sheet of these cels that was read from its bytes."""
    return sheet_from(xdts_bytes(document(cels, length, version, **table)))


def sheet_from(raw: bytes, name: str = "scene.xdts") -> ExposureSheet:
    """The sheet that a file of these bytes holds."""
    return sheet_of(sheet_text(raw, name))


def csv_bytes(rows: Sequence[Sequence[str]], encoding: str = "utf-8-sig") -> bytes:
    """A CSV file as Clip Studio writes it."""
    lines = (",".join(f'"{cell}"' for cell in row) + "\r\n" for row in rows)
    return "".join(lines).encode(encoding)
