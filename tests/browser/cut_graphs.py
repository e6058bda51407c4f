"""The example workflow of a cut: several keys on twos."""

from browser.example_parts import FIRST, LAST, Graph, Placed, ending, note
from tooncrafter_core.config.embedded import MINI, MINI_GUIDANCE, MINI_SIZE, MINI_STEPS


def cut() -> Graph:
    """Three drawings on twos, the last one held."""
    last = ending(("cut", "frames"))
    del last["decode"]
    for name in ("preview", "video"):
        last[name].inputs["images"] = ("cut", "frames")
    return {
        "note": note(
            "Several keys on twos",
            "Three drawings at frames 1, 7 and 13 of 16, each drawing for two frames; the last one "
            "is held.",
            "Change one drawing, or a line of **seeds**, and run again: only its segments are "
            "drawn. *Load Keys* reads a folder in place of *Batch Images*; an exposure sheet "
            "(XDTS) goes into **sheet**.",
            steps=(
                "Choose your **drawings**.",
                "**frames**: where each is first shown.",
                "Press **Run**.",
            ),
            height=480,
        ),
        "load": Placed(
            "ToonCrafterLoader", "load", 0, (440, 190),
            {"checkpoint": MINI, "text_encoder": "none", "image_encoder": "none"},
        ),
        "first": Placed(
            "LoadImage", "text", 60, (340, 316), {"image": FIRST}, title="First and third key"
        ),
        "last": Placed("LoadImage", "text", 445, (340, 316), {"image": LAST}, title="Second key"),
        "two": Placed(
            "ImageBatch", "keyframes", 300, (240, 50), {},
            {"image1": ("first", "IMAGE"), "image2": ("last", "IMAGE")},
        ),
        "three": Placed(
            "ImageBatch", "keyframes", 420, (240, 50), {},
            {"image1": ("two", "IMAGE"), "image2": ("first", "IMAGE")},
        ),
        "cut": Placed(
            "ToonCrafterCut", "sample", 0, (400, 900),
            {"frames": "1, 7, 13", "on": 2, "spacing": "slow in and out", "length": 16,
             "width": MINI_SIZE[0], "height": MINI_SIZE[1], "steps": MINI_STEPS,
             "cfg": MINI_GUIDANCE},
            {"model": ("load", "MODEL"), "clip": ("load", "CLIP"),
             "clip_vision": ("load", "CLIP_VISION"), "vae": ("load", "VAE"),
             "keys": ("three", "IMAGE")},
        ),
        "report": Placed(
            "PreviewAny", "decode", 0, (340, 330), {}, {"source": ("cut", "report")},
            title="Report",
        ),
        "sheet": Placed(
            "ToonCrafterSaveSheet", "decode", 390, (340, 160), {"filename_prefix": "sheets/cut"},
            {"sheet": ("cut", "sheet")},
        ),
        **last,
    }  # fmt: skip
