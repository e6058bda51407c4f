"""ToonCrafter Matte and Remove Matte: transparency through a model of three colours."""

from dataclasses import dataclass
from typing import Any

import torch
from comfy_api.latest import io
from torch import Tensor

from ...tooncrafter_core.errors import KeyframeError, check_choice
from ...tooncrafter_core.pictures.alpha.clip import fit_clear, is_clear_somewhere, on_matte
from ...tooncrafter_core.pictures.alpha.matte import Matte, premultiplied
from ...tooncrafter_core.pictures.alpha.take_out import take_out
from ...tooncrafter_core.pictures.fitting import FitMode
from ...tooncrafter_core.pictures.keyframes import Keyframes
from ..bridge.images import to_image, to_pixels
from ..checked import checked
from ..sockets import CUT_CATEGORY, FIT_OPTIONS, fit_input, schema
from .colour import COLOURS
from .options.key_places import ENDS, read_places

MatteType = io.Custom("TOONCRAFTER_MATTE")


@dataclass(frozen=True, eq=False)
class LaidKeys:
    """Keys as they came, and what they were laid on."""

    keys: Tensor
    """``r h w 4`` in [0, 1], straight alpha."""
    matte: Matte


class ToonCrafterMatte(io.ComfyNode):
    """Lays drawings with transparency on a matte."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """The name, inputs and outputs of ToonCrafter Matte."""
        return schema(
            node_id="ToonCrafterMatte",
            display_name="ToonCrafter Matte",
            category=CUT_CATEGORY,
            search_aliases=["alpha", "transparent", "rgba", "green screen", "chroma key"],
            description="Lays drawings with transparency on a flat colour that is far from all of "
            "theirs, so that a model of three colours can draw between them. 'ToonCrafter Remove "
            "Matte' takes it out again.",
            inputs=[
                io.Image.Input(
                    "keys",
                    tooltip="All keys as one batch: with four channels, as 'ToonCrafter Load Keys' "
                    "gives them, or with three and a mask.",
                ),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip="What is transparent in each key, as Load Image gives it: 1 is clear. "
                    "Only for keys of three channels.",
                ),
            ],
            outputs=[
                io.Image.Output(
                    display_name="keys",
                    tooltip="The keys on the matte: to 'ToonCrafter Cut', or one by one to "
                    "'ToonCrafter Keyframes'.",
                ),
                MatteType.Output(
                    display_name="matte",
                    tooltip="What was put behind the keys: to 'ToonCrafter Remove Matte'.",
                ),
            ],
        )

    @classmethod
    @checked
    def execute(cls, keys: Tensor, mask: Tensor | None = None) -> io.NodeOutput:
        """Choose the colour and lay the keys on it."""
        clear = with_mask(keys, mask)
        pixels = to_pixels(clear)
        if not is_clear_somewhere(pixels):
            raise KeyframeError(
                "No key is transparent anywhere, so there is nothing to take out later. Connect "
                "the MASK of the pictures, load them by 'ToonCrafter Load Keys', or leave this "
                "node out."
            )
        laid, matte = on_matte([*pixels], range(len(pixels)))
        colours = to_image(torch.cat(laid.pictures).movedim(0, 1)[None])
        return io.NodeOutput(colours, LaidKeys(clear, matte))


def with_mask(keys: Tensor, mask: Tensor | None) -> Tensor:
    """Keys r h w 3 with a mask, or of four channels, as r h w 4; ``KeyframeError`` in words."""
    if keys.ndim != 4 or keys.shape[-1] not in (COLOURS, COLOURS + 1) or 0 in keys.shape:
        raise KeyframeError(
            f"keys has the shape {tuple(keys.shape)}: keys are pictures of three channels with a "
            "mask, or of four with alpha."
        )
    if keys.shape[-1] > COLOURS:
        return keys
    if mask is None:
        return torch.cat([keys, torch.ones_like(keys[..., :1])], dim=-1)
    if mask.ndim == 2:
        mask = mask[None]
    if mask.shape != keys.shape[:3]:
        count, height, width = keys.shape[:3]
        found = "x".join(map(str, reversed(mask.shape[1:])))
        raise KeyframeError(
            f"The mask has {len(mask)} pictures of {found} and the keys are {count} of "
            f"{width}x{height}: each key needs a mask of its own size. Load Image gives an empty "
            "one of 64x64 for a picture without transparency."
        )
    return torch.cat([keys, (1 - mask.to(keys)).clamp(0, 1)[..., None]], dim=-1)


class ToonCrafterRemoveMatte(io.ComfyNode):
    """Takes the matte out of drawn frames."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """The name, inputs and outputs of ToonCrafter Remove Matte."""
        return schema(
            node_id="ToonCrafterRemoveMatte",
            display_name="ToonCrafter Remove Matte",
            category=CUT_CATEGORY,
            search_aliases=[
                "alpha",
                "transparent",
                "rgba",
                "key out",
                "unmix",
                "remove background",
            ],
            description="Takes the colour of 'ToonCrafter Matte' out of frames: holes, thin lines, "
            "soft edges and shadows become transparent and keep nothing of its tinge.",
            inputs=[
                io.Image.Input("frames", tooltip="What was drawn from the keys on the matte."),
                MatteType.Input("matte", tooltip="The matte of 'ToonCrafter Matte'."),
                io.String.Input(
                    "places",
                    default=ENDS,
                    tooltip="The frame of each key, such as: 1, 13, -1. The keys stand there as "
                    "they came. Empty puts none in.",
                ),
                io.Boolean.Input(
                    "premultiplied",
                    default=False,
                    tooltip="Off gives straight alpha, which PNG, WebP, ProRes and drawing "
                    "programs take. On multiplies colours by alpha, which some compositors take.",
                ),
                fit_input(),
            ],
            outputs=[
                io.Image.Output(
                    display_name="frames",
                    tooltip="The frames with alpha, four channels: to 'Save Image'.",
                ),
                io.Mask.Output(
                    display_name="MASK",
                    tooltip="What is transparent in each frame, as Load Image gives it: 1 is "
                    "clear.",
                ),
            ],
        )

    @classmethod
    @checked
    def execute(
        cls, frames: Tensor, matte: Any, places: str, premultiplied: bool, fit: FitMode = "crop"
    ) -> io.NodeOutput:
        """Unmix every frame, and put the keys in."""
        check_choice("fit", fit, FIT_OPTIONS)
        if not isinstance(matte, LaidKeys):
            raise KeyframeError("matte takes the matte of 'ToonCrafter Matte': connect it there.")
        if frames.ndim != 4 or frames.shape[-1] != COLOURS or 0 in frames.shape:
            raise KeyframeError(
                f"frames has the shape {tuple(frames.shape)}: a matte is taken out of pictures of "
                "three channels. Connect what was drawn, before anything else gives it alpha."
            )
        drawn = torch.stack([take_out(frame.movedim(-1, 0), matte.matte) for frame in frames])
        drawn = drawn.movedim(1, -1)
        for index, key in _placed(matte, places, drawn, fit):
            drawn[index] = key
        mask = 1 - drawn[..., COLOURS]
        return io.NodeOutput(_as_asked(drawn, premultiplied), mask)


def _placed(matte: LaidKeys, places: str, drawn: Tensor, mode: FitMode) -> list[tuple[int, Tensor]]:
    """The frame of each key from 0, and the key at the size of the frames, h w 4."""
    if not places.strip():
        return []
    indices = read_places(places, len(matte.keys), least=1, what="The clip gets back")
    Keyframes(tuple(matte.keys), indices).in_clip(len(drawn))
    size = drawn.shape[2], drawn.shape[1]
    found = []
    for index, key in zip(indices, matte.keys, strict=True):
        at_size = key
        if key.shape[:2] != drawn.shape[1:3]:
            pixels = fit_clear(to_pixels(key[None]), size, mode)
            at_size = to_image(pixels[None, :, None])[0]
        found.append((index, at_size.to(drawn)))
    return found


def _as_asked(drawn: Tensor, is_premultiplied: bool) -> Tensor:
    if not is_premultiplied:
        return drawn
    return premultiplied(drawn.movedim(-1, 1)).movedim(1, -1)
