"""Which CONTROL_NETs may guide ToonCrafter."""

from typing import Any

from ....tooncrafter_core.errors import ModelMismatchError
from ....tooncrafter_core.sketches.guidance import check_sketch_encoder
from .control import SketchControl


def require_sketch_control(control: object) -> SketchControl:
    """Check that a CONTROL_NET is a sketch encoder."""
    if isinstance(control, SketchControl):
        return control
    raise ModelMismatchError(
        f"This CONTROL_NET is a {type(control).__name__} of another model; sketches need the one "
        "of 'Load ToonCrafter Sketch Encoder'."
    )


def require_fitting_control(control: object, model: Any) -> None:
    """Check that a CONTROL_NET is a sketch encoder, and of this MODEL."""
    encoder = require_sketch_control(control).encoder
    config = getattr(model.model, "tooncrafter", None)
    # A MODEL of another kind is refused by the sampler, in its own words.
    if config is not None:
        check_sketch_encoder(encoder.config, config.unet)


def refuse_other_controls(control: Any) -> None:
    """Refuse, before the first step, control networks of other models in the chain."""
    while control is not None:
        if not isinstance(control, SketchControl):
            raise ModelMismatchError(
                f"A {type(control).__name__} is applied to ToonCrafter, which it was not made for. "
                "ToonCrafter takes the CONTROL_NET of 'Load ToonCrafter Sketch Encoder' only."
            )
        control = control.previous_controlnet
