"""Progress bar, moving preview and cancelling, step by step."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import comfy.utils
import latent_preview
from PIL import Image
from torch import Tensor, nn

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


@contextmanager
def progress_by_parts(
    parts: Iterable[nn.Module], total: float, weight: Callable[[Tensor], float], node_id: str | None
) -> Iterator[None]:
    """Report work that has no steps by the layers that have run, and end it on cancelling.

    Args:
        parts: layers that are called one after another.
        total: the weights of all their calls together.
        weight: of a call, from what it gives.
        node_id: whose bar moves.
    """
    bar = comfy.utils.ProgressBar(100, node_id=node_id)
    done = 0.0

    def count(_layer: nn.Module, _given: object, result: Tensor) -> None:
        nonlocal done
        done += weight(result)
        # A second try, or tiles that overlap, compute more than was counted.
        bar.update_absolute(min(99, int(100 * done / total)), 100)

    hooks = [part.register_forward_hook(count) for part in parts]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def step_progress(
    model_patcher: Any, steps: int, guidance_scale: float, node_id: str | None
) -> AbstractContextManager[None]:
    """Report a sampling of one step by the denoiser's blocks; more steps report themselves."""
    denoiser = model_patcher.model.diffusion_model
    if steps > 1 or not hasattr(denoiser, "input_blocks"):
        return nullcontext()
    blocks = [*denoiser.input_blocks, denoiser.middle_block, *denoiser.output_blocks]
    layers = [layer for block in blocks for layer in block]
    predictions = 1 if guidance_scale == 1 else 2
    return progress_by_parts(layers, len(layers) * predictions, lambda _: 1.0, node_id)


def draw_frame(previewer: Any, clean: Tensor, step: int) -> Image.Image:
    """The preview of one frame of a clip b c t h w, another at every step."""
    frame = step % clean.shape[2]
    return previewer.decode_latent_to_preview(clean[:1, :, frame : frame + 1])
