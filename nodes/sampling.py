"""The sampler of one node, and its parts for graphs of SamplerCustom."""

from typing import Any

from comfy_api.latest import io

from ..tooncrafter_core.diffusion.schedule import SPACINGS
from ..tooncrafter_core.errors import check_choice
from ..tooncrafter_core.interpolation.settings import SPEED_PRESETS
from .bridge.clips.request import Latent
from .bridge.progress import preview_callback, step_progress
from .bridge.sampler import (
    DDIMSampler,
    SamplingChoice,
    sample,
    solver_sigmas,
    trailing_sigmas,
    with_guidance_rescale,
)
from .checked import checked
from .latents import check_parts
from .sockets import (
    CATEGORY,
    PRESET_OPTIONS,
    PUBLISHED,
    SAMPLING_CATEGORY,
    advanced,
    cfg,
    eta,
    guidance_rescale,
    preset,
    schema,
    steps,
)
from .sockets import seed as seed_input

SOLVER_SPACING = "dpmpp_2m (approximate)"
SPACING_OPTIONS = [*SPACINGS, SOLVER_SPACING]


class ToonCrafterSampler(io.ComfyNode):
    """DDIM with the published settings, equal to the published program."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """The name, inputs and outputs of ToonCrafter Sampler (DDIM)."""
        return schema(
            node_id="ToonCrafterSampler",
            display_name="ToonCrafter Sampler (DDIM)",
            category=CATEGORY,
            search_aliases=["ksampler", "denoise", "interpolation", "animation"],
            description="Draws the frames between the keyframes, step by step, as the published "
            "program does. The preview plays the clip while it takes shape.",
            inputs=[
                io.Model.Input("model", tooltip="The MODEL of 'Load ToonCrafter', LoRAs included."),
                io.Conditioning.Input("positive", tooltip="positive of 'ToonCrafter Keyframes'."),
                io.Conditioning.Input("negative", tooltip="negative of 'ToonCrafter Keyframes'."),
                io.Latent.Input("latent", tooltip="The empty clip of 'ToonCrafter Keyframes'."),
                seed_input(
                    "Another seed draws another motion. The same seed gives the same noise on "
                    "every device."
                ),
                steps(),
                cfg(),
                eta(is_advanced=True),
                guidance_rescale(is_advanced=True),
                preset(),
            ],
            outputs=[
                io.Latent.Output(
                    display_name="LATENT", tooltip="The drawn clip: to 'ToonCrafter Decode'."
                )
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    @checked
    def execute(
        cls,
        model: Any,
        positive: Any,
        negative: Any,
        latent: Latent,
        seed: int,
        steps: int,
        cfg: float,
        eta: float,
        guidance_rescale: float,
        preset: str = PUBLISHED,
    ) -> io.NodeOutput:
        """Sample the clip."""
        check_choice("preset", preset, PRESET_OPTIONS)
        check_parts(positive, negative, latent)
        chosen = SPEED_PRESETS[PRESET_OPTIONS[preset]]
        steps = chosen.get("steps", steps)
        with step_progress(model, steps, cfg, cls.hidden.unique_id):
            samples = sample(
                with_guidance_rescale(model, guidance_rescale),
                (positive, negative),
                latent,
                SamplingChoice(seed, steps, cfg, eta, chosen.get("solver", "ddim")),
                preview_callback(model, steps, cls.hidden.unique_id),
            )
        return io.NodeOutput({**latent, "samples": samples})


class ToonCrafterDDIM(io.ComfyNode):
    """The sampler alone."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """The name, inputs and outputs of ToonCrafter DDIM."""
        return schema(
            node_id="ToonCrafterDDIM",
            display_name="ToonCrafter DDIM",
            category=SAMPLING_CATEGORY,
            description="The published sampler for SamplerCustom and SamplerCustomAdvanced. Use it "
            "with 'ToonCrafter Sigmas'.",
            inputs=[eta()],
            outputs=[
                io.Sampler.Output(
                    display_name="SAMPLER", tooltip="The published sampler: to SamplerCustom."
                )
            ],
        )

    @classmethod
    @checked
    def execute(cls, eta: float) -> io.NodeOutput:
        """Make the sampler."""
        return io.NodeOutput(DDIMSampler(eta))


class ToonCrafterSigmas(io.ComfyNode):
    """The noise levels alone."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """The name, inputs and outputs of ToonCrafter Sigmas."""
        return schema(
            node_id="ToonCrafterSigmas",
            display_name="ToonCrafter Sigmas",
            category=SAMPLING_CATEGORY,
            description="Noise levels for SamplerCustom and SamplerCustomAdvanced: those of the "
            "published sampler, or those for dpmpp_2m in few steps.",
            inputs=[
                io.Model.Input("model", tooltip="The MODEL of 'Load ToonCrafter'."),
                steps(),
                io.Combo.Input(
                    "spacing",
                    options=SPACING_OPTIONS,
                    default="trailing",
                    tooltip="Which noise levels are visited. trailing starts from pure noise and "
                    "is what the model was published with; uniform is what the published program "
                    "switches to at a width of 256; dpmpp_2m (approximate) is for that sampler in "
                    "25 or 12 steps.",
                    **advanced(io.Combo.Input),
                ),
            ],
            outputs=[
                io.Sigmas.Output(
                    display_name="SIGMAS",
                    tooltip="The noise levels, one more than there are steps: to SamplerCustom.",
                )
            ],
        )

    @classmethod
    @checked
    def execute(cls, model: Any, steps: int, spacing: Any) -> io.NodeOutput:
        """Choose the levels."""
        check_choice("spacing", spacing, SPACING_OPTIONS)
        if spacing == SOLVER_SPACING:
            return io.NodeOutput(solver_sigmas(model, steps))
        return io.NodeOutput(trailing_sigmas(model, steps, spacing))
