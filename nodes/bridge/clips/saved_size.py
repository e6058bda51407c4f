"""The size of a clip from a file of ComfyUI's *Save Latent*, which keeps it in its prompt alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import folder_paths

from ....tooncrafter_core.checkpoints.files.safetensors_index import read_index
from ....tooncrafter_core.errors import ToonCrafterError
from ....tooncrafter_core.files.texts import parsed_json
from ....tooncrafter_core.pictures.fitting import FIT_MODES, FitMode

LOADER, KEYFRAMES = "LoadLatent", "ToonCrafterKeyframes"


class SavedSize(NamedTuple):
    """What 'ToonCrafter Keyframes' was asked for when a clip was saved."""

    width: int
    height: int
    fit: FitMode


def saved_size(prompt: Mapping[str, object] | None, node_id: str | None) -> SavedSize | None:
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


def _loaded_file(prompt: Mapping[str, object], node_id: str | None) -> str | None:
    """The file name in the *Load Latent* that feeds a node."""
    link = _named(_named(prompt.get(str(node_id))).get("inputs")).get("latent")
    source = _named(prompt.get(str(link[0]))) if isinstance(link, list) and link else {}
    is_loader = source.get("class_type") == LOADER
    name = _named(source.get("inputs")).get("latent") if is_loader else None
    return name if isinstance(name, str) else None


def _inputs_of(nodes: object, kind: str) -> list[Mapping[str, object]]:
    """The inputs of all nodes of a kind in a prompt that a file brought."""
    of_kind = (
        node for node in map(_named, _named(nodes).values()) if node.get("class_type") == kind
    )
    return [_named(node.get("inputs")) for node in of_kind]


def _named(value: object) -> Mapping[str, object]:
    """The values of a JSON object by name; none of anything else."""
    return value if isinstance(value, dict) else {}


def _size_of(inputs: Mapping[str, object]) -> SavedSize | None:
    """The size in a Keyframes node's inputs, None where it came over a link."""
    width, height = inputs.get("width"), inputs.get("height")
    if type(width) is not int or type(height) is not int or min(width, height) < 1:
        return None
    fit: FitMode | None = next((mode for mode in FIT_MODES if mode == inputs.get("fit")), None)
    return None if fit is None else SavedSize(width, height, fit)
