"""Progress bar, moving preview and cancelling, step by step."""

from collections.abc import Callable
from typing import Any

import comfy.utils
import latent_preview
from PIL import Image
from torch import Tensor

StepCallback = Callable[[int, Tensor, Tensor, int], None]
"""ComfyUI's: step from 0, clean estimate, noisy latents, number of steps."""


def preview_callback(model_patcher: Any, steps: int, node_id: str | None) -> StepCallback:
    """Report every step, and show the clip as it takes shape.

    Each step shows the next frame, so that the clip plays while it is sampled. Raises, from within
    the sampler, when the user has cancelled.
    """
    bar = comfy.utils.ProgressBar(steps, node_id=node_id)
    previewer = latent_preview.get_previewer(
        model_patcher.load_device, model_patcher.model.latent_format
    )
    size = latent_preview.MAX_PREVIEW_RESOLUTION

    def report(
        step: int, clean: Tensor, _noisy: Tensor, total: int, *_: object, **__: object
    ) -> None:
        preview = None
        if previewer is not None:
            preview = ("JPEG", draw_frame(previewer, clean, step), size)
        bar.update_absolute(step + 1, total, preview)

    return report


def draw_frame(previewer: Any, clean: Tensor, step: int) -> Image.Image:
    """The preview of one frame of a clip b c t h w, another at every step."""
    frame = step % clean.shape[2]
    return previewer.decode_latent_to_preview(clean[:1, :, frame : frame + 1])
