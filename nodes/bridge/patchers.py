"""How ComfyUI keeps and computes a sampling network, and the patcher that moves it."""

import logging
from typing import NamedTuple

import comfy.model_management
import comfy.model_patcher
import comfy.patcher_extension
import torch
from torch import nn

from ...tooncrafter_core.errors import ToonCrafterError
from ...tooncrafter_core.fused.layout import arrange_weights
from ...tooncrafter_core.precision import overflow_message

logger = logging.getLogger(__name__)


class NetworkDtypes(NamedTuple):
    """What a network's weights are kept in, and what they are cast to in use."""

    weights: torch.dtype
    manual_cast: torch.dtype | None
    """None where the layers compute in the dtype of their weights."""

    @property
    def compute(self) -> torch.dtype:
        """What the network computes in."""
        return self.manual_cast or self.weights


def choose_dtypes(
    parameters: int, possible: list[torch.dtype], weight_dtype: torch.dtype | None = None
) -> NetworkDtypes:
    """Let ComfyUI choose for its device, within what the user asked for.

    Args:
        parameters: how many the network has.
        possible: what it can compute in, best first.
        weight_dtype: what the user wants the weights kept in; None leaves it to ComfyUI.

    Raises:
        ToonCrafterError: the network overflows in what was asked for.
    """
    half = torch.float16
    if weight_dtype == half and half not in possible:
        raise ToonCrafterError(overflow_message(half, possible, "default"))
    weights = weight_dtype or comfy.model_management.unet_dtype(
        model_params=parameters, supported_dtypes=possible
    )
    device = comfy.model_management.get_torch_device()
    cast = comfy.model_management.unet_manual_cast(weights, device, possible)
    compute = without_overflow(cast or weights, possible, device)
    return NetworkDtypes(weights, None if compute == weights else compute)


def without_overflow(
    chosen: torch.dtype, possible: list[torch.dtype], device: torch.device
) -> torch.dtype:
    """What a network computes in where ComfyUI chose ``chosen``, as its start options tell it to.

    ComfyUI's options hold for every model. One that overflows in what they ask for would give
    black pictures, so it computes in the next wider one and the log says so.
    """
    if chosen in possible:
        return chosen
    has_bfloat16 = comfy.model_management.should_use_bf16(device)
    is_wide = torch.bfloat16 in possible and has_bfloat16
    other = torch.bfloat16 if is_wide else torch.float32
    logger.warning(
        "ComfyUI was started to compute in %s, which this model was not made for: it computes in "
        "%s instead.",
        *(str(dtype).removeprefix("torch.") for dtype in (chosen, other)),
    )
    return other


def make_patcher(network: nn.Module) -> comfy.model_patcher.ModelPatcher:
    """Hand a network over to ComfyUI's memory manager, which moves it between its devices."""
    # Looked up now: ComfyUI may bind another class to this name when it starts.
    patcher = getattr(comfy.model_patcher, "CoreModelPatcher", comfy.model_patcher.ModelPatcher)
    return arranged_when_loaded(
        patcher(
            network.eval().requires_grad_(False),
            load_device=comfy.model_management.get_torch_device(),
            offload_device=comfy.model_management.unet_offload_device(),
        )
    )


def arranged_when_loaded(
    patcher: comfy.model_patcher.ModelPatcher,
) -> comfy.model_patcher.ModelPatcher:
    """Let the weights that a device likes in another order get it when ComfyUI has moved them."""

    def arrange(loaded: comfy.model_patcher.ModelPatcher, *_: object) -> None:
        arrange_weights(loaded.model)

    patcher.add_callback(comfy.patcher_extension.CallbacksMP.ON_LOAD, arrange)
    return patcher
