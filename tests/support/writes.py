"""Finds what goes around ``tooncrafter_core/files``.

Writes, where a kill leaves halves, and removals, which take what the program did not make.
"""

import ast
from collections.abc import Iterator, Mapping

ALLOWED = {
    # What it opens is a part that its caller has opened.
    "tooncrafter_core/pictures/encode.py: av.open",
    # The project's own classes, which write through the one writer.
    "tooncrafter_core/evaluation/compare.py: results.save",
    "tooncrafter_core/training/loop/loop.py: self.checkpoints.save",
    # A file for a moment in a folder of its own, which the host reads at once.
    "nodes/bridge/encoders/image.py: path.write_text",
}
"""Writes that may stay, by file and call."""
WRITERS = {"write_text", "write_bytes", "save", "savez", "savez_compressed", "save_file",
           "imwrite", "copyfile", "copyfileobj", "copy2", "copytree", "touch"}  # fmt: skip
OF_SHUTIL = {"copy", "make_archive", "unpack_archive"}
"""Names that write as functions of shutil; those of others, as of a dictionary, do not."""
OWN = {"write_text", "write_bytes"}
"""Names that are also functions of ``tooncrafter_core/files``: bare, they are those."""


REMOVERS = {"rmtree", "unlink", "rmdir", "removedirs", "rename", "renames", "move"}
SYSTEM = {"os", "shutil"}


def raw_removals(texts: Mapping[str, str]) -> list[str]:
    """Where a file of the core or the nodes removes or moves files by its own means."""
    return [
        f"{name}, line {node.lineno}: {ast.unparse(node.func)} removes around files/"
        for name, text in texts.items()
        if not name.startswith("tooncrafter_core/files/")
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and _removes(node)
    ]


def _removes(call: ast.Call) -> bool:
    if isinstance(call.func, ast.Name):
        return call.func.id in REMOVERS
    if not isinstance(call.func, ast.Attribute):
        return False
    name, holder = call.func.attr, call.func.value
    if isinstance(holder, ast.Name) and holder.id in SYSTEM:
        return name in REMOVERS | {"remove", "replace", "truncate"}
    # ``replace`` of a path has one argument, of a text two; of a dataclass it is no attribute.
    arguments = len(call.args) + any(word.arg == "target" for word in call.keywords)
    is_path = name == "replace" and arguments == 1 == len(call.args) + len(call.keywords)
    return name in REMOVERS or is_path


def raw_writes(texts: Mapping[str, str]) -> list[str]:
    """Where a file of the core or the nodes writes by its own means."""
    found = []
    for name, text in texts.items():
        if name.startswith("tooncrafter_core/files/"):
            continue
        tree = ast.parse(text)
        prepared = set(_prepared(tree))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _writes(node) and not prepared & _names(node):
                call = ast.unparse(node.func)
                if f"{name}: {call}" not in ALLOWED:
                    found.append(f"{name}, line {node.lineno}: {call} writes around files/")
    return found


def _writes(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if isinstance(call.func, ast.Name):
        name = "" if call.func.id in OWN else call.func.id
    if name == "open":
        texts = [a.value for a in (*call.args, *(k.value for k in call.keywords))
                 if isinstance(a, ast.Constant) and isinstance(a.value, str)]  # fmt: skip
        return any(set(text) <= set("rwaxbt+") and set(text) & set("wax+") for text in texts)
    holder = call.func.value if isinstance(call.func, ast.Attribute) else None
    is_of_shutil = isinstance(holder, ast.Name) and holder.id == "shutil" and name in OF_SHUTIL
    return (name in WRITERS or is_of_shutil) and bool(call.args or call.keywords)


def _prepared(tree: ast.AST) -> Iterator[str]:
    """Names of parts that the one writer hands out, and of buffers in memory."""
    for node in ast.walk(tree):
        if isinstance(node, ast.withitem) and node.optional_vars is not None:
            if "replacing" in ast.unparse(node.context_expr):
                yield from _names(node.optional_vars)
        elif isinstance(node, ast.Assign) and "BytesIO(" in ast.unparse(node.value):
            for target in node.targets:
                yield from _names(target)


def _names(node: ast.AST) -> set[str]:
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
