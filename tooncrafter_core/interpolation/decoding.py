"""Decodes latents to a video: the reference's two passes, and fewer frames if memory runs out.

The retreat goes to fewer frames at a time, which gives the same picture; then, only where tiles are
allowed, to tiles, which do not.

Legend: b batch, t frames, c channels, h w space.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from ..device.memory import TileSize, is_out_of_memory, smaller_tile
from ..models.autoencoder.autoencoder import Autoencoder
from .tiling import decode_in_tiles, log_tiles

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


@dataclass(frozen=True, kw_only=True)
class DecodePlan:
    """How a clip is decoded."""

    second_pass: bool = True
    """Whether to decode the middle a second time, as the published program does. It removes a
    flicker there and doubles the time."""
    chunk: int = DEFAULT_CHUNK
    """Frames at a time; the picture does not depend on it."""
    allows_tiles: bool = False
    """Whether tiles may be tried where single frames do not fit; approximate."""
    tile: TileSize | None = None
    """The tile to begin with where they are allowed; None begins with whole frames."""


@dataclass(frozen=True, kw_only=True)
class DecodeEvents:
    """What a host does when memory runs out."""

    is_out_of_memory: Callable[[Exception], bool] = is_out_of_memory
    """Recognises the errors that are answered by smaller pieces."""
    on_retreat: Callable[[int], None] | None = None
    """Called with the chunk before another try."""
    on_tiles: Callable[[TileSize], None] = log_tiles
    """Called with the size before tiles of it are tried."""


def decode_with_references(
    autoencoder: Autoencoder,
    latents: Tensor,
    references: Sequence[Tensor],
    plan: DecodePlan,
    events: DecodeEvents | None = None,
) -> Tensor:
    """Decode latents ``b 4 t h w`` of the autoencoder's scale with the detail of the keyframes.

    ``references`` as in ``EncodedKeyframes``. The video is ``b 3 t H W``, clamped to [-1, 1].
    """

    def in_tiles(clip: Tensor, tile: TileSize) -> Tensor:
        return decode_in_tiles(autoencoder, clip, references, tile)

    return decode_video(
        lambda clip, chunk: autoencoder.decode(clip, references, chunk),
        latents,
        plan,
        events,
        in_tiles,
    )


def decode_video(
    decode: DecodeClip,
    latents: Tensor,
    plan: DecodePlan | None = None,
    events: DecodeEvents | None = None,
    in_tiles: DecodeTiles | None = None,
) -> Tensor:
    """Decode latents to a video ``b 3 t H W``, clamped to [-1, 1].

    The second pass decodes the clip again without its second and last-but-one frame and takes the
    middle from there. Where memory runs out, it goes on with fewer frames at a time, then in tiles
    where the plan allows them.

    Args:
        decode: the autoencoder's decoding with the references bound.
        latents: b 4 t h w, whatever scale ``decode`` takes.
        plan: as published when None.
        events: of the device's own when None.
        in_tiles: decodes in tiles.

    Raises:
        What the device raised when even single frames, or the smallest tiles, do not fit.
    """
    plan, events = plan or DecodePlan(), events or DecodeEvents()
    tiles = in_tiles if plan.allows_tiles else None
    chunk, tile = plan.chunk, plan.tile if tiles is not None else None

    def attempt(clip: Tensor) -> Tensor:
        return decode(clip, chunk) if tile is None or tiles is None else tiles(clip, tile)

    def run(clip: Tensor) -> Tensor:
        nonlocal chunk, tile
        while True:
            retreat = _smaller_piece(clip, chunk, tile, tiles is not None)
            try:
                return attempt(clip)
            except (RuntimeError, MemoryError) as error:
                if retreat is None or not events.is_out_of_memory(error):
                    raise
            # Outside the handler, which would keep the failed try's tensors alive.
            chunk, tile = retreat
            if tile is None:
                logger.warning(
                    "Out of memory while decoding; trying again %d frames at a time.", chunk
                )
            else:
                events.on_tiles(tile)
            if events.on_retreat is not None:
                events.on_retreat(chunk)

    if tile is not None:
        events.on_tiles(tile)

    video = run(latents)
    again = second_pass_frames(latents.shape[2]) if plan.second_pass else ([], [], [])
    kept, taken, replaced = again
    if replaced:
        video[:, :, replaced] = run(latents[:, :, kept])[:, :, taken]
    return video.clamp_(-1.0, 1.0)


def _smaller_piece(
    clip: Tensor, chunk: int, tile: TileSize | None, has_tiles: bool
) -> tuple[int, TileSize | None] | None:
    """The next smaller chunk or tile to try; None when nothing smaller is left."""
    if tile is None and chunk > 1:
        return max(1, chunk // 2), None
    smaller = smaller_tile(tile or TileSize(*clip.shape[-2:])) if has_tiles else None
    return None if smaller is None else (1, smaller)
