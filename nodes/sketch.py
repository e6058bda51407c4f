"""Sketches that steer the motion: the encoder's loader and the guidance."""

from typing import Any

from comfy_api.latest import io, ui
from torch import Tensor

from ..tooncrafter_core.checkpoints import detect_sketch_encoder, read_checkpoint
from ..tooncrafter_core.errors import check_choice
from ..tooncrafter_core.sketches.frames import MISSING_MODES, SketchLayer, parse_frames
from ..tooncrafter_core.sketches.guidance import TOKENS_READ
from ..tooncrafter_core.sketches.hints import POLARITIES, fit_hints, to_hint
from .bridge import paths
from .bridge.control import SketchControl, require_sketch_control
from .bridge.encoders.sketch import load_sketch_control
from .bridge.images import hints_to_image, to_pixels
from .bridge.notices import warn
from .checked import checked
from .latents import keyframes_request
from .sockets import SKETCH_CATEGORY, Conditioning, advanced, schema


class LoadToonCrafterSketchEncoder(io.ComfyNode):
    """Reads the sketch encoder's file."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """The name, inputs and outputs of Load ToonCrafter Sketch Encoder."""
        return schema(
            node_id="ToonCrafterSketchEncoderLoader",
            display_name="Load ToonCrafter Sketch Encoder",
            category=SKETCH_CATEGORY,
            search_aliases=["controlnet", "sketch"],
            description="Loads sketch_encoder.ckpt or sketch_encoder-fp16.safetensors of "
            "models/controlnet.",
            inputs=[
                io.Combo.Input(
                    "sketch_encoder",
                    options=paths.list_sketch_encoders(),
                    tooltip="A file of models/controlnet.",
                ),
                io.Combo.Input(
                    "tokens",
                    options=list(TOKENS_READ),
                    default="text",
                    tooltip="What the encoder reads besides the sketch: text is what control "
                    "networks are trained with and the usual choice; all adds the image tokens, as "
                    "one other program does. Its authors do not say which is meant.",
                    **advanced(io.Combo.Input),
                ),
            ],
            outputs=[
                io.ControlNet.Output(
                    display_name="CONTROL_NET",
                    tooltip="The sketch encoder: to 'ToonCrafter Sketch Guidance'.",
                )
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, sketch_encoder: str, tokens: str) -> str:
        """Let ComfyUI load again when the file was replaced by another of the same name."""
        return paths.fingerprint(sketch_encoder, "controlnet")

    @classmethod
    @checked
    def execute(cls, sketch_encoder: str, tokens: Any) -> io.NodeOutput:
        """Build ComfyUI's object."""
        check_choice("tokens", tokens, TOKENS_READ)
        checkpoint = read_checkpoint(paths.find(sketch_encoder, "controlnet"))
        control = load_sketch_control(checkpoint, detect_sketch_encoder(checkpoint))
        control.tokens_read = tokens
        return io.NodeOutput(control)


class ToonCrafterSketchGuidance(io.ComfyNode):
    """Puts sketches at frames of the clip."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """The name, inputs and outputs of ToonCrafter Sketch Guidance."""
        return schema(
            node_id="ToonCrafterSketchGuidance",
            display_name="ToonCrafter Sketch Guidance",
            category=SKETCH_CATEGORY,
            search_aliases=["sketch", "pose", "controlnet apply", "colorize", "colourise"],
            found_as="colorize",
            description="Draw the motion: give sketches for any frames of the clip. The preview "
            "shows what the network will see: white lines on black. Several of these nodes in a "
            "row give different sketches different strengths.",
            inputs=[
                io.Conditioning.Input("positive", tooltip="positive of 'ToonCrafter Keyframes'."),
                io.Conditioning.Input("negative", tooltip="negative of 'ToonCrafter Keyframes'."),
                io.ControlNet.Input("control_net", tooltip="Of 'Load ToonCrafter Sketch Encoder'."),
                io.Image.Input(
                    "sketches",
                    tooltip="One sketch or a batch: lines of any colour on any background. "
                    "They are fitted as the keyframes are.",
                ),
                io.String.Input(
                    "frames",
                    default="8",
                    tooltip="Which frames the sketches are for, in the order of the batch: 1 is "
                    "the first frame, -1 the last. Such as: 8 - or: 1, 8, 16 - or: 4-7 - or: all, "
                    "with a sketch for every frame.",
                ),
                io.Float.Input(
                    "strength",
                    default=0.6,
                    min=0.0,
                    max=10.0,
                    step=0.01,
                    tooltip="How closely to follow the lines. 0.6 is usual; 0 is no guidance.",
                ),
                io.Float.Input(
                    "start_percent",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.001,
                    tooltip="Where in the sampling the guidance begins; 0 is its first step.",
                    **advanced(io.Float.Input),
                ),
                io.Float.Input(
                    "end_percent",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.001,
                    tooltip="Where it ends. 0.6 leaves the finish to the model, which hides stiff "
                    "lines.",
                ),
                io.Combo.Input(
                    "polarity",
                    options=list(POLARITIES),
                    default="auto",
                    tooltip="Whether lines are dark on light or not. auto finds out; the preview "
                    "must show white lines on black.",
                    **advanced(io.Combo.Input),
                ),
                io.Combo.Input(
                    "other_frames",
                    options=list(MISSING_MODES),
                    default="empty",
                    tooltip="What frames without a sketch get: empty is an empty sketch, as the "
                    "method was trained; none leaves them without any guidance.",
                    **advanced(io.Combo.Input),
                ),
            ],
            outputs=[
                io.Conditioning.Output(
                    display_name="positive",
                    tooltip="The prompt with keyframes and sketches in it: to the sampler, or to "
                    "another of these nodes.",
                ),
                io.Conditioning.Output(
                    display_name="negative",
                    tooltip="The negative prompt with the same: to the same node as positive.",
                ),
                io.Image.Output(
                    display_name="hints",
                    tooltip="What the network sees of the sketches: white lines on black.",
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    @checked
    def execute(
        cls,
        positive: Conditioning,
        negative: Conditioning,
        control_net: Any,
        sketches: Tensor,
        frames: str,
        strength: float,
        start_percent: float,
        end_percent: float,
        polarity: Any,
        other_frames: Any,
    ) -> io.NodeOutput:
        """Add the sketches to both conditionings."""
        check_choice("polarity", polarity, POLARITIES)
        check_choice("other_frames", other_frames, MISSING_MODES)
        control = require_sketch_control(control_net)
        asked = keyframes_request(positive)
        chosen = parse_frames(frames, asked.frames, sketches.shape[0])
        found = to_hint(to_pixels(sketches), polarity)
        hints, _ = fit_hints(found.hints, asked.width, asked.height, asked.fit, asked.multiple)
        image = hints_to_image(hints)
        warn(found.warnings, getattr(cls.hidden, "unique_id", None))
        preview = {**ui.PreviewImage(image, cls=cls).as_dict(), "text": found.warnings}
        if strength == 0:
            return io.NodeOutput(positive, negative, image, ui=preview)
        layer = SketchLayer(
            hints=hints,
            frames=tuple(chosen),
            strength=strength,
            start_percent=start_percent,
            end_percent=end_percent,
        )
        guided: dict[int, SketchControl] = {}
        outputs = [
            [[text, guide(values, control, layer, other_frames, guided)] for text, values in side]
            for side in (positive, negative)
        ]
        return io.NodeOutput(*outputs, image, ui=preview)


def guide(
    values: dict[str, Any],
    control: SketchControl,
    layer: SketchLayer,
    other_frames: Any,
    guided: dict[int, SketchControl],
) -> dict[str, Any]:
    """One side's values with the sketches added.

    Sketches of the same encoder join those already there, so that a frame is guided once. Both
    sides share one control, which lets ComfyUI run them together; ``guided`` remembers it.
    """
    earlier = values.get("control")
    if id(earlier) not in guided:
        if isinstance(earlier, SketchControl) and earlier.shares_weights(control):
            joined = earlier.with_layer(layer)
            joined.set_previous_controlnet(earlier.previous_controlnet)
        else:
            joined = control.with_layer(layer)
            joined.set_previous_controlnet(earlier)
        joined.unsketched = other_frames
        guided[id(earlier)] = joined
    return {**values, "control": guided[id(earlier)], "control_apply_to_uncond": False}
