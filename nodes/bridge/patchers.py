"""ComfyUI's precisions and patcher for a sampling network."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, cast

import comfy.model_management
import comfy.model_patcher
import comfy.patcher_extension
import torch
from torch import nn

from ...tooncrafter_core.checkpoints import Checkpoint, read_checkpoint
from ...tooncrafter_core.device.memory import is_out_of_memory as says_out_of_memory
from ...tooncrafter_core.device.precision import overflow_message
from ...tooncrafter_core.errors import ToonCrafterError
from ...tooncrafter_core.layers.kernels.memory_order import arrange_weights
from .unknown import note_unknown

logger = logging.getLogger(__name__)


class NetworkDtypes(NamedTuple):
    """The type in which a network's weights are stored, and the type they are cast to in use."""

    weights: torch.dtype
    manual_cast: torch.dtype | None
    """None where the layers compute in the dtype of their weights."""

    @property
    def compute(self) -> torch.dtype:
        """The type in which the network computes."""
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
    other = comfy.model_management.unet_manual_cast(weights, device, possible)
    compute = without_overflow(other or weights, possible, device)
    return NetworkDtypes(weights, None if compute == weights else compute)


def without_overflow(
    chosen: torch.dtype, possible: list[torch.dtype], device: torch.device
) -> torch.dtype:
    """The precision a network computes in when ComfyUI's start options ask for ``chosen``.

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


def make_patcher(
    network: nn.Module, *, is_static: bool = False
) -> comfy.model_patcher.ModelPatcher:
    """Hand a network over to ComfyUI's memory manager, which moves it between its devices.

    ``is_static`` asks for the manager that loads weights before a run and not during it.
    """
    plain = comfy.model_patcher.ModelPatcher
    # Looked up now: ComfyUI may bind another class to this name when it starts.
    patcher = plain if is_static else getattr(comfy.model_patcher, "CoreModelPatcher", plain)
    return arranged_when_loaded(
        patcher(
            network.eval().requires_grad_(False),
            load_device=comfy.model_management.get_torch_device(),
            offload_device=comfy.model_management.unet_offload_device(),
        )
    )


def reopener(checkpoint: Checkpoint) -> Callable[[], Checkpoint]:
    """A way to read a checkpoint's file later on, without holding on to it."""
    # Some files are kept in memory as a whole; what is held here outlives them.
    source = checkpoint if checkpoint.path is None else checkpoint.path
    return lambda: read_checkpoint(source) if isinstance(source, Path) else source


def patcher_of(load: Callable[..., Any], *, chooses_kind: bool = True) -> Callable[..., Any]:
    """A way to load one of ComfyUI's objects as a way to load its patcher, for ``loads_again``.

    ``chooses_kind`` says whether ``load`` takes ``disable_dynamic``; others have one kind only, or
    leave it to ComfyUI.
    """

    def load_patcher(*arguments: object, disable_dynamic: bool = False) -> Any:
        kind = {"disable_dynamic": disable_dynamic} if chooses_kind else {}
        return load(*arguments, **kind).patcher

    return load_patcher


def loads_again(
    patcher: comfy.model_patcher.ModelPatcher,
    load: Callable[..., comfy.model_patcher.ModelPatcher],
    checkpoint: Checkpoint,
    *arguments: object,
) -> None:
    """Register how ComfyUI can make another patcher with separate weights.

    It asks for one to use a network on several devices, or without its dynamic memory.
    ``load`` takes the checkpoint, the arguments and ``disable_dynamic``.
    """
    reopen = reopener(checkpoint)

    def load_again(
        disable_dynamic: bool = False, **unknown: object
    ) -> comfy.model_patcher.ModelPatcher:
        note_unknown("loading a model again", unknown)
        return load(reopen(), *arguments, disable_dynamic=disable_dynamic)

    cast(Any, patcher).cached_patcher_init = (load_again, ())


def arranged_when_loaded(
    patcher: comfy.model_patcher.ModelPatcher,
) -> comfy.model_patcher.ModelPatcher:
    """Let the weights that a device likes in another order get it when ComfyUI has moved them."""

    def arrange(loaded: comfy.model_patcher.ModelPatcher, *_: object, **__: object) -> None:
        arrange_weights(loaded.model)

    patcher.add_callback(comfy.patcher_extension.CallbacksMP.ON_LOAD, arrange)
    return patcher


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error says that the device has no memory left, by what the host knows of it."""
    asks_host = getattr(comfy.model_management, "is_oom", None)
    if asks_host is not None and asks_host(error):
        return True
    return isinstance(error, comfy.model_management.OOM_EXCEPTION) or says_out_of_memory(error)
