"""The denoiser with the call and the layers of ComfyUI."""

from typing import Any

import comfy.patcher_extension
import torch
from torch import Tensor

from ....tooncrafter_core.config.model import ModelConfig
from ....tooncrafter_core.models.denoiser import Denoiser
from ..control.residuals import residuals_of
from ..operations import HostOperations
from ..unknown import note_unknown
from .block_patches import BlockPatches, Options

CONFIG = "tooncrafter"
"""Our key in ComfyUI's unet_config. The only other key is ``model_channels``, which FreeU reads:
more of ComfyUI's own names there would break LoRA loading."""


class HostDenoiser(Denoiser):
    """The denoiser with the call and the layers of ComfyUI."""

    def __init__(
        self, *, operations: Any, dtype: Any = None, device: Any = None, **settings: Any
    ) -> None:
        config: ModelConfig = settings[CONFIG]
        super().__init__(
            config.unet, operations=HostOperations(operations), dtype=dtype, device=device
        )
        self.block_patches = BlockPatches()

    def to(self, *arguments: Any, **options: Any) -> "HostDenoiser":
        """Move or change the weights; an order of memory for pictures becomes that of clips, too.

        ComfyUI asks for one when it is started with ``--force-channels-last``, and torch would
        refuse it for the weights that reach over frames.
        """
        order = options.pop("memory_format", None)
        if arguments or options:
            super().to(*arguments, **options)
        if order is not None:
            is_last = order == torch.channels_last
            orders = {4: order, 5: torch.channels_last_3d if is_last else order}
            for weight in self.parameters():
                if weight.ndim in orders:
                    weight.data = weight.data.contiguous(memory_format=orders[weight.ndim])
        return self

    def forward(
        self,
        x: Tensor,
        timesteps: Tensor,
        context: Tensor | None = None,
        control: dict[str, list[Tensor]] | None = None,
        transformer_options: Options | None = None,
        **conditions: Any,
    ) -> Tensor:
        """Predict v, through the wrappers that other nodes have put around the model."""
        options = transformer_options if transformer_options is not None else {}
        kind = comfy.patcher_extension.WrappersMP.DIFFUSION_MODEL
        return comfy.patcher_extension.WrapperExecutor.new_class_executor(
            self._predict, self, comfy.patcher_extension.get_all_wrappers(kind, options)
        ).execute(x, timesteps, context, control, options, **conditions)

    def _predict(
        self,
        x: Tensor,
        timesteps: Tensor,
        context: Tensor,
        control: dict[str, list[Tensor]] | None,
        transformer_options: Options,
        image_context: Tensor,
        fps: Tensor,
        crossattn_controlnet: Tensor | None = None,
        **unknown: object,
    ) -> Tensor:
        del crossattn_controlnet  # the sketches' text, which comes along
        note_unknown("the denoiser", unknown)
        return super().forward(
            x,
            timesteps,
            context,
            image_context,
            fps=fps,
            control=residuals_of(control, len(self.input_blocks) + 1),
            options=transformer_options,
            hooks=self.block_patches.hooks(transformer_options),
        )
