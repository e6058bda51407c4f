"""The size of a clip from a file of ComfyUI's *Save Latent*, which keeps it in its prompt alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast, get_args

import folder_paths

from ....tooncrafter_core.checkpoints.files.safetensors_index import read_index
from ....tooncrafter_core.errors import ToonCrafterError
from ....tooncrafter_core.files.texts import parsed_json
from ....tooncrafter_core.pictures.fitting import FitMode

LOADER, KEYFRAMES = "LoadLatent", "ToonCrafterKeyframes"


class SavedSize(NamedTuple):
    """What 'ToonCrafter Keyframes' was asked for when a clip was saved."""

    width: int
    height: int
    fit: FitMode


def saved_size(prompt: Mapping[str, Any] | None, node_id: str | None) -> SavedSize | None:
    """The size of the clip that a node's ``latent`` has straight from *Load Latent*.

    None where the file does not say it or says several; the caller asks the person then.
    """
    name = _loaded_file(prompt or {}, node_id)
    if name is None:
        return None
    try:
        text = read_index(Path(folder_paths.get_annotated_filepath(name))).metadata.get("prompt")
        nodes = parsed_json(text or "{}", name)
    except ToonCrafterError:
        return None  # ComfyUI has read its tensor; what else is in it is optional
    found = {_size_of(inputs) for inputs in _inputs_of(nodes, KEYFRAMES)}
    return found.pop() if len(found) == 1 else None


def _loaded_file(prompt: Mapping[str, Any], node_id: str | None) -> str | None:
    """The file name in the *Load Latent* that feeds a node."""
    link = prompt.get(str(node_id), {}).get("inputs", {}).get("latent")
    source = prompt.get(str(link[0]), {}) if isinstance(link, list) and link else {}
    name = source.get("inputs", {}).get("latent") if source.get("class_type") == LOADER else None
    return name if isinstance(name, str) else None


def _inputs_of(nodes: Any, kind: str) -> list[dict[str, Any]]:
    """The inputs of all nodes of a kind in a prompt that a file brought."""
    found = [
        node.get("inputs")
        for node in (nodes.values() if isinstance(nodes, dict) else ())
        if isinstance(node, dict) and node.get("class_type") == kind
    ]
    return [inputs for inputs in found if isinstance(inputs, dict)]


def _size_of(inputs: dict[str, Any]) -> SavedSize | None:
    """The size in a Keyframes node's inputs, None where it came over a link."""
    width, height = inputs.get("width"), inputs.get("height")
    if type(width) is not int or type(height) is not int or min(width, height) < 1:
        return None
    fit = inputs.get("fit")
    return SavedSize(width, height, cast(FitMode, fit)) if fit in get_args(FitMode) else None
