"""The example workflow of Redraw: a part of some frames drawn again, the rest to the bit."""

from browser.example_parts import Graph, Placed, beginning, decode
from browser.sketch_graphs import (
    MIDDLE,
    POSE,
    drawing,
    guidance,
    narrowed,
    sampler,
    sketch_note,
    sketched_ending,
)
from tooncrafter_core.config.embedded import MINI_SIZE

MASK = "tooncrafter_mask.png"


def redraw_region() -> Graph:
    """A clip, and the figure in some of its frames again, along a sketch."""
    width, height = MINI_SIZE
    graph = {
        "note": sketch_note(
            "Draw a part of some frames again",
            "The first pass makes a clip. The second draws what the mask shows of frames 5 to 11 "
            "again, along a sketch at frame 8; every other pixel comes back to the bit.",
            "**from_frame** and **to_frame** are the stretch; without a mask whole frames are "
            "drawn again. A mask for each frame: a folder of pictures, by *Load Keys* in place of "
            "*Load Image*. For a clip from files connect its frames to **frames** of *Redraw*.",
            "Choose your **two drawings**, the **sketch**, and the **mask**: white is drawn again.",
        ),
        **beginning(),
        "mask": drawing(MASK, "Mask: white is drawn again"),
        "sketch": drawing(POSE, "Sketch for frame 8", top=890),
        "first sampler": sampler("keyframes", "first pass"),
        "first decode": decode(("first sampler", "LATENT"), "first pass", 690),
        "first preview": Placed(
            "PreviewImage", "first pass", 985, (300, 230), {},
            {"images": ("first decode", "IMAGE")}, title="Frames of the first pass",
        ),
        "guidance": guidance(POSE, str(MIDDLE), 1.0),
        "mask size": Placed(
            "ImageScale", "sketch", 700, (300, 130),
            {"width": width, "height": height, "upscale_method": "nearest-exact"},
            {"image": ("mask", "IMAGE")}, title="The mask at the clip's size",
        ),
        "as mask": Placed(
            "ImageToMask", "sketch", 890, (300, 60), {"channel": "red"},
            {"image": ("mask size", "IMAGE")},
        ),
        "redraw": Placed(
            "ToonCrafterRedraw", "sketch", 1010, (300, 230), {"from_frame": 5, "to_frame": 11},
            {"vae": ("load", "VAE"), "latent": ("keyframes", "LATENT"),
             "frames": ("first decode", "IMAGE"), "mask": ("as mask", "MASK")},
        ),
        **sketched_ending(),
    }  # fmt: skip
    graph["sampler"].inputs["latent"] = ("redraw", "LATENT")
    # Another one in the second pass alone: the clip stays.
    graph["first sampler"].widgets["control_after_generate"] = "fixed"
    return {name: narrowed(placed) for name, placed in graph.items()}
