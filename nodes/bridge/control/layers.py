"""Checks the sketches of a control against the clip that they are used for."""

from collections.abc import Sequence

from ....tooncrafter_core.errors import SketchError
from ....tooncrafter_core.sketches.frames import SketchLayer

USUAL_CLIP = (16, 40, 64)
"""Frames, height and width in latent cells that memory is estimated for before a clip is known."""


def clip_size(layers: Sequence[SketchLayer], is_dense: bool, cell: int) -> tuple[int, int, int]:
    """Frames, height and width in latent cells, as far as the sketches determine them.

    ``is_dense`` marks sketches that came without frame numbers, and are not fitted yet; a latent
    cell is ``cell`` pixels wide.
    """
    frames, height, width = USUAL_CLIP
    for layer in layers:
        frames = max(frames, *(frame + 1 for frame in layer.frames))
        if not is_dense:
            height, width = (side // cell for side in layer.hints.shape[-2:])
    return frames, height, width


def check_count(layers: Sequence[SketchLayer], num_frames: int) -> None:
    """Refuse sketches without frame numbers that are not one for every frame.

    Raises:
        SketchError: there are more or fewer of them than frames.
    """
    count = layers[0].hints.shape[0] if layers else 0
    if count != num_frames:
        raise SketchError(
            f"{count} sketches were given for {num_frames} frames. Give one for every frame, or "
            "use 'ToonCrafter Sketch Guidance', which takes any at the frames you name."
        )
