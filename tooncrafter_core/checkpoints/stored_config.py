"""A model's or a sketch encoder's configuration as JSON in a safetensors file's metadata."""

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ..config.model import ModelConfig, SketchEncoderConfig
from ..errors import CheckpointError
from .impossible import impossible
from .kept_texts import CONFIG_KEY, SKETCH_CONFIG_KEY

Config = TypeVar("Config", ModelConfig, SketchEncoderConfig)


def config_key(kind: type[ModelConfig] | type[SketchEncoderConfig]) -> str:
    """The metadata entry of a kind of configuration."""
    return CONFIG_KEY if kind is ModelConfig else SKETCH_CONFIG_KEY


def config_metadata(config: ModelConfig | SketchEncoderConfig) -> dict[str, str]:
    """The metadata that keeps a configuration."""
    return {config_key(type(config)): config_to_json(config)}


def config_to_json(config: ModelConfig | SketchEncoderConfig) -> str:
    """Write a configuration as JSON text with every field."""
    return json.dumps(OmegaConf.to_container(OmegaConf.structured(config)))


def config_from_json(
    text: str, name: str = "the checkpoint", kind: type[Config] = ModelConfig
) -> Config:
    """Read what ``config_to_json`` wrote; fields that are absent have the published values.

    ``CheckpointError`` when it is no JSON, has an unknown field or a value of the wrong type.
    """
    try:
        merged = OmegaConf.merge(OmegaConf.structured(kind), json.loads(text))
        config: Any = OmegaConf.to_object(merged)
    except (OmegaConfBaseException, ValueError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(
            f"{name} has a configuration in its metadata ({config_key(kind)}) that cannot be used: "
            f"{reason}. Convert the original file again."
        ) from error
    return config


def stored_config(
    metadata: Mapping[str, str], name: str = "the checkpoint", kind: type[Config] = ModelConfig
) -> Config | None:
    """The configuration of a kind in a file's metadata, None when it has none."""
    text = metadata.get(config_key(kind))
    return None if text is None else config_from_json(text, name, kind)


def refuse_contradictions(stored: Config, detected: Config, name: str) -> None:
    """``CheckpointError`` when the metadata and the tensors differ, or no model can be so."""
    if found := [*contradictions(stored, detected), *impossible(detected)]:
        raise CheckpointError(
            f"{name} describes itself wrongly: {'; '.join(found[:3])}. "
            "Convert the original file again."
        )


def contradictions(stored: Config, detected: Config) -> list[str]:
    """Every field in which the metadata and the tensors differ, in words."""
    if isinstance(stored, SketchEncoderConfig):
        return _differences("sketch_encoder", stored, detected)
    found = []
    for part in fields(ModelConfig):
        a, b = getattr(stored, part.name), getattr(detected, part.name)
        # A file may have been pruned of its encoders since.
        if a == b or b is None:
            continue
        if a is None:
            found.append(f"{part.name}: absent in the metadata, present in the file")
            continue
        found += _differences(part.name, a, b)
    return found


def _differences(part: str, stored: Any, detected: Any) -> list[str]:
    return [
        f"{part}.{field.name}: {a} in the metadata, {b} by the tensors"
        for field in fields(stored)
        if (a := getattr(stored, field.name)) != (b := getattr(detected, field.name))
    ]
