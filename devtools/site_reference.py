"""Pages of the site that are made: what a node takes and gives, and a command's options."""

from collections.abc import Iterator, Mapping
from typing import Any


def cell(text: object) -> str:
    """A text in one cell of a table."""
    return str(text).replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def table(rows: list[tuple[str, ...]]) -> str:
    """A table, its first row the heading."""
    lines = ["| " + " | ".join(map(cell, row)) + " |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]])


def inputs_of(node: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Name, type, values and tooltip of each input of a node."""
    for group in ("required", "optional"):
        for name, entry in node["input"].get(group, {}).items():
            kind, extra = entry[0], entry[1] if len(entry) > 1 else {}
            # Older versions give a list of choices in place of the type.
            choices = kind if isinstance(kind, list) else extra.get("options", [])
            values = ", ".join(map(str, choices)) or range_of(extra)
            if "default" in extra and extra["default"] != "":
                values += f"{'; ' if values else ''}default {extra['default']}"
            typed = "COMBO" if isinstance(kind, list) else str(kind)
            label = extra.get("display_name")
            shown = f"{name} ({label})" if label and label != name else name
            needed = "" if group == "required" else " (optional)"
            yield shown + needed, typed, values, extra.get("tooltip", "")


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
    rows = [(str(name), str(kind), tip or "") for name, kind, tip in outputs]
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
