"""The nodes that 'ToonCrafter Cut' expands into, besides Keyframes, Sampler and Decode.

They are of no use on a canvas: what they hand on are names of what the register of cuts holds.
"""

import torch
from comfy_api.latest import io
from torch import Tensor

from ...tooncrafter_core.cut.plan import exposed
from ...tooncrafter_core.cut.values import NUM_MOMENTS, Drawing
from ...tooncrafter_core.errors import CutError
from ...tooncrafter_core.interpolation.settings import InterpolationSettings
from ...tooncrafter_core.pictures.fitting import fit
from ...tooncrafter_core.pictures.keyframes import check_keyframes
from ...tooncrafter_core.pictures.levels import at_levels
from ..bridge.images import to_image, to_pixels
from ..checked import checked
from ..sockets import CUT_PARTS_CATEGORY, schema
from .colour import COLOURS
from .job import CUTS, CutJob
from .kept import KEPT
from .options.finish import DrawnCut, finished

Clips = dict[str, Tensor]
"""The moments of each clip, t h w c, by its segment and half such as ``0`` and ``0.1``."""
ClipsType = io.Custom("TOONCRAFTER_CLIPS")
AGAIN = "Run 'ToonCrafter Cut' again."
WITHIN = "Part of 'ToonCrafter Cut', which makes it; not for use by hand."


class ToonCrafterCutKey(io.ComfyNode):
    """A key by its content."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """The name, inputs and outputs of ToonCrafter Cut Key (internal)."""
        return schema(
            node_id="ToonCrafterCutKey",
            display_name="ToonCrafter Cut Key (internal)",
            category=CUT_PARTS_CATEGORY,
            description=f"One key or sketch of a cut. {WITHIN}",
            is_dev_only=True,
            inputs=[
                io.String.Input(
                    "key", tooltip="What the pixels of the key or the sketch are hashed to."
                ),
            ],
            outputs=[io.Image.Output(display_name="IMAGE", tooltip="The picture as it came.")],
        )

    @classmethod
    @checked
    def execute(cls, key: str) -> io.NodeOutput:
        """Find the pixels."""
        return io.NodeOutput(CUTS.picture(key))


class ToonCrafterCutMoment(io.ComfyNode):
    """A moment of a clip as a key of halves."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """The name, inputs and outputs of ToonCrafter Cut Moment (internal)."""
        return schema(
            node_id="ToonCrafterCutMoment",
            display_name="ToonCrafter Cut Moment (internal)",
            category=CUT_PARTS_CATEGORY,
            description=f"One drawing of a clip, as a key between halves. {WITHIN}",
            is_dev_only=True,
            inputs=[
                io.Image.Input("images", tooltip="The frames of the clip."),
                io.Int.Input(
                    "moment", default=0, min=0, max=NUM_MOMENTS - 1, tooltip="Which frame, from 0."
                ),
            ],
            outputs=[
                io.Image.Output(display_name="IMAGE", tooltip="The drawing, at levels of a file.")
            ],
        )

    @classmethod
    @checked
    def execute(cls, images: Tensor, moment: int) -> io.NodeOutput:
        """Take it as it would come from a file, as the command line does."""
        picture = at_levels(to_pixels(images[moment : moment + 1]))
        return io.NodeOutput(to_image(picture[:, :, None]))


class ToonCrafterCutDrawn(io.ComfyNode):
    """A clip: the one that was kept, else the one that is drawn."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """The name, inputs and outputs of ToonCrafter Cut Drawn (internal)."""
        return schema(
            node_id="ToonCrafterCutDrawn",
            display_name="ToonCrafter Cut Drawn (internal)",
            category=CUT_PARTS_CATEGORY,
            description=f"Has a clip of a cut drawn where it was not yet. {WITHIN}",
            is_dev_only=True,
            inputs=[
                io.String.Input("model", tooltip="What stands for the model."),
                io.String.Input("clip", tooltip="What everything that is drawn is hashed to."),
                io.Image.Input(
                    "images", optional=True, lazy=True, tooltip="The frames, where it is drawn."
                ),
            ],
            outputs=[io.Image.Output(display_name="IMAGE", tooltip="The frames of the clip.")],
        )

    @classmethod
    def check_lazy_status(cls, model: str, clip: str, **_: object) -> list[str]:
        """Ask for the frames, and so for what draws them, only where they are missing."""
        return [] if KEPT.find(model, clip) is not None else ["images"]

    @classmethod
    @checked
    def execute(cls, model: str, clip: str, images: Tensor | None = None) -> io.NodeOutput:
        """Hand the frames on, and keep them."""
        frames = KEPT.find(model, clip) if images is None else images
        if frames is None:
            raise CutError(f"The clip {clip} of the cut was not drawn. {AGAIN}")
        KEPT.keep(model, clip, frames)
        return io.NodeOutput(frames)


class ToonCrafterCutClip(io.ComfyNode):
    """Adds a clip to those of the cut."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """The name, inputs and outputs of ToonCrafter Cut Clip (internal)."""
        return schema(
            node_id="ToonCrafterCutClip",
            display_name="ToonCrafter Cut Clip (internal)",
            category=CUT_PARTS_CATEGORY,
            description=f"Collects the clips of a cut. {WITHIN}",
            is_dev_only=True,
            inputs=[
                io.String.Input("clip", tooltip="The segment and the half of it."),
                io.Image.Input("images", tooltip="The frames of the clip."),
                ClipsType.Input("clips", optional=True, tooltip="The clips before this one."),
            ],
            outputs=[ClipsType.Output(display_name="clips", tooltip="The clips up to this one.")],
        )

    @classmethod
    @checked
    def execute(cls, clip: str, images: Tensor, clips: Clips | None = None) -> io.NodeOutput:
        """Add it to a copy."""
        return io.NodeOutput({**(clips or {}), clip: images})


class ToonCrafterCutFrames(io.ComfyNode):
    """Puts keys and in-betweens on the sheet."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """The name, inputs and outputs of ToonCrafter Cut Frames (internal)."""
        return schema(
            node_id="ToonCrafterCutFrames",
            display_name="ToonCrafter Cut Frames (internal)",
            category=CUT_PARTS_CATEGORY,
            description=f"Puts the drawings of a cut in the order of its sheet. {WITHIN}",
            is_dev_only=True,
            inputs=[
                io.String.Input("cut", tooltip="What stands for the cut."),
                ClipsType.Input("clips", optional=True, tooltip="Every clip of the cut."),
            ],
            outputs=[
                io.Image.Output(display_name="frames", tooltip="Every frame of the film."),
                io.Image.Output(display_name="drawings", tooltip="Every drawing once, in order."),
                io.String.Output(display_name="sheet", tooltip="The filled exposure sheet."),
                io.String.Output(display_name="report", tooltip="What was drawn and what is what."),
                io.Mask.Output(display_name="MASK", tooltip="What is transparent in each frame."),
            ],
        )

    @classmethod
    @checked
    def execute(cls, cut: str, clips: Clips | None = None) -> io.NodeOutput:
        """Assemble, and forget the cut."""
        job = CUTS.job(cut)
        drawings, lines = finished(_drawn(job, clips or {}), job.finish)
        nothing = _nothing(next(iter(drawings.values())))
        frames = torch.cat(
            [nothing if one is None else one for one in exposed(job.plan.sheet, drawings)]
        )
        CUTS.release(cut)
        pictures = torch.cat(list(drawings.values()))
        report = "\n".join([job.report, *lines])
        return io.NodeOutput(frames, pictures, job.sheet, report, _mask(frames))


def clip_name(segment: int, half: str) -> str:
    """What a clip is called among those of a cut."""
    return f"{segment}.{half}" if half else str(segment)


def _drawn(job: CutJob, clips: Clips) -> DrawnCut:
    """Everything that was drawn, and where it is."""
    return DrawnCut(
        plan=job.plan,
        drawings={one: _picture(job, one, clips) for one in job.plan.drawings},
        clip=lambda clip: clips[clip_name(clip.segment, clip.half)],
        key=lambda name: at_size(job.keys[name], job),
        settings=InterpolationSettings(width=job.width, height=job.height, fit=job.fit),
    )


def _nothing(drawing: Tensor) -> Tensor:
    """What a frame shows where nothing is shown: white, or clear where drawings have alpha."""
    return torch.zeros_like(drawing) if drawing.shape[-1] > COLOURS else torch.ones_like(drawing)


def _mask(frames: Tensor) -> Tensor:
    """What is transparent, as Load Image gives it: 1 is clear."""
    if frames.shape[-1] > COLOURS:
        return 1 - frames[..., COLOURS]
    return torch.zeros(frames.shape[:3])


def _picture(job: CutJob, drawing: Drawing, clips: Clips) -> Tensor:
    """A drawing at the size asked for, 1 h w 3."""
    if drawing.key is not None:
        return at_size(job.keys[drawing.key], job)
    assert drawing.segment is not None and drawing.moment is not None
    name = clip_name(drawing.segment, drawing.moment.half)
    if name not in clips:
        raise CutError(f"The clip {name} of the cut was not drawn. {AGAIN}")
    return clips[name][drawing.moment.index][None]


def at_size(key: Tensor, job: CutJob) -> Tensor:
    """A key at the size asked for, 1 h w 3; where it has that size and is opaque, to the bit."""
    if key.shape[1:] == (job.height, job.width, 3):
        return key
    picture, _ = check_keyframes(to_pixels(key), to_pixels(key))
    fitted, placement = fit(picture, job.width, job.height, job.fit, 1)
    return to_image(placement.restore(fitted)[:, :, None])
