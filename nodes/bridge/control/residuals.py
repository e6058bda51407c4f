"""A sketch encoder's residuals as ComfyUI carries control from a CONTROL_NET to a MODEL, and back.

ComfyUI adds up what several CONTROL_NETs give under the names input, middle and output.
"""

from torch import Tensor

from ....tooncrafter_core.errors import SketchError
from ....tooncrafter_core.models.motion.port import Residuals

SKETCHED = "input"
"""What sketches show of the keyframes: it goes in with the latents, and no block has this name."""


def to_control(residuals: Residuals) -> dict[str, list[Tensor]]:
    """The residuals by ComfyUI's names."""
    *blocks, middle = residuals
    control = {"middle": [middle], "output": blocks}
    return control if residuals.sketched is None else {**control, SKETCHED: [residuals.sketched]}


def residuals_of(control: dict[str, list[Tensor]] | None, expected: int) -> Residuals | None:
    """ComfyUI's control as the denoiser's ``control`` argument, for ``expected`` blocks.

    ``SketchError`` for another number of them.
    """
    if control is None:
        return None
    blocks = [*control.get("output", []), *control.get("middle", [])]
    if len(blocks) != expected:
        raise SketchError(
            f"The control has {len(blocks)} parts, the denoiser takes {expected}: the sketch "
            "encoder belongs to another model."
        )
    return Residuals(blocks, next(iter(control.get(SKETCHED, [])), None))
