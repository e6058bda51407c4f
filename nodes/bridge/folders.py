"""ComfyUI's input and output folders; a workflow can name nothing outside."""

import os
from pathlib import Path

import folder_paths

from ...tooncrafter_core.errors import ToonCrafterError
from ...tooncrafter_core.files import in_order
from ...tooncrafter_core.pictures.films import has_pictures

HERE = "."
"""The input folder itself, in the list of its folders."""
NONE = "none"
"""Choice of no file."""
SHEETS = (".xdts", ".csv")
DEEPEST = 3
"""Folders within folders that lists show."""


def list_picture_folders() -> list[str]:
    """The input folder and those in it that hold pictures."""
    root = input_folder()
    names = (path.relative_to(root).as_posix() for path in _folders(root) if has_pictures(path))
    return [HERE, *names]


def list_sheets() -> list[str]:
    """Exposure sheets of the input folder, after the choice of none."""
    root = input_folder()
    files = (
        path
        for folder in [root, *_folders(root)]
        for path in in_order(folder.iterdir() if folder.is_dir() else ())
        if path.suffix.lower() in SHEETS and path.is_file()
    )
    return [NONE, *(path.relative_to(root).as_posix() for path in files)]


def find_input(name: str, kind: str) -> Path:
    """A file or folder of the input folder.

    Raises:
        ToonCrafterError: it is not there, or the name leads out of the folder.
    """
    root = input_folder()
    path = _inside(root, name)
    # Unlike those of Path, these are false for a name that no disk takes.
    is_kind = os.path.isdir if kind == "folder" else os.path.isfile
    is_there = path is not None and is_kind(path)
    if path is None or not is_there:
        raise ToonCrafterError(
            f"There is no {kind} '{name}' in ComfyUI's input folder ({root}). Put it there and "
            "refresh the page (R)."
        )
    return path


def new_output(prefix: str, ending: str, *others: str) -> Path:
    """A file of the output folder that is not there yet: ``scene.csv``, ``scene_2.csv``.

    Nor is one of its name with another of the endings, for files that belong together.

    Raises:
        ToonCrafterError: the name is none, or leads out of the folder.
    """
    root = Path(folder_paths.get_output_directory())
    name = prefix.strip()
    path = _inside(root, f"{name}{ending}") if name and name[-1] not in "/\\" else None
    if path is None:
        raise ToonCrafterError(
            f"'{prefix}' is no name for a file in ComfyUI's output folder ({root}): write one such "
            "as 'sheets/scene'."
        )
    stem, number, free = path.name.removesuffix(ending), 1, path.name.removesuffix(ending)
    while any(os.path.lexists(path.with_name(free + one)) for one in (ending, *others)):
        number += 1
        free = f"{stem}_{number}"
    return path.with_name(free + ending)


def output_name(path: Path) -> str:
    """A file of the output folder as it is called there."""
    root = Path(folder_paths.get_output_directory()).absolute()
    return path.relative_to(os.path.normpath(root)).as_posix()


def input_folder() -> Path:
    """Where ComfyUI looks for pictures."""
    return Path(folder_paths.get_input_directory())


def fingerprint(paths: list[Path]) -> list[str]:
    """What changes when one of these files is replaced, added or taken away."""
    states = ((path, path.stat()) for path in paths if path.is_file())
    return [f"{path} {state.st_size} {state.st_mtime_ns}" for path, state in states]


def _inside(root: Path, name: object) -> Path | None:
    """The path of a name in a folder; None where it leads out, or no disk takes it.

    Links of the user may lead out.
    """
    # A program that sends prompts may send anything for a name.
    if not isinstance(name, str) or "\0" in name:
        return None
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        return None
    base = Path(os.path.normpath(root.absolute()))
    path = Path(os.path.normpath(base / name))
    return path if path.is_relative_to(base) else None


def _folders(root: Path) -> list[Path]:
    """The folders within a folder, in order, without hidden ones."""
    found: list[Path] = []
    level = [root]
    for _ in range(DEEPEST):
        level = [
            path
            for folder in level
            if folder.is_dir()
            for path in in_order(folder.iterdir())
            if path.is_dir()
        ]
        found += level
    return found
