"""Model folders and the files in them; a workflow can name nothing outside."""

import os
from pathlib import Path

import folder_paths

from ...tooncrafter_core.checkpoints.files.identity import file_identity
from ...tooncrafter_core.config.embedded import MINI, MINI_SKETCH, embedded_file
from ...tooncrafter_core.errors import CheckpointError

NONE = "none"
"""Choice of no file."""


def list_checkpoints() -> list[str]:
    """Files that may hold a ToonCrafter, of ComfyUI's checkpoints and diffusion_models.

    The mini model that comes with the pack stands first, so that a new node works at once.
    """
    return [*_embedded(MINI), *sorted({*_files("checkpoints"), *_files("diffusion_models")})]


def list_text_encoders() -> list[str]:
    """Text encoder files, after the choice of none."""
    return [NONE, *_files("text_encoders")]


def list_image_encoders() -> list[str]:
    """Image encoder files, after the choice of none."""
    return [NONE, *_files("clip_vision")]


def list_sketch_encoders() -> list[str]:
    """Files that may hold a sketch encoder; the mini model's stands first."""
    return [*_embedded(MINI_SKETCH), *_files("controlnet")]


def find(name: str, *kinds: str) -> Path:
    """The file of that name in ComfyUI's folders of these kinds, or among the pack's own.

    Raises:
        CheckpointError: there is none, or the name leads out of the folders.
    """
    # A program that sends prompts may send anything for a choice.
    is_name = isinstance(name, str)
    if is_name and (own := embedded_file(name)) is not None:
        return own
    for kind in kinds if is_name else ():
        path = folder_paths.get_full_path(kind, name)
        if path is not None and _is_inside(Path(path), kind):
            return Path(path)
    raise CheckpointError(
        f"'{name}' is not in ComfyUI's model folders ({', '.join(kinds)}). Put the file there and "
        "refresh the page (R)."
    )


def fingerprint(name: str, *kinds: str) -> str:
    """What changes when the file of that name is replaced: its size, its time, its ends.

    A name without a file has none; it is refused where it is loaded.
    """
    if name == NONE:
        return name
    try:
        path = find(name, *kinds)
        return f"{path} {file_identity(path)}"
    except (CheckpointError, OSError):
        return "absent"


def _embedded(name: str) -> list[str]:
    return [name] if embedded_file(name) else []


def _files(kind: str) -> list[str]:
    return list(folder_paths.get_filename_list(kind))


def _is_inside(path: Path, kind: str) -> bool:
    """Whether the name stays in the folder; links the user has put there may lead anywhere.

    Folders may be registered with steps back in their paths; what counts is where these end.
    """
    place = _normal(path)
    return any(place.is_relative_to(_normal(f)) for f in folder_paths.get_folder_paths(kind))


def _normal(path: str | Path) -> Path:
    """A path without steps back and forth, its links as they are."""
    return Path(os.path.normcase(os.path.normpath(Path(path).absolute())))
