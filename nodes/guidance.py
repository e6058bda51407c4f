"""Guidance rescale and guidance in a part of the sampling, as patches of the model."""

from typing import Any

from comfy_api.latest import io

from ..tooncrafter_core.errors import ToonCrafterError
from .bridge.sampler import with_guidance_interval, with_guidance_rescale
from .checked import checked
from .sockets import SAMPLING_CATEGORY, guidance_rescale, schema


class ToonCrafterGuidanceRescale(io.ComfyNode):
    """Guidance rescale alone."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """The name, inputs and outputs of ToonCrafter Guidance Rescale."""
        return schema(
            node_id="ToonCrafterGuidanceRescale",
            display_name="ToonCrafter Guidance Rescale",
            category=SAMPLING_CATEGORY,
            description="Takes back the contrast that guidance adds, as the model was published; "
            "for KSampler and SamplerCustom. ComfyUI's own RescaleCFG does another thing on clips.",
            inputs=[
                io.Model.Input("model", tooltip="The MODEL of 'Load ToonCrafter'."),
                guidance_rescale(),
            ],
            outputs=[
                io.Model.Output(
                    display_name="MODEL", tooltip="The same model with rescaled guidance."
                )
            ],
        )

    @classmethod
    @checked
    def execute(cls, model: Any, guidance_rescale: float) -> io.NodeOutput:
        """Patch a copy of the model."""
        return io.NodeOutput(with_guidance_rescale(model, guidance_rescale))


class ToonCrafterGuidanceInterval(io.ComfyNode):
    """Guidance in a part of the sampling only."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """The name, inputs and outputs of ToonCrafter Guidance Interval (approximate)."""
        return schema(
            node_id="ToonCrafterGuidanceInterval",
            display_name="ToonCrafter Guidance Interval (approximate)",
            category=SAMPLING_CATEGORY,
            search_aliases=["speed", "faster", "skip cfg"],
            description="Follows cfg in a part of the sampling only. Elsewhere a step makes one "
            "prediction in place of two and takes half the time. The clip changes. For every "
            "sampler.",
            inputs=[
                io.Model.Input("model", tooltip="The MODEL of 'Load ToonCrafter'."),
                io.Float.Input(
                    "start_percent",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Where guidance begins: 0 is the first step, 0.5 the middle. The first "
                    "steps decide what moves.",
                ),
                io.Float.Input(
                    "end_percent",
                    default=0.6,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Where guidance ends: 1 is the last step. At 0.6 the sampling takes "
                    "four fifths of its time.",
                ),
            ],
            outputs=[
                io.Model.Output(
                    display_name="MODEL",
                    tooltip="The same model, guided in that part of the sampling only.",
                )
            ],
        )

    @classmethod
    @checked
    def execute(cls, model: Any, start_percent: float, end_percent: float) -> io.NodeOutput:
        """Patch a copy of the model."""
        if not 0 <= start_percent <= end_percent <= 1:
            raise ToonCrafterError(
                f"start_percent {start_percent:g} and end_percent {end_percent:g} must lie between "
                "0 and 1, the start before the end."
            )
        return io.NodeOutput(with_guidance_interval(model, start_percent, end_percent))
