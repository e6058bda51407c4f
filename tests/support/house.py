"""The floor plan of the core: which room may import which, and how large rooms and files may be.

Every rule is a function from the files' texts to the sentences that say what breaks it, so that a
test can hand it a house that is wrong on purpose.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping

from support.imports import ROOT, imports_in

CORE = "tooncrafter_core"

Texts = Mapping[str, str]
"""Each file's text by its path from the project's root, with slashes."""

MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "config": set(),
    "layers": set(),
    "files": {"errors"},
    "jobs": {"config", "errors"},
    "diffusion": {"config", "errors"},
    "pictures": {"errors", "files"},
    "models": {"config", "errors", "layers"},
    "conditioning": {"config", "errors", "models"},
    "checkpoints": {"config", "diffusion", "errors", "files", "layers", "models"},
    "device": {"config", "errors", "layers", "models"},
    "sketches": {"checkpoints", "config", "errors", "models", "pictures"},
    "metrics": {"checkpoints", "errors", "files", "models", "pictures", "sketches"},
    "data": {
        "checkpoints", "config", "errors", "files", "jobs", "models", "pictures", "sketches",
    },
    "interpolation": {
        "checkpoints", "conditioning", "config", "device", "diffusion", "errors", "layers",
        "models", "pictures", "sketches",
    },
    "cut": {"errors", "files", "interpolation", "metrics", "pictures", "sketches"},
    "training": {
        "checkpoints", "conditioning", "config", "data", "diffusion", "errors", "files",
        "interpolation", "layers", "metrics", "models", "pictures", "sketches",
    },
    "evaluation": {
        "checkpoints", "data", "errors", "files", "interpolation", "metrics", "models", "pictures",
        "sketches",
    },
    "experiments": {
        "checkpoints", "cut", "data", "errors", "evaluation", "files", "interpolation", "metrics",
        "models", "pictures", "sketches", "training",
    },
    "cli": {
        "checkpoints", "config", "cut", "data", "device", "diffusion", "errors", "evaluation",
        "experiments", "files", "interpolation", "jobs", "metrics", "models", "pictures",
        "sketches", "training",
    },
    "__main__": {"cli"},
}  # fmt: skip
"""From the ground up. A room that is not named here has no place in the house yet."""

LOOSE = {"__init__", "__main__", "errors"}
"""Files of the core outside of every room."""

MOST_MODULES = 15
"""In one folder, its ``__init__`` not counted."""

MOST_LINES = 250
LONGER: dict[str, int] = {}
"""Files that are too long, with their lines: numbers may fall and rows may go, no more."""

MOST_ARGUMENTS = 6
"""Of a function: more of them travel together, as one value with a name."""
MORE_ARGUMENTS: dict[str, int] = {
    "nodes/bridge/denoiser/network.py:HostDenoiser._predict": 8,
    "nodes/bridge/sampler.py:DDIMSampler.sample": 8,
    "nodes/bridge/sampler.py:run_ddim": 8,
    "nodes/sockets.py:schema": 12,
    "tooncrafter_core/cut/plain.py:time_cut": 8,
    "tooncrafter_core/data/clips/sources.py:ProceduralClips.__init__": 8,
    "tooncrafter_core/data/procedural/render.py:render_clip": 8,
    "tooncrafter_core/interpolation/pipeline.py:interpolate": 7,
    "tooncrafter_core/layers/kernels/calls.py:add": 7,
    "tooncrafter_core/layers/kernels/calls.py:group_affine": 7,
    "tooncrafter_core/models/denoiser.py:Denoiser.forward": 8,
}
"""Functions with more of them, a row each as in ``LONGER``: numbers may fall and rows may go."""

FACES = {"candidates", "checked", "cut", "decode", "guidance", "keyframes", "latents", "line_art",
         "load", "redraw", "references", "sampling", "sketch", "sockets"}  # fmt: skip
"""The nodes themselves, which the bridge must not know."""


def house() -> dict[str, str]:
    """Every file of the core and of the nodes."""
    paths = [path for folder in (CORE, "nodes") for path in (ROOT / folder).rglob("*.py")]
    return {p.relative_to(ROOT).as_posix(): p.read_text("utf-8") for p in sorted(paths)}


def dotted(path: str) -> str:
    """The module of a file."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imports_of(texts: Texts) -> dict[str, set[str]]:
    """The modules among these that each imports: at its top, in functions, for types alone."""
    modules = {dotted(path): path for path in texts}
    found: dict[str, set[str]] = {}
    for module, path in modules.items():
        targets = list(imports_in(texts[path], path.removesuffix(".py").split("/")))
        # The last part is a module, or a name in the one before.
        names = (".".join(target) for target in targets)
        found[module] = {n if n in modules else n.rpartition(".")[0] for n in names} & set(modules)
    return found


def circles(texts: Texts) -> list[str]:
    """Files that import each other, directly or around corners.

    Who imports a module of another package runs that package's own file first.
    """
    direct = imports_of(texts)
    graph = {
        module: targets | {p for one in targets for p in _packages(one) if p in direct}
        for module, targets in direct.items()
    }
    state: dict[str, int] = {}
    found: list[str] = []

    def visit(module: str, way: list[str]) -> None:
        state[module] = 1
        for target in sorted(graph[module] - {module}):
            # A package's own file is there before its modules.
            if module.startswith(f"{target}."):
                continue
            if state.get(target) == 1:
                found.append(" -> ".join([*way[way.index(target) :], target]))
            elif target not in state:
                visit(target, [*way, target])
        state[module] = 2

    for module in sorted(graph):
        if module not in state:
            visit(module, [module])
    return found


def _packages(module: str) -> list[str]:
    """Every package that a module is in, the outermost first."""
    parts = module.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts))]


def wrong_ways(texts: Texts) -> list[str]:
    """Imports between rooms that the table does not have, and rooms without a row."""
    found = []
    for module, targets in imports_of(texts).items():
        room = _room(module)
        if room is None:
            continue
        if room not in MAY_IMPORT:
            found.append(f"{module}: the room '{room}' is not in the table")
            continue
        for target in sorted(targets):
            other = _room(target)
            if other not in (None, room) and other not in MAY_IMPORT[room]:
                found.append(f"{module} imports {target}")
    return found


def _room(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == CORE and len(parts) > 1 else None


def loose_files(texts: Texts) -> list[str]:
    """Files of the core that stand in no room."""
    names = (match[1] for path in texts if (match := re.fullmatch(rf"{CORE}/(\w+)\.py", path)))
    return sorted(set(names) - LOOSE)


def full_rooms(texts: Texts) -> list[str]:
    """Folders with too many files."""
    counts: dict[str, int] = {}
    for path in texts:
        folder, _, name = path.rpartition("/")
        counts[folder] = counts.get(folder, 0) + (name != "__init__.py")
    return [f"{folder}: {count} files" for folder, count in counts.items() if count > MOST_MODULES]


def long_files(texts: Texts, longer: Mapping[str, int] = LONGER) -> list[str]:
    """Files that are too long, or longer than the list says; rows of the list that can go."""
    lines = {path: text.count("\n") for path, text in texts.items()}
    found = [
        f"{path}: {count} lines"
        for path, count in lines.items()
        if count > longer.get(path, MOST_LINES)
    ]
    for path, most in longer.items():
        if path in lines and lines[path] < most:
            found.append(f"{path} has {lines[path]} lines now: its row can go, or fall from {most}")
    return found


def gone_rows(files: Iterable[str], rows: Iterable[str]) -> list[str]:
    """Rows of a list whose file is not there any more, by their path or name of a file."""
    paths = {path for name in files for path in (name, name.rpartition("/")[2])}
    return [f"{row}: its file is gone" for row in rows if row.partition(":")[0] not in paths]


def many_arguments(texts: Texts, more: Mapping[str, int] = MORE_ARGUMENTS) -> list[str]:
    """Functions with too many arguments, or more than the list says; rows that can go.

    A node's ``execute`` takes what its schema has, a kernel in Triton's language what it computes
    with.
    """
    counts = {
        f"{path}:{name}": count
        for path, text in texts.items()
        if not path.endswith("_kernels.py")
        for name, count in _argument_counts(ast.parse(text))
        if not (path.startswith("nodes/") and name.endswith(".execute"))
    }
    found = [
        f"{name} takes {count} arguments: those that travel together are one value"
        for name, count in counts.items()
        if count > more.get(name, MOST_ARGUMENTS)
    ]
    for name, most in more.items():
        count = counts.get(name, 0)
        if name.partition(":")[0] in texts and count < most:
            found.append(f"{name} takes {count} arguments now: its row can go, or fall from {most}")
    return found


def _argument_counts(tree: ast.AST, outer: str = "") -> Iterator[tuple[str, int]]:
    """Every function by its name within the file, with how many arguments it takes."""
    for node in ast.iter_child_nodes(tree):
        name = outer
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{outer}.{node.name}".lstrip(".")
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = node.args
            every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
            yield name, sum(one.arg not in ("self", "cls") for one in every)
        yield from _argument_counts(node, name)


def bridge_to_faces(texts: Texts) -> list[str]:
    """Files of the bridge that import a node."""
    return [
        f"{module} imports {target}"
        for module, targets in imports_of(texts).items()
        if module.startswith("nodes.bridge")
        for target in sorted(targets)
        if target.split(".")[1] in FACES
    ]


KNOWS_CELLS = ("models", "conditioning", "interpolation", "sketches", "checkpoints")
"""Rooms of the core that deal in latents, besides the nodes."""


def own_strides(texts: Texts) -> list[str]:
    """Pixels a latent cell counted with a number of their own, not with a config's."""
    rooms = ("nodes/", *(f"{CORE}/{room}/" for room in KNOWS_CELLS))
    return [
        f"{path}, line {node.lineno}: 8 pixels a cell are a config's `downsampling`"
        for path, text in texts.items()
        # Files of weights count bytes by eights.
        if path.startswith(rooms) and not path.startswith(f"{CORE}/checkpoints/files/")
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.expr) and _counts_by_eight(node)
    ]


MOTION = f"{CORE}.models.motion"


def around_the_port(texts: Texts) -> list[str]:
    """Networks that import what moves keyframes, not through its port."""
    return [
        f"{module} imports {target}: use {MOTION}.port"
        for module, targets in imports_of(texts).items()
        if module.startswith(f"{CORE}.models.") and not module.startswith(MOTION)
        for target in sorted(targets)
        if target.startswith(MOTION) and target != f"{MOTION}.port"
    ]


def asked_flags(texts: Texts) -> list[str]:
    """Networks that ask a configuration whether they move keyframes."""
    return [
        f"{path}, line {node.lineno}: the port has a stand-in for what does not move ({node.attr})"
        for path, text in texts.items()
        if path.startswith(f"{CORE}/models/") and not path.startswith(f"{CORE}/models/motion/")
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute) and node.attr in MOTION_FLAGS
    ]


MOTION_FLAGS = {"warps_keyframes", "warps_references", "matches_keyframes"}
DTYPE_WORDS = {"fp32", "bf16", "fp16", "float32", "bfloat16", "float16"}
DTYPES_PLACE = f"{CORE}/config/dtypes.py"


def own_dtypes(texts: Texts) -> list[str]:
    """Lists and tables of the names of number formats outside of their one place."""
    return [
        f"{path}, line {node.lineno}: names of dtypes belong into {DTYPES_PLACE}"
        for path, text in texts.items()
        if path != DTYPES_PLACE
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.expr) and len(_words_in(node) & DTYPE_WORDS) > 1
    ]


def _words_in(node: ast.expr) -> set[object]:
    """The texts that a list or the keys of a table are, or its values where the keys are none."""
    parts: list[ast.expr | None] = []
    if isinstance(node, ast.Dict):
        has_words = any(isinstance(key, ast.Constant) for key in node.keys)
        parts = [*node.keys] if has_words else [*node.values]
    elif isinstance(node, ast.List | ast.Tuple | ast.Set):
        parts = [*node.elts]
    return {part.value for part in parts if isinstance(part, ast.Constant)}


def _counts_by_eight(node: ast.expr) -> bool:
    """Whether an expression multiplies or divides by 8, hands it on, or has it for both sides."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.FloorDiv | ast.Mod):
        parts = [node.left, node.right]
    elif isinstance(node, ast.Call):
        parts = [*node.args, *(keyword.value for keyword in node.keywords)]
    elif isinstance(node, ast.Tuple):
        return sum(map(_is_eight, node.elts)) > 1
    else:
        return False
    return any(map(_is_eight, parts))


def _is_eight(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is int and node.value == 8


def stray_errors(texts: Texts) -> list[str]:
    """Error classes outside of errors.py."""
    return [
        f"{path}: {node.name}"
        for path, text in texts.items()
        if not path.endswith(f"{CORE}/errors.py")
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ClassDef) and node.name.endswith(("Error", "Exception"))
    ]


ONE_PLACE = {
    "tooncrafter_core/pictures/levels.py": ("half of the levels", r"\b127\.5\b"),
    "tooncrafter_core/pictures/": ("PyAV", r"^\s*(import|from) av\b"),
}
"""What stands in one file or folder alone: how it is called, and the pattern that finds it."""


def strays(texts: Texts) -> list[str]:
    """Lines of other files with what has one place."""
    return [
        f"{path}:{number}: {what} belongs into {place}"
        for place, (what, pattern) in ONE_PLACE.items()
        for path, text in texts.items()
        if not path.startswith(place)
        for number, line in enumerate(text.splitlines(), 1)
        if re.search(pattern, line)
    ]
