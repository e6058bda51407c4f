"""ToonCrafter Decode: the sampled clip to frames, with the detail of both keyframes."""

from typing import Any

from comfy_api.latest import io
from torch import Tensor

from ..tooncrafter_core.device.memory import TileSize
from ..tooncrafter_core.errors import ModelMismatchError, check_choice
from ..tooncrafter_core.interpolation.keyframes import fit_keyframes
from ..tooncrafter_core.interpolation.tiling import tiles_notice
from ..tooncrafter_core.pictures.keyframes import Keyframes
from .bridge.autoencoder import MEBIBYTE, require_tooncrafter
from .bridge.images import to_image, to_pixels
from .bridge.notices import warn
from .latents import asked_size
from .sockets import CATEGORY, advanced, first_image, last_image, schema

TILES_OFF = "off"
TILES_WHEN_NEEDED = "when needed (approximate)"


class ToonCrafterDecode(io.ComfyNode):
    """Dual-reference decoding."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return schema(
            node_id="ToonCrafterDecode",
            display_name="ToonCrafter Decode",
            category=CATEGORY,
            search_aliases=["vae decode"],
            description="Turns the clip into pictures. It reads lines and texture from the two "
            "keyframes, which ComfyUI's VAE Decode cannot.",
            inputs=[
                io.Vae.Input("vae", tooltip="The VAE of 'Load ToonCrafter'."),
                io.Latent.Input("latent", tooltip="The clip of the sampler."),
                first_image(),
                last_image(),
                io.Boolean.Input(
                    "second_pass",
                    default=True,
                    tooltip="Decodes the clip once more and takes the middle frames from there, as "
                    "the published program does; it removes a flicker and doubles the time of this "
                    "node.",
                ),
                io.Int.Input(
                    "memory_budget",
                    default=0,
                    min=0,
                    max=1_000_000,
                    step=256,
                    tooltip="Megabytes this node may use besides the weights. 0 takes what the "
                    "card has free. The picture does not depend on it, only the speed.",
                    **advanced(io.Int.Input),
                ),
                io.Combo.Input(
                    "tiles",
                    options=[TILES_OFF, TILES_WHEN_NEEDED],
                    default=TILES_OFF,
                    # Workflows from before it was there go on.
                    optional=True,
                    tooltip="For memory that cannot hold even one frame: decodes in overlapping "
                    "tiles, only then, and the node says so. Approximate: light and colour may "
                    "differ a little between tiles. off stops with an error instead.",
                    **advanced(io.Combo.Input),
                ),
            ],
            outputs=[
                io.Image.Output(
                    display_name="IMAGE",
                    tooltip="The frames in order, both keyframes included, at the size that was "
                    "asked for.",
                )
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        vae: Any,
        latent: dict[str, Any],
        first_image: Tensor,
        last_image: Tensor,
        second_pass: bool,
        memory_budget: int,
        tiles: str = TILES_OFF,
    ) -> io.NodeOutput:
        """Decode, and cut to the size that 'ToonCrafter Keyframes' was asked for."""
        check_choice("tiles", tiles, (TILES_OFF, TILES_WHEN_NEEDED))
        vae = require_tooncrafter(vae)
        clip = check_clip(latent["samples"], vae.latent_channels)
        keyframes = Keyframes.at_ends(to_pixels(first_image), to_pixels(last_image))
        cell = vae.config.downsampling
        width, height, mode = asked_size(latent, cell)
        fitted = fit_keyframes(keyframes, (width, height), mode, vae.size_multiple)
        rows, columns = clip.shape[-2:]
        if fitted.pixels.shape[-2:] != (rows * cell, columns * cell):
            raise ModelMismatchError(
                f"The LATENT is {columns * cell}x{rows * cell} pixels, but the keyframes were to "
                f"be fitted to {fitted.placement.width}x{fitted.placement.height}. Decode the clip "
                "at the size it was sampled at, and enlarge the pictures afterwards."
            )
        used: list[TileSize] = []
        video = vae.decode_with_references(
            clip,
            fitted.pixels.repeat(clip.shape[0], 1, 1, 1),
            second_pass=second_pass,
            budget=memory_budget * MEBIBYTE or None,
            on_tiles=used.append if tiles == TILES_WHEN_NEEDED else None,
        )
        warn([tiles_notice(tile) for tile in used[-1:]], cls.hidden.unique_id)
        return io.NodeOutput(to_image(fitted.placement.restore(video)))


def check_clip(samples: Tensor, channels: int) -> Tensor:
    """Refuse latents of another model before the decoder is loaded."""
    if samples.ndim == 5 and samples.shape[1] == channels and samples.shape[2] > 1:
        return samples
    raise ModelMismatchError(
        f"This LATENT has the shape {tuple(samples.shape)}; ToonCrafter's is a clip (batch, "
        f"{channels}, 2 or more frames, height, width). Connect the LATENT of the sampler after "
        "'ToonCrafter Keyframes'."
    )
