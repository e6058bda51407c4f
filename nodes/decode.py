"""ToonCrafter Decode: the sampled clip to frames, with the detail of both keyframes."""

from typing import Any

import torch
from comfy_api.latest import io
from einops import repeat
from torch import Tensor

from ..tooncrafter_core.device.memory import TileSize
from ..tooncrafter_core.errors import check_choice
from ..tooncrafter_core.interpolation.tiling import tiles_notice
from ..tooncrafter_core.pictures.regions import lay_back
from .bridge.autoencoder import MEBIBYTE, decoding_progress, require_tooncrafter
from .bridge.clips.request import ClipRequest, Latent, single_request
from .bridge.clips.saved_size import saved_size
from .bridge.images import to_image
from .bridge.notices import warn
from .checked import checked
from .latents import check_clip
from .references import references_for
from .sockets import CATEGORY, MAX_SIDE, advanced, schema

TILES_OFF = "off"
TILES_WHEN_NEEDED = "when needed (approximate)"


class ToonCrafterDecode(io.ComfyNode):
    """Dual-reference decoding."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """The name, inputs and outputs of ToonCrafter Decode."""
        return schema(
            node_id="ToonCrafterDecode",
            display_name="ToonCrafter Decode",
            category=CATEGORY,
            search_aliases=["vae decode", "animation frames"],
            found_as="interpolation",
            description="Turns the clip into pictures. It reads lines and texture from the two "
            "keyframes, which ComfyUI's VAE Decode cannot.",
            inputs=[
                io.Vae.Input("vae", tooltip="The VAE of 'Load ToonCrafter'."),
                io.Latent.Input("latent", tooltip="The clip of the sampler."),
                io.Image.Input(
                    "first_image",
                    optional=True,
                    tooltip="Only for a LATENT that has lost its drawings (Load Latent): the "
                    "drawing the clip begins with. Otherwise the clip knows it.",
                ),
                io.Image.Input(
                    "last_image",
                    optional=True,
                    tooltip="Only for a LATENT that has lost its drawings (Load Latent): the "
                    "drawing the clip ends with. Otherwise the clip knows it.",
                ),
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
                *(
                    io.Int.Input(
                        side,
                        default=0,
                        min=0,
                        max=MAX_SIDE,
                        optional=True,
                        tooltip=f"Only for a LATENT from Load Latent: {side} of the result in "
                        "pixels. 0 is what its file says, else as the clip was drawn.",
                        **advanced(io.Int.Input),
                    )
                    for side in ("width", "height")
                ),
            ],
            outputs=[
                io.Image.Output(
                    display_name="IMAGE",
                    tooltip="The frames in order, both keyframes included, at the size that was "
                    "asked for.",
                )
            ],
            hidden=[io.Hidden.unique_id, io.Hidden.prompt],
        )

    @classmethod
    @checked
    def execute(
        cls,
        vae: Any,
        latent: Latent,
        first_image: Tensor | None = None,
        last_image: Tensor | None = None,
        second_pass: bool = True,
        memory_budget: int = 0,
        tiles: str = TILES_OFF,
        width: int = 0,
        height: int = 0,
    ) -> io.NodeOutput:
        """Decode, and cut to the size that 'ToonCrafter Keyframes' was asked for."""
        check_choice("tiles", tiles, (TILES_OFF, TILES_WHEN_NEEDED))
        vae = require_tooncrafter(vae)
        pictures, size = (first_image, last_image), (width, height)
        saved = saved_size(getattr(cls.hidden, "prompt", None), cls.hidden.unique_id)
        references = references_for(latent, vae, pictures, size, saved)
        clip = check_clip(latent["samples"], vae.latent_channels)
        used: list[TileSize] = []
        with decoding_progress(vae, clip, second_pass, cls.hidden.unique_id):
            video = vae.decode_with_references(
                clip,
                repeat(references.images, "r c h w -> (b r) c h w", b=clip.shape[0]),
                second_pass=second_pass,
                budget=memory_budget * MEBIBYTE or None,
                on_tiles=used.append if tiles == TILES_WHEN_NEEDED else None,
            )
        notices = [references.notice] if references.notice else []
        notices += [tiles_notice(tile) for tile in used[-1:]]
        warn(notices, cls.hidden.unique_id)
        frames = to_image(references.placement.restore(video))
        return io.NodeOutput(with_rest(frames, single_request(latent)))


def with_rest(drawn: Tensor, request: ClipRequest | None) -> Tensor:
    """Drawn frames; where only a part of a clip was drawn again, within the rest of that clip."""
    redraw = request.redraw if request is not None else None
    if redraw is None:
        return drawn
    clips = drawn.split(len(redraw.frames))
    return torch.cat([lay_back(redraw.frames, clip, redraw.weights) for clip in clips])
