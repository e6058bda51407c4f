"""What the project's files import, read from their text."""

import ast
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]


def module_name(path: Path) -> list[str]:
    """The dotted name of a file of this project, as parts; a package counts its __init__."""
    return list(path.relative_to(ROOT).with_suffix("").parts)


def imports(path: Path) -> Iterator[list[str]]:
    """Everything a file imports, at its top or inside functions, as absolute dotted parts."""
    return imports_in(path.read_text("utf-8"), module_name(path))


def imports_in(text: str, own: Sequence[str]) -> Iterator[list[str]]:
    """The same of a text, which would be the module of the name ``own``."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = list(own[: -node.level]) if node.level else []
            target = base + (node.module.split(".") if node.module else [])
            yield from ([*target, alias.name] for alias in node.names)


def packages(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """The packages that these statements import; relative imports are our own and left out."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.split(".")[0]


def imported_files(entries: Iterable[Path], left_out: Sequence[Path] = ()) -> set[Path]:
    """These files and all of the project's own that they import, directly or not."""
    found: set[Path] = set()
    waiting = list(entries)
    while waiting:
        path = waiting.pop()
        if path in found or any(path.is_relative_to(folder) for folder in left_out):
            continue
        found.add(path)
        waiting += [file for target in imports(path) if (file := file_of(target))]
    return found


def file_of(target: Sequence[str]) -> Path | None:
    """The file of the project that a dotted name means; None for another's."""
    for length in range(len(target), 0, -1):
        base = ROOT.joinpath(*target[:length])
        for path in (base.with_suffix(".py"), base / "__init__.py"):
            if path.is_file():
                return path
    return None
