"""From latents to a video: the reference's two passes, and the retreat when memory runs out.

Legend: b batch, t frames, c channels, h w space.
"""

import logging
from collections.abc import Callable

import torch
from torch import Tensor

logger = logging.getLogger(__name__)

DEFAULT_CHUNK = 4
"""Frames decoded at a time unless memory asks for fewer."""

MIN_FRAMES_OF_SECOND_PASS = 4

DecodeClip = Callable[[Tensor, int], Tensor]
"""Decodes b c t h w latents, the given number of frames at a time."""


def second_pass_frames(num_frames: int) -> tuple[list[int], list[int], list[int]]:
    """Which frames the second pass decodes, and which of its frames replace which (SPEC 6.3).

    Returns:
        Indices of the clip that are decoded again, then the indices within that shorter video and
        the indices of the clip they replace. All empty below four frames, where no frame is left
        between the ends. An odd clip has one middle frame, an even one two.
    """
    if num_frames < MIN_FRAMES_OF_SECOND_PASS:
        return [], [], []
    kept = [index for index in range(num_frames) if index not in (1, num_frames - 2)]
    middle = sorted({(num_frames - 1) // 2, num_frames // 2})
    return kept, [index - 1 for index in middle], middle


def decode_video(
    decode: DecodeClip,
    latents: Tensor,
    *,
    second_pass: bool = True,
    chunk: int = DEFAULT_CHUNK,
    out_of_memory: tuple[type[BaseException], ...] = (torch.cuda.OutOfMemoryError,),
    on_retreat: Callable[[int], None] | None = None,
) -> Tensor:
    """Decode latents to a video b 3 t H W, clamped to [-1, 1].

    The second pass decodes the clip again without its second and last-but-one frame and takes the
    middle from there, which removes a flicker; it doubles the time.

    Args:
        decode: the autoencoder's decoding with the references bound.
        latents: b 4 t h w, whatever scale ``decode`` takes.
        second_pass: whether to decode the middle a second time, as the reference does.
        chunk: frames at a time, the picture does not depend on it.
        out_of_memory: errors that are answered by halving ``chunk``.
        on_retreat: told the new chunk before another try.

    Raises:
        One of ``out_of_memory`` when even single frames do not fit.
    """

    def run(clip: Tensor) -> Tensor:
        nonlocal chunk
        while True:
            try:
                return decode(clip, chunk)
            except out_of_memory:
                if chunk == 1:
                    raise
            # Outside the handler, which would keep the failed try's tensors alive.
            chunk = max(1, chunk // 2)
            logger.warning("Out of memory while decoding; trying again %d frames at a time.", chunk)
            if on_retreat is not None:
                on_retreat(chunk)

    video = run(latents)
    kept, taken, replaced = second_pass_frames(latents.shape[2]) if second_pass else ([], [], [])
    if replaced:
        again = run(latents[:, :, kept])
        video[:, :, replaced] = again[:, :, taken]
    return video.clamp_(-1.0, 1.0)
