"""From latents to a video: the reference's two passes, and the retreat when memory runs out.

The retreat goes to fewer frames at a time, which gives the same picture; then, only where tiles are
allowed, to tiles, which do not.

Legend: b batch, t frames, c channels, h w space.
"""

import logging
from collections.abc import Callable

from torch import Tensor

from ..device.memory import TileSize, is_out_of_memory, smaller_tile
from .tiling import log_tiles

logger = logging.getLogger(__name__)

DEFAULT_CHUNK = 4
"""Frames decoded at a time unless memory asks for fewer."""

DecodeClip = Callable[[Tensor, int], Tensor]
"""Decodes b c t h w latents, the given number of frames at a time."""

DecodeTiles = Callable[[Tensor, TileSize], Tensor]
"""Decodes b c t h w latents in tiles of the given size."""


def second_pass_frames(num_frames: int) -> tuple[list[int], list[int], list[int]]:
    """Which frames the second pass decodes, and which of its frames replace which (SPEC 6.3).

    Returns:
        Indices of the clip that are decoded again, then the indices within that shorter video and
        the indices of the clip they replace. An odd clip has one middle frame, an even one two.
        All empty below five frames, where the second pass does not decode the middle; of four the
        published program puts the keyframes there.
    """
    kept = [index for index in range(num_frames) if index not in (1, num_frames - 2)]
    middle = sorted({(num_frames - 1) // 2, num_frames // 2})
    if not all(0 < index < num_frames - 1 and index in kept for index in middle):
        return [], [], []
    return kept, [kept.index(index) for index in middle], middle


def decode_video(
    decode: DecodeClip,
    latents: Tensor,
    *,
    second_pass: bool = True,
    chunk: int = DEFAULT_CHUNK,
    is_out_of_memory: Callable[[Exception], bool] = is_out_of_memory,
    on_retreat: Callable[[int], None] | None = None,
    in_tiles: DecodeTiles | None = None,
    tile: TileSize | None = None,
    on_tiles: Callable[[TileSize], None] = log_tiles,
) -> Tensor:
    """Decode latents to a video b 3 t H W, clamped to [-1, 1].

    The second pass decodes the clip again without its second and last-but-one frame and takes the
    middle from there, which removes a flicker; it doubles the time.

    Args:
        decode: the autoencoder's decoding with the references bound.
        latents: b 4 t h w, whatever scale ``decode`` takes.
        second_pass: whether to decode the middle a second time, as the reference does.
        chunk: frames at a time, the picture does not depend on it.
        is_out_of_memory: tells the errors that are answered by halving ``chunk``.
        on_retreat: told the chunk before another try.
        in_tiles: allows tiles where single frames do not fit, and decodes in them; approximate.
        tile: the size to begin with; None begins with whole frames.
        on_tiles: told the size before tiles of it are tried.

    Raises:
        What the device raised when even single frames, or the smallest tiles, do not fit.
    """

    def attempt(clip: Tensor) -> Tensor:
        if tile is None or in_tiles is None:
            return decode(clip, chunk)
        return in_tiles(clip, tile)

    def run(clip: Tensor) -> Tensor:
        nonlocal chunk, tile
        while True:
            retreat = _smaller_piece(clip, chunk, tile, in_tiles is not None)
            try:
                return attempt(clip)
            except (RuntimeError, MemoryError) as error:
                if retreat is None or not is_out_of_memory(error):
                    raise
            # Outside the handler, which would keep the failed try's tensors alive.
            chunk, tile = retreat
            if tile is None:
                logger.warning(
                    "Out of memory while decoding; trying again %d frames at a time.", chunk
                )
            else:
                on_tiles(tile)
            if on_retreat is not None:
                on_retreat(chunk)

    if tile is not None and in_tiles is not None:
        on_tiles(tile)

    video = run(latents)
    kept, taken, replaced = second_pass_frames(latents.shape[2]) if second_pass else ([], [], [])
    if replaced:
        again = run(latents[:, :, kept])
        video[:, :, replaced] = again[:, :, taken]
    return video.clamp_(-1.0, 1.0)


def _smaller_piece(
    clip: Tensor, chunk: int, tile: TileSize | None, has_tiles: bool
) -> tuple[int, TileSize | None] | None:
    """What to try after this chunk and tile; None when nothing smaller is left."""
    if tile is None and chunk > 1:
        return max(1, chunk // 2), None
    smaller = smaller_tile(tile or TileSize(*clip.shape[-2:])) if has_tiles else None
    return None if smaller is None else (1, smaller)
