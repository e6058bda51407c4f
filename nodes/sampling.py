"""The sampler of one node, and its parts for graphs of SamplerCustom."""

from typing import Any

from comfy_api.latest import io

from .bridge.progress import preview_callback
from .bridge.sampler import DDIMSampler, sample, trailing_sigmas, with_guidance_rescale
from .sockets import CATEGORY, SAMPLING_CATEGORY, eta, guidance_rescale, schema, steps
from .sockets import seed as seed_input


class ToonCrafterSampler(io.ComfyNode):
    """DDIM with the published settings, equal to the published program."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return schema(
            node_id="ToonCrafterSampler",
            display_name="ToonCrafter Sampler (DDIM)",
            category=CATEGORY,
            search_aliases=["ksampler", "denoise"],
            description="Draws the frames between the keyframes, step by step, as the published "
            "program does. The preview plays the clip while it takes shape.",
            inputs=[
                io.Model.Input("model", tooltip="The MODEL of 'Load ToonCrafter', LoRAs included."),
                io.Conditioning.Input("positive", tooltip="positive of 'ToonCrafter Keyframes'."),
                io.Conditioning.Input("negative", tooltip="negative of 'ToonCrafter Keyframes'."),
                io.Latent.Input("latent", tooltip="The empty clip of 'ToonCrafter Keyframes'."),
                seed_input(
                    "Another seed draws another motion. The same seed gives the same frames on "
                    "every device."
                ),
                steps(),
                io.Float.Input(
                    "cfg",
                    default=7.5,
                    min=1.0,
                    max=30.0,
                    step=0.1,
                    tooltip="How strongly to follow the prompt and the first keyframe. 1 switches "
                    "guidance off and halves the time.",
                ),
                eta(),
                guidance_rescale(),
            ],
            outputs=[io.Latent.Output(display_name="LATENT")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        model: Any,
        positive: Any,
        negative: Any,
        latent: dict[str, Any],
        seed: int,
        steps: int,
        cfg: float,
        eta: float,
        guidance_rescale: float,
    ) -> io.NodeOutput:
        """Sample the clip."""
        samples = sample(
            with_guidance_rescale(model, guidance_rescale),
            positive,
            negative,
            latent,
            seed=seed,
            steps=steps,
            guidance_scale=cfg,
            eta=eta,
            callback=preview_callback(model, steps, cls.hidden.unique_id),
        )
        return io.NodeOutput({**latent, "samples": samples})


class ToonCrafterDDIM(io.ComfyNode):
    """The sampler alone."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return schema(
            node_id="ToonCrafterDDIM",
            display_name="ToonCrafter DDIM",
            category=SAMPLING_CATEGORY,
            description="The published sampler for SamplerCustom and SamplerCustomAdvanced. Use it "
            "with 'ToonCrafter Sigmas'.",
            inputs=[eta()],
            outputs=[io.Sampler.Output(display_name="SAMPLER")],
        )

    @classmethod
    def execute(cls, eta: float) -> io.NodeOutput:
        """Make the sampler."""
        return io.NodeOutput(DDIMSampler(eta))


class ToonCrafterSigmas(io.ComfyNode):
    """The noise levels alone."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return schema(
            node_id="ToonCrafterSigmas",
            display_name="ToonCrafter Sigmas",
            category=SAMPLING_CATEGORY,
            description="The noise levels of the published sampler, for SamplerCustom and "
            "SamplerCustomAdvanced with any sampler.",
            inputs=[
                io.Model.Input("model", tooltip="The MODEL of 'Load ToonCrafter'."),
                steps(),
                io.Combo.Input(
                    "spacing",
                    options=["trailing", "uniform"],
                    default="trailing",
                    tooltip="Which noise levels are visited. trailing starts from pure noise and "
                    "is what the model was published with; uniform is what the published program "
                    "switches to at a width of 256.",
                ),
            ],
            outputs=[io.Sigmas.Output(display_name="SIGMAS")],
        )

    @classmethod
    def execute(cls, model: Any, steps: int, spacing: Any) -> io.NodeOutput:
        """Choose the levels."""
        return io.NodeOutput(trailing_sigmas(model, steps, spacing))


class ToonCrafterGuidanceRescale(io.ComfyNode):
    """Guidance rescale alone."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
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
            outputs=[io.Model.Output(display_name="MODEL")],
        )

    @classmethod
    def execute(cls, model: Any, guidance_rescale: float) -> io.NodeOutput:
        """Patch a copy of the model."""
        return io.NodeOutput(with_guidance_rescale(model, guidance_rescale))
