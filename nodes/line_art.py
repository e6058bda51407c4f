"""Line drawings of colour frames, for sketch guidance and colourisation."""

from comfy_api.latest import io
from torch import Tensor

from ..tooncrafter_core.sketches.line_art import line_art
from .bridge.images import hints_to_image, to_pixels
from .checked import checked
from .sockets import SKETCH_CATEGORY, schema


class ToonCrafterLineArt(io.ComfyNode):
    """Draws the lines of colour frames."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """The name, inputs and outputs of ToonCrafter Line Art."""
        return schema(
            node_id="ToonCrafterLineArt",
            display_name="ToonCrafter Line Art",
            category=SKETCH_CATEGORY,
            search_aliases=["line drawing", "edges", "xdog", "preprocessor"],
            found_as="animation",
            description="Turns colour frames or a video into line drawings, for sketch guidance "
            "and colourisation. Needs no weights.",
            inputs=[
                io.Image.Input("images", tooltip="Frames to draw, one or many."),
                io.Float.Input(
                    "line_width",
                    default=1.0,
                    min=0.3,
                    max=8.0,
                    step=0.1,
                    tooltip="Width of the lines; 1 suits 512x320 and grows with the picture.",
                ),
                io.Float.Input(
                    "threshold",
                    default=0.08,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="How strong an edge must be to become a line. Higher draws fewer.",
                ),
                io.Boolean.Input(
                    "white_on_black",
                    default=False,
                    tooltip="Off draws dark lines on white, on white lines on black. Sketch "
                    "guidance understands both.",
                ),
            ],
            outputs=[
                io.Image.Output(
                    display_name="IMAGE", tooltip="The line drawings, one for each frame."
                )
            ],
        )

    @classmethod
    @checked
    def execute(
        cls, images: Tensor, line_width: float, threshold: float, white_on_black: bool
    ) -> io.NodeOutput:
        """Draw the lines of every frame."""
        lines = line_art(to_pixels(images)[:, :3], line_width=line_width, threshold=threshold)
        return io.NodeOutput(hints_to_image(lines if white_on_black else 1.0 - lines))
