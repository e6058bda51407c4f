"""ToonCrafter Redraw: some frames or a region of a clip that is there, drawn again."""

from dataclasses import replace
from typing import Any

from comfy_api.latest import io
from torch import Tensor

from ..tooncrafter_core.errors import RedrawError
from ..tooncrafter_core.pictures.fitting import fit
from ..tooncrafter_core.pictures.regions import (
    MOST_PIXELS,
    Edge,
    Stretch,
    region,
    region_cells,
)
from .bridge.autoencoder import require_tooncrafter
from .bridge.clips.request import (
    ClipRequest,
    Latent,
    Redraw,
    refuse_other_space,
    single_request,
)
from .bridge.images import to_pixels
from .checked import checked
from .latents import make_clip
from .sockets import CATEGORY, MAX_FRAMES, advanced, schema

COLOURS = 3


class ToonCrafterRedraw(io.ComfyNode):
    """Puts a clip into the empty LATENT, with a mask of what the sampler may change."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """The name, inputs and outputs of ToonCrafter Redraw."""
        return schema(
            node_id="ToonCrafterRedraw",
            display_name="ToonCrafter Redraw",
            category=CATEGORY,
            search_aliases=["inpaint", "mask", "retake", "fix frames", "region"],
            found_as="inpaint",
            description="Draws some frames of a clip again, or what a mask shows in them: a hand, "
            "a face. Every other pixel and frame comes out of 'ToonCrafter Decode' as it was, to "
            "the bit.",
            inputs=[
                io.Vae.Input("vae", tooltip="The VAE of 'Load ToonCrafter'."),
                io.Latent.Input(
                    "latent",
                    tooltip="The empty clip of 'ToonCrafter Keyframes', which has the first and "
                    "the last frame of the clip as its drawings, and as many frames.",
                ),
                io.Image.Input(
                    "frames",
                    tooltip="The clip: all its frames as one batch, at the size that 'ToonCrafter "
                    "Keyframes' is asked for.",
                ),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip="What is drawn again, white (1): one mask for all frames, one for each "
                    "frame of the clip, or one for each frame from from_frame to to_frame. Without "
                    "a mask these frames are drawn again whole.",
                ),
                _frame("from_frame", 2, "first"),
                _frame("to_frame", -2, "last"),
                io.Int.Input(
                    "grow",
                    default=Edge.grow,
                    min=0,
                    max=MOST_PIXELS,
                    tooltip="Pixels by which the mask becomes wider, so that lines at its edge are "
                    "drawn again as well.",
                ),
                io.Int.Input(
                    "feather",
                    default=Edge.feather,
                    min=0,
                    max=MOST_PIXELS,
                    tooltip="Pixels over which old and new mix, inside the edge of the grown mask. "
                    "0 cuts sharply.",
                    **advanced(io.Int.Input),
                ),
            ],
            outputs=[
                io.Latent.Output(
                    display_name="LATENT",
                    tooltip="The clip with its mask: to any sampler, and from there to "
                    "'ToonCrafter Decode', which puts the rest of the clip back.",
                ),
                io.Mask.Output(
                    display_name="MASK",
                    tooltip="What will change, one for each frame: grown, soft, empty where frames "
                    "stay. To look at before the sampler runs.",
                ),
            ],
        )

    @classmethod
    @checked
    def execute(
        cls,
        vae: Any,
        latent: Latent,
        frames: Tensor,
        mask: Tensor | None = None,
        from_frame: int = 2,
        to_frame: int = -2,
        grow: int = Edge.grow,
        feather: int = Edge.feather,
    ) -> io.NodeOutput:
        """Encode the clip, and say which of its cells are drawn again."""
        vae = require_tooncrafter(vae)
        request = _request(latent)
        refuse_other_space(request, "VAE", vae.latent_space)
        _check_frames(frames, request)
        if mask is not None and mask.ndim == 2:
            mask = mask[None]
        weights = region(
            mask,
            (len(frames), frames.shape[1], frames.shape[2]),
            Stretch.of(from_frame, to_frame, len(frames)),
            Edge(grow=grow, feather=feather),
        )
        pixels, _ = fit(to_pixels(frames), request.width, request.height, "crop", request.multiple)
        clip = vae.encode_frames(pixels)
        drawn_again = replace(request, redraw=Redraw(frames=frames, weights=weights))
        cells = region_cells(weights, request.multiple, vae.config.downsampling)
        latent = make_clip(clip[:, :, [0, -1]], drawn_again)
        # Of five axes: ComfyUI would take the frames of four for several clips.
        return io.NodeOutput({**latent, "samples": clip, "noise_mask": cells[None, None]}, weights)


def _frame(name: str, default: int, which: str) -> io.Int.Input:
    return io.Int.Input(
        name,
        default=default,
        min=-MAX_FRAMES,
        max=MAX_FRAMES,
        tooltip=f"The {which} frame that is drawn again. The first frame of the clip is 1; -1 is "
        "the last, -2 the one before it. Frames outside stay, whatever the mask shows there.",
    )


def _request(latent: Latent) -> ClipRequest:
    """What 'ToonCrafter Keyframes' was asked for; ``RedrawError`` for another LATENT."""
    request = single_request(latent)
    if request is None:
        raise RedrawError(
            "This LATENT does not come from 'ToonCrafter Keyframes'. Connect the LATENT of that "
            "node, which knows the drawings, the size and the number of frames."
        )
    return request


def _check_frames(frames: Tensor, request: ClipRequest) -> None:
    """Refuse frames that are not the clip that 'ToonCrafter Keyframes' was asked for."""
    if frames.ndim != 4 or frames.shape[-1] != COLOURS or 0 in frames.shape:
        raise RedrawError(
            f"frames has the shape {tuple(frames.shape)}: a clip is a batch of pictures of three "
            "channels. Drawings with alpha go through 'ToonCrafter Matte' first."
        )
    height, width = frames.shape[1:3]
    if (len(frames), width, height) != (request.frames, request.width, request.height):
        raise RedrawError(
            f"The clip has {len(frames)} frames of {width}x{height}, and 'ToonCrafter Keyframes' "
            f"was asked for {request.frames} of {request.width}x{request.height}: set its frames, "
            "width and height to those of the clip."
        )
    if not bool(frames.isfinite().all()):
        raise RedrawError(
            "The clip holds values that are not numbers (NaN or infinity): what made it failed."
        )
