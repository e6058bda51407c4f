"""The sketch encoder as a ComfyUI CONTROL_NET."""

from .checks import refuse_other_controls, require_fitting_control, require_sketch_control
from .control import SketchControl
from .network import HostSketchEncoder

__all__ = [
    "HostSketchEncoder",
    "SketchControl",
    "refuse_other_controls",
    "require_fitting_control",
    "require_sketch_control",
]
