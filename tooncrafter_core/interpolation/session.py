"""Loads the networks of a model once and draws clips with them, for any caller."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from ..checkpoints.detect import detect, detect_sketch_encoder
from ..checkpoints.files.read import read_checkpoint
from ..checkpoints.keys import OPTIONAL, Component
from ..checkpoints.load import Models
from ..config.model import ModelConfig
from ..device import memory
from ..device.choosing import choose_device, choose_dtype
from ..device.compiling import compile_denoiser, warn_where_it_loses
from ..diffusion.samplers import OnStep
from ..errors import SketchError, ToonCrafterError, check_choice
from ..models.sketch_encoder import SketchEncoder
from ..pictures.keyframes import Keyframes
from ..sketches.frames import SketchLayer
from ..sketches.guidance import load_sketch_encoder
from . import pipeline
from .loading import load_models
from .offloading import job_bytes
from .settings import InterpolationSettings

Offload = Literal["auto", "always", "never"]
FilePath = str | Path


@dataclass(frozen=True, kw_only=True)
class SessionSettings:
    """Which weights are loaded, where, and in which precision."""

    checkpoint: FilePath | None = None
    text_encoder: FilePath | None = None
    """The file of the text encoder for a checkpoint without one; so is the next."""
    image_encoder: FilePath | None = None
    sketch_encoder: FilePath | None = None
    needed: Mapping[Component, str] = field(default_factory=lambda: dict.fromkeys(OPTIONAL, ""))
    """Encoders that must be there, each with what to do when no file has it. A clip needs both."""
    device: str = "auto"
    dtype: str = "auto"
    """``fp32``, ``fp16`` or ``bf16``; ``auto`` is what the device is quick at."""
    offload: Offload = "never"
    """Whether networks wait on the CPU and visit the device, each for its own stage. ``auto`` does
    so when a clip needs more memory than the device has free, from that clip on."""
    compiles: bool = False
    """Compile the denoiser at its first step."""

    def __post_init__(self) -> None:
        check_choice("Offloading", self.offload, get_args(Offload))

    @property
    def files(self) -> list[FilePath]:
        """Every file that is read, the checkpoint first."""
        named = (self.checkpoint, self.text_encoder, self.image_encoder, self.sketch_encoder)
        return [file for file in named if file is not None]


@dataclass(frozen=True, kw_only=True)
class _Weights:
    """What all weight files of a session come to."""

    config: ModelConfig
    values: int
    itemsize: int
    """Bytes of each value in the precision that is computed in."""


class Session:
    """The networks of one model, loaded when they are first needed and kept."""

    def __init__(self, settings: SessionSettings) -> None:
        """Nothing is read before it is needed."""
        self.settings = settings
        self._offloads = settings.offload == "always"
        self._models: Models | None = None
        self._weights: _Weights | None = None
        self._sketch_encoder: SketchEncoder | None = None

    @classmethod
    def of(cls, models: Models, sketch_encoder: SketchEncoder | None = None) -> "Session":
        """A session of networks that are there already; they work where their weights are."""
        session = cls(SessionSettings())
        session._models, session._sketch_encoder = models, sketch_encoder
        return session

    @property
    def models(self) -> Models:
        """Every network but the sketch encoder; errors as ``load_models``."""
        if self._models is None:
            self._models = self._load_models()
        return self._models

    @property
    def sketch_encoder(self) -> SketchEncoder:
        """The sketch encoder.

        ``SketchError`` when no file is named, ``CheckpointError`` for a file of another kind.
        """
        if self._sketch_encoder is None:
            self._sketch_encoder = self._load_sketch_encoder()
        return self._sketch_encoder

    def interpolate(
        self,
        keyframes: Keyframes,
        settings: InterpolationSettings,
        on_step: OnStep | None = None,
        sketches: Sequence[SketchLayer] = (),
    ) -> Tensor:
        """Draw a clip ``1 3 t h w`` in [-1, 1], loading what it needs; see the pipeline."""
        self.prepare(settings, bool(sketches))
        return pipeline.interpolate(
            self.models,
            keyframes,
            settings,
            on_step,
            sketches,
            self.sketch_encoder if sketches else None,
            choose_device(self.settings.device) if self._offloads else None,
        )

    def prepare(self, job: InterpolationSettings, with_sketches: bool = False) -> None:
        """Load what a clip of these settings needs, unless it is there; errors as the networks'."""
        if self._models is None:
            self._offloads = self.needs_offloading(job)
        elif not self._offloads and self.needs_offloading(job):
            self._offloads = True
            self._leave_device()
        # The smaller file first: the error for a wrong one comes sooner.
        if with_sketches:
            _ = self.sketch_encoder
        _ = self.models

    def needs_offloading(self, job: InterpolationSettings) -> bool:
        """Whether networks visit the device one stage at a time, for a clip of these settings.

        ``auto`` does so when the weights and the greatest stage are more than the device has free.
        """
        device, offload = choose_device(self.settings.device), self.settings.offload
        if device.type == "cpu" or offload != "auto":
            return device.type != "cpu" and offload == "always"
        free = memory.free_memory(device)
        if free is None:
            return False
        if self._weights is None:
            checkpoints = [read_checkpoint(file) for file in self.settings.files]
            config = detect(checkpoints[0])
            itemsize = choose_dtype(self.settings.dtype, device, config).itemsize
            values = sum(prod(shape) for one in checkpoints for shape in one.shapes.values())
            self._weights = _Weights(config=config, values=values, itemsize=itemsize)
        weights = self._weights
        needed = job_bytes(weights.config, job, weights.values * weights.itemsize, weights.itemsize)
        return needed > free + self._held(device)

    def _held(self, device: torch.device) -> int:
        """Bytes of weights that are on the device already."""
        return sum(
            parameter.nbytes
            for network in self._networks()
            for parameter in network.parameters()
            if parameter.device.type == device.type
        )

    def _networks(self) -> list[nn.Module]:
        """The networks that are loaded."""
        loaded = [] if self._models is None else [*vars(self._models).values()]
        return [one for one in (*loaded, self._sketch_encoder) if isinstance(one, nn.Module)]

    def _leave_device(self) -> None:
        """Let the loaded networks wait in the host's memory: an earlier clip had room for all."""
        for network in self._networks():
            network.to("cpu")

    def _storage(self) -> torch.device:
        """Where networks are kept: on the device, or waiting in the host's memory."""
        return choose_device("cpu" if self._offloads else self.settings.device)

    def _load_models(self) -> Models:
        settings = self.settings
        if settings.checkpoint is None:
            raise ToonCrafterError("A session needs a checkpoint: name its file.")
        checkpoint = read_checkpoint(settings.checkpoint)
        device = choose_device(settings.device)
        dtype = choose_dtype(settings.dtype, device, detect(checkpoint))
        named = zip(OPTIONAL, (settings.text_encoder, settings.image_encoder), strict=True)
        encoders = {component: file for component, file in named if file is not None}
        storage = self._storage()
        models = load_models(checkpoint, encoders, settings.needed, dtype=dtype, device=storage)
        if settings.compiles:
            warn_where_it_loses(device, dtype)
            compile_denoiser(models.denoiser)
        return models

    def _load_sketch_encoder(self) -> SketchEncoder:
        if self.settings.sketch_encoder is None:
            raise SketchError("Sketches need the sketch encoder: name its file as well.")
        checkpoint = read_checkpoint(self.settings.sketch_encoder)
        config = detect_sketch_encoder(checkpoint)
        dtype = choose_dtype(self.settings.dtype, choose_device(self.settings.device), config)
        return load_sketch_encoder(checkpoint, dtype=dtype, device=self._storage())
