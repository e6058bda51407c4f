"""The stages by name: their settings, how they are built, and what they may train together."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from ...errors import TrainingError
from ..groups import Group
from ..settings.presets import PRESETS, Preset
from ..start.lora import GROUPS as LORA_GROUPS
from .autoencoder_stage import AutoencoderSettings
from .building import (
    BuildStage,
    WriteResult,
    build_autoencoder,
    build_decoder,
    build_denoising,
    build_lora,
    build_rectify,
    build_sketch,
    write_stage_lora,
    write_stage_model,
    write_stage_sketch_encoder,
)
from .decoder_settings import DecoderSettings
from .denoising import DenoisingSettings
from .sketching import SketchSettings

LORA_STAGES = ("base", "rectify")


@dataclass(frozen=True, kw_only=True)
class StageKind:
    """A stage that can be run."""

    name: str
    settings: type
    build: BuildStage
    write: WriteResult
    """Writes the result to a file, in a precision; all processes call it, the main one writes."""
    mixtures: tuple[frozenset[Group], ...]
    """Combinations of groups that its presets train."""
    in_part: frozenset[Group] = frozenset()
    """Groups with parameters that take no part in the stage."""
    result: str = "model.safetensors"
    num_players: int = 1
    needs_sketches: bool = False
    can_prepare: bool = False
    """Whether it can be trained on prepared clips."""

    @property
    def presets(self) -> Mapping[str, Preset]:
        """Settings by name; the first is taken when none is named."""
        return PRESETS[self.name]


_ALL = frozenset({Group.SPATIAL, Group.TEMPORAL, Group.PROJECTOR, Group.OTHER})

STAGES: dict[str, StageKind] = {
    kind.name: kind
    for kind in (
        StageKind(
            name="base",
            settings=DenoisingSettings,
            build=build_denoising,
            write=write_stage_model,
            mixtures=(_ALL,),
            can_prepare=True,
        ),
        StageKind(
            name="rectify",
            settings=DenoisingSettings,
            build=build_rectify,
            write=write_stage_model,
            mixtures=(
                frozenset(),
                _ALL,
                frozenset({Group.PROJECTOR, Group.SPATIAL}),
                frozenset({Group.PROJECTOR}),
            ),
            can_prepare=True,
        ),
        StageKind(
            name="autoencoder",
            settings=AutoencoderSettings,
            build=build_autoencoder,
            write=write_stage_model,
            mixtures=(frozenset({Group.ENCODER, Group.DECODER}),),
            in_part=frozenset({Group.DECODER}),
        ),
        StageKind(
            name="decoder",
            settings=DecoderSettings,
            build=build_decoder,
            write=write_stage_model,
            mixtures=(frozenset({Group.DECODER}),),
            in_part=frozenset({Group.DECODER}),
            num_players=2,
        ),
        StageKind(
            name="sketch",
            settings=SketchSettings,
            build=build_sketch,
            write=write_stage_sketch_encoder,
            mixtures=(frozenset({Group.SKETCH_ENCODER}),),
            result="sketch_encoder.safetensors",
            needs_sketches=True,
        ),
    )
}


def with_lora(kind: StageKind) -> StageKind:
    """The stage as it trains a LoRA; ``TrainingError`` for one that trains no denoiser."""
    if kind.name not in LORA_STAGES:
        raise TrainingError(
            f"lora.rank is for the stages {' and '.join(LORA_STAGES)}; the stage '{kind.name}' "
            "trains its weights themselves. Set lora.rank=0."
        )
    return replace(
        kind,
        build=partial(build_lora, kind.build),
        write=write_stage_lora,
        mixtures=(*(frozenset([group]) for group in LORA_GROUPS), frozenset(LORA_GROUPS)),
        in_part=frozenset(LORA_GROUPS),
        result="lora.safetensors",
    )


def find_stage(name: str) -> StageKind:
    """A stage by name; ``TrainingError`` when there is none."""
    if name not in STAGES:
        raise TrainingError(f"The stages are {', '.join(STAGES)}; there is none '{name}'.")
    return STAGES[name]


def find_preset(kind: StageKind, name: str | None) -> tuple[str, Preset]:
    """A stage's preset by name, its first without one; ``TrainingError`` when there is none."""
    presets = kind.presets
    if name is None:
        name = next(iter(presets))
    if name not in presets:
        raise TrainingError(
            f"The presets of '{kind.name}' are {', '.join(presets)}; there is none '{name}'."
        )
    return name, presets[name]
