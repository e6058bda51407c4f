"""A sketch encoder's file as a ComfyUI CONTROL_NET."""

import comfy.model_patcher
import comfy.ops

from ....tooncrafter_core.checkpoints import Checkpoint, Component, load_component
from ....tooncrafter_core.config.model import SketchEncoderConfig
from ....tooncrafter_core.device.precision import inference_dtypes
from ..control import HostSketchEncoder, SketchControl
from ..patchers import choose_dtypes, loads_again, make_patcher, patcher_of


def load_sketch_control(
    checkpoint: Checkpoint, config: SketchEncoderConfig, *, disable_dynamic: bool = False
) -> SketchControl:
    """Build the CONTROL_NET of a sketch encoder's file; strict.

    ``disable_dynamic`` is ComfyUI's word for weights that are loaded before a run.
    """
    size = sum(info.numel for info in checkpoint.info.values())
    dtypes = choose_dtypes(size, inference_dtypes(config))
    layers = comfy.ops.pick_operations(dtypes.weights, dtypes.manual_cast)
    network = HostSketchEncoder(config, layers, dtypes.weights)
    load_component(network, checkpoint, Component.SKETCH_ENCODER, dtype=dtypes.weights)
    patcher = make_patcher(network, is_static=disable_dynamic)
    loads_again(patcher, patcher_of(load_sketch_control), checkpoint, config)
    return SketchControl(patcher, dtypes.compute)
