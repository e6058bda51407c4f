"""The sketch encoder with ComfyUI's layers."""

from typing import Any

import torch

from ....tooncrafter_core.config.model import SketchEncoderConfig
from ....tooncrafter_core.models.sketch_encoder import SketchEncoder
from ..operations import HostOperations


class HostSketchEncoder(SketchEncoder):
    """The sketch encoder with ComfyUI's layers."""

    def __init__(
        self,
        config: SketchEncoderConfig,
        layers: Any,
        dtype: torch.dtype,
    ) -> None:
        super().__init__(config, operations=HostOperations(layers), dtype=dtype, device="meta")
