"""The model's configuration as JSON in a safetensors file's metadata."""

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ..config import ModelConfig
from ..errors import CheckpointError

CONFIG_KEY = "tooncrafter.config"
"""The metadata entry that ``save_checkpoint`` writes."""


def config_to_json(config: ModelConfig) -> str:
    """Write a configuration as JSON text with every field."""
    return json.dumps(OmegaConf.to_container(OmegaConf.structured(config)))


def config_from_json(text: str, name: str = "the checkpoint") -> ModelConfig:
    """Read what ``config_to_json`` wrote; fields that are absent have the published values.

    ``CheckpointError`` when it is no JSON, has an unknown field or a value of the wrong type.
    """
    try:
        merged = OmegaConf.merge(OmegaConf.structured(ModelConfig), json.loads(text))
        config: Any = OmegaConf.to_object(merged)
    except (OmegaConfBaseException, ValueError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(
            f"{name} has a configuration in its metadata ({CONFIG_KEY}) that cannot be used: "
            f"{reason}. Convert the original file again."
        ) from error
    return config


def stored_config(metadata: Mapping[str, str], name: str = "the checkpoint") -> ModelConfig | None:
    """The configuration in a file's metadata, None when it has none."""
    text = metadata.get(CONFIG_KEY)
    return None if text is None else config_from_json(text, name)


def contradictions(stored: ModelConfig, detected: ModelConfig) -> list[str]:
    """Every field in which the metadata and the tensors differ, in words."""
    found = []
    for part in fields(ModelConfig):
        a, b = getattr(stored, part.name), getattr(detected, part.name)
        if a == b:
            continue
        if a is None or b is None:
            found.append(f"{part.name}: {_presence(a)} in the metadata, {_presence(b)} in the file")
            continue
        found += [
            f"{part.name}.{field.name}: {x} in the metadata, {y} by the tensors"
            for field in fields(a)
            if (x := getattr(a, field.name)) != (y := getattr(b, field.name))
        ]
    return found


def _presence(part: object) -> str:
    return "absent" if part is None else "present"
