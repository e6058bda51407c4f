"""Pages of the site that are made: what a node takes and gives, and a command's options."""

import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

SIGNS = re.compile(r"[\\`*_{}\[\]#|~!]")
"""What Markdown reads as more than a letter, within a line."""


def cell(text: object) -> str:
    """A text in one cell of a table, shown as it is."""
    return SIGNS.sub(r"\\\g<0>", escape(" ".join(str(text).split()), quote=False))


def code(text: object) -> str:
    """A value that people type or choose, in one cell of a table."""
    shown = (
        escape(" ".join(str(text).split()), quote=False)
        .replace("|", "&#124;")
        .replace("`", "&#96;")
    )
    return f"<code>{shown}</code>"


def table(rows: list[tuple[str, ...]]) -> str:
    """A table of cells, its first row the heading."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]])


def inputs_of(node: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Cells of the name, type, values and tooltip of each input of a node."""
    for group in ("required", "optional"):
        for name, entry in node["input"].get(group, {}).items():
            kind, extra = entry[0], entry[1] if len(entry) > 1 else {}
            # Older versions give a list of choices in place of the type.
            choices = kind if isinstance(kind, list) else extra.get("options", [])
            values = ", ".join(map(code, choices)) or range_of(extra)
            if "default" in extra and extra["default"] != "":
                values += f"{'; ' if values else ''}default {code(extra['default'])}"
            typed = "COMBO" if isinstance(kind, list) else str(kind)
            label = extra.get("display_name")
            shown = f"{name} ({label})" if label and label != name else name
            needed = "" if group == "required" else " (optional)"
            yield cell(shown + needed), cell(typed), values, cell(extra.get("tooltip", ""))


def range_of(extra: Mapping[str, Any]) -> str:
    """From where to where a number goes."""
    return f"{extra['min']} to {extra['max']}" if {"min", "max"} <= extra.keys() else ""


def node_page(text: str, node: Mapping[str, Any]) -> str:
    """The help page of a node with a table of all it takes and gives."""
    tips = node.get("output_tooltips") or [""] * len(node["output"])
    outputs = zip(node["output_name"], node["output"], tips, strict=True)
    parts = [text.rstrip(), "## All inputs"]
    parts.append(table([("input", "type", "values", "what it is"), *inputs_of(node)]))
    parts.append("## All outputs")
    rows = [(cell(name), cell(kind), cell(tip or "")) for name, kind, tip in outputs]
    parts.append(table([("output", "type", "what it is"), *rows]) if rows else "None.")
    parts.append(f"In the menu under *{node['category']}*.")
    return "\n\n".join(parts) + "\n"


def command_pages(helps: Mapping[str, str]) -> dict[str, str]:
    """A page for each command, with those below it; by name."""
    programs = list(helps)
    root = programs[0]
    pages: dict[str, list[str]] = {}
    for program, text in helps.items():
        words = program.removeprefix(root).split()
        name = words[0] if words else "tooncrafter"
        level = "#" * max(1, len(words))
        title = " ".join(["tooncrafter", *words])
        pages.setdefault(name, []).append(f"{level} {title}\n\n```text\n{text.rstrip()}\n```\n")
    return {name: "\n".join(parts) for name, parts in pages.items()}
