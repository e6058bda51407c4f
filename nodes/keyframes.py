"""ToonCrafter Keyframes: two drawings into the conditioning and an empty clip."""

from typing import Any

from comfy_api.latest import io
from torch import Tensor

from ..tooncrafter_core.diffusion.noise import NoiseStream
from ..tooncrafter_core.errors import check_choice
from ..tooncrafter_core.interpolation.keyframes import (
    FittedKeyframes,
    encoded_keyframes,
    fit_keyframes,
)
from ..tooncrafter_core.pictures.fitting import FitMode
from ..tooncrafter_core.pictures.keyframes import Keyframes
from .bridge.autoencoder import ToonCrafterVAE, require_tooncrafter
from .bridge.clips.request import REQUEST, ClipRequest
from .bridge.conditioning import IMAGE_FEATURES, KEYFRAME_LATENTS, MOTION_FPS
from .bridge.encoders.image import encode_image, encode_mid_grey, require_clip_vision
from .bridge.images import to_pixels
from .bridge.notices import warn
from .checked import checked
from .latents import make_clip
from .sockets import (
    CATEGORY,
    FIT_OPTIONS,
    MAX_FRAMES,
    Conditioning,
    first_image,
    fit_input,
    last_image,
    motion_fps,
    schema,
    size,
)
from .sockets import seed as seed_input


class ToonCrafterKeyframes(io.ComfyNode):
    """Conditions the prompts on the keyframes, and makes the empty clip."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """The name, inputs and outputs of ToonCrafter Keyframes."""
        return schema(
            node_id="ToonCrafterKeyframes",
            display_name="ToonCrafter Keyframes",
            category=CATEGORY,
            search_aliases=["inbetween", "tween", "interpolation", "loop", "start end frame"],
            found_as="tween, loop",
            description="Adds two keyframes to the prompts and makes the empty clip between them. "
            "The first frame also sets the look of the clip.",
            inputs=[
                io.Conditioning.Input(
                    "positive", tooltip="The prompt: what is seen and what happens."
                ),
                io.Conditioning.Input(
                    "negative",
                    tooltip="The prompt of what to keep away from; an empty one is what the model "
                    "was published with.",
                ),
                io.ClipVision.Input(
                    "clip_vision", tooltip="The image encoder: CLIP_VISION of 'Load ToonCrafter'."
                ),
                io.Vae.Input("vae", tooltip="The VAE of 'Load ToonCrafter'."),
                first_image(),
                last_image(),
                *size(),
                io.Int.Input(
                    "frames",
                    default=16,
                    min=2,
                    max=MAX_FRAMES,
                    tooltip="Frames of the clip, both keyframes included. The model was trained on "
                    "16; with other counts each frame takes the nearest of the 16 moments.",
                ),
                motion_fps(),
                fit_input(),
                seed_input(
                    "Noise in the encoding of the keyframes; hardly visible. The same seed as the "
                    "sampler's repeats the published program's noise.",
                    # A new one at every run would encode the same drawings again.
                    changes_after_run=False,
                    is_advanced=True,
                    label="encoding seed",
                ),
            ],
            outputs=[
                io.Conditioning.Output(
                    display_name="positive",
                    tooltip="The prompt with the keyframes in it: to the sampler, or to "
                    "'ToonCrafter Sketch Guidance'.",
                ),
                io.Conditioning.Output(
                    display_name="negative",
                    tooltip="The negative prompt with the keyframes in it: to the same node as "
                    "positive.",
                ),
                io.Latent.Output(
                    display_name="LATENT",
                    tooltip="The empty clip: to the sampler. It carries the size for the decode "
                    "node.",
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
        clip_vision: Any,
        vae: Any,
        first_image: Tensor,
        last_image: Tensor,
        width: int,
        height: int,
        frames: int,
        motion_fps: int,
        fit: FitMode,
        seed: int,
    ) -> io.NodeOutput:
        """Encode both keyframes and the look of the first."""
        check_choice("fit", fit, FIT_OPTIONS)
        vae = require_tooncrafter(vae)
        require_clip_vision(clip_vision)
        keyframes = Keyframes.at_ends(to_pixels(first_image), to_pixels(last_image))
        warn(white_notices(keyframes), getattr(cls.hidden, "unique_id", None))
        fitted = fit_keyframes(keyframes, (width, height), fit, vae.size_multiple)
        latents = encode_keyframes(vae, fitted, frames, seed)
        # The encoder sees the first keyframe as it is, not as it is fitted (SPEC section 7).
        features = encode_image(clip_vision, keyframes.pictures[0])
        grey = encode_mid_grey(clip_vision)
        request = ClipRequest(
            width=width,
            height=height,
            fit=fit,
            multiple=vae.size_multiple,
            frames=frames,
            keyframes=fitted.pixels,
            space=vae.latent_space,
        )
        carried = {KEYFRAME_LATENTS: latents, MOTION_FPS: float(motion_fps), REQUEST: request}
        return io.NodeOutput(
            with_values(positive, {**carried, IMAGE_FEATURES: features}),
            with_values(negative, {**carried, IMAGE_FEATURES: grey}),
            make_clip(latents, request),
        )


def white_notices(keyframes: Keyframes) -> list[str]:
    """Say of each drawing that nothing is on it, which its file may not mean."""
    return [
        f"{name} is white all over. If its file is not: Load Image of older versions of ComfyUI "
        "makes 16-bit grey pictures white. Save it with 8 bits, or in colour."
        for name, picture in zip(("first_image", "last_image"), keyframes.pictures, strict=True)
        if bool((picture == 1.0).all())
    ]


def encode_keyframes(
    vae: ToonCrafterVAE, fitted: FittedKeyframes, frames: int, seed: int
) -> Tensor:
    """Latents of both keyframes, 1 4 2 h w, drawn from their posterior."""
    posterior = vae.encode_keyframes(fitted.pixels)
    channels, height, width = posterior.mean.shape[1:]
    noise = NoiseStream(seed, (1, channels, frames, height, width))
    return encoded_keyframes(posterior, noise, fitted.indices).latents.to(vae.output_device)


def with_values(conditioning: Conditioning, values: dict[str, Any]) -> Conditioning:
    """A copy of a CONDITIONING that carries these values too."""
    return [[text, {**earlier, **values}] for text, earlier in conditioning]
