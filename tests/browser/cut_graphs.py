"""The example workflows of cuts: on twos, a cycle, a sheet, a sketch, transparency."""

from typing import Any

from browser.example_parts import CHOOSE_SKETCH_ENCODER, FIRST, LAST, Graph, Placed, choose_files
from browser.example_parts import ending as usual_ending
from browser.example_parts import note as usual_note
from tooncrafter_core.config.embedded import (
    MINI,
    MINI_GUIDANCE,
    MINI_SIZE,
    MINI_SKETCH,
    MINI_STEPS,
)

POSE = "tooncrafter_pose.png"
CLEAR_FIRST, CLEAR_LAST = "tooncrafter_clear_first.png", "tooncrafter_clear_last.png"
SHEET = "tooncrafter_cut.xdts"
LENGTH = 16
"""Frames of each example."""


def cut() -> Graph:
    """Three drawings on twos, the last one held."""
    return {
        **beginning(
            "Several keys on twos",
            "Three drawings at frames 1, 7 and 13 of 16, each drawing for two frames; the last one "
            "is held.",
            "Change one drawing, or a line of **seeds**, and run again: only its segments are "
            "drawn. *Load Keys* reads a folder in place of *Batch Images*; an exposure sheet "
            "(XDTS) goes into **sheet**.",
            "**frames**: where each is first shown.",
        ),
        **drawings("First and third key", "Second key"),
        "three": Placed(
            "ImageBatch", "keyframes", 420, (240, 50), {},
            {"image1": ("keys", "IMAGE"), "image2": ("first", "IMAGE")},
        ),
        "cut": drawn(
            {"frames": "1, 7, 13", "on": 2, "spacing": "slow in and out", "length": LENGTH},
            {"keys": ("three", "IMAGE")},
        ),
        **ending(),
    }  # fmt: skip


def cut_cycle() -> Graph:
    """Two drawings that lead into each other."""
    return {
        **beginning(
            "A cycle: the last key leads back to the first",
            "Two drawings, 16 frames on twos, and the film begins again where it ends.",
            "**frames** has one number more than there are keys: 17 is where the first drawing "
            "would come again, and the film ends before it.",
            "**cycle** is on, and **frames** says where each is first shown.",
        ),
        **drawings("First key", "Second key"),
        "cut": drawn(
            {"frames": "1, 9, 17", "on": 2, "spacing": "slow in and out", "cycle": True},
            {"keys": ("keys", "IMAGE")},
        ),
        **ending(),
    }


def cut_sheet() -> Graph:
    """The circles of an exposure sheet become drawings."""
    return {
        **beginning(
            "An exposure sheet of Clip Studio Paint, filled",
            "The sheet shows key 1, three circles and key 2. Each circle becomes a drawing, and "
            "the sheet is saved with their names in place of the circles.",
            "Export yours as XDTS (Clip Studio Paint, OpenToonz, TVPaint) into ComfyUI's `input` "
            "folder. A sheet of several columns needs **cel**. With *Load Keys*, connect **names** "
            "as well.",
            "Choose your **sheet**.",
        ),
        **drawings("Key 1", "Key 2"),
        "given": Placed("ToonCrafterLoadSheet", "keyframes", 420, (240, 58), {"sheet": SHEET}),
        "cut": drawn({}, {"keys": ("keys", "IMAGE"), "sheet": ("given", "sheet")}),
        **ending(),
    }


def cut_sketch() -> Graph:
    """One segment with a sketch in its middle."""
    return {
        **beginning(
            "A sketch in the middle of a segment",
            "Two keys with 14 in-betweens on ones, and a quick drawing of how the figure stands "
            "halfway.",
            "**sketch_places** 1:8 is the first segment, moment 8 of 16. More sketches: join them "
            "by *Batch Images* and write a place for each, such as `1:8, 2:4`. A sketch costs its "
            "own segment.",
            "Choose your **sketch**. Lines of any colour on any paper do.",
            switch=f"{choose_files()} {CHOOSE_SKETCH_ENCODER}",
        ),
        **drawings("First key", "Second key"),
        "encoder": Placed(
            "ToonCrafterSketchEncoderLoader", "keyframes", 60, (340, 90),
            {"sketch_encoder": MINI_SKETCH},
        ),
        "sketch": Placed(
            "LoadImage", "keyframes", 445, (340, 316), {"image": POSE}, title="Sketch"
        ),
        "cut": drawn(
            {"frames": f"1, {LENGTH}", "on": 1, "length": LENGTH, "sketch_places": "1:8"},
            {"keys": ("keys", "IMAGE"), "sketches": ("sketch", "IMAGE"),
             "control_net": ("encoder", "CONTROL_NET")},
        ),
        **ending(),
    }  # fmt: skip


def cut_alpha() -> Graph:
    """Drawings with transparency, and a look at them on a colour."""
    width, height = MINI_SIZE
    last = ending(("ground", "IMAGE"))
    del last["sheet"]
    return {
        **beginning(
            "Transparent drawings",
            "Two drawings on nothing in, drawings on nothing out: **alpha** is at *keep*. They are "
            "saved as PNG with alpha; the film shows them on a colour.",
            "*Load Keys* reads a folder of PNGs with their transparency. *Load Image* takes it "
            "off, as MASK: *Join Image with Alpha* puts it back.",
            "Choose your **drawings**, PNG with transparency.",
        ),
        **drawings("First key", "Second key", CLEAR_FIRST, CLEAR_LAST),
        "first with alpha": joined("first", 120),
        "last with alpha": joined("last", 500),
        "keys": batch("first with alpha", "last with alpha", "first pass"),
        "cut": drawn(
            {"frames": "1, 11", "on": 2, "spacing": "slow in and out", "length": LENGTH,
             "alpha": "keep"},
            {"keys": ("keys", "IMAGE")},
        ),
        "files": Placed(
            "SaveImage", "decode", 400, (340, 270), {"filename_prefix": "cut/drawing"},
            {"images": ("cut", "drawings")}, title="Drawings, PNG with alpha",
        ),
        "colours": Placed(
            "SplitImageWithAlpha", "upscale", 0, (270, 50), {}, {"image": ("cut", "frames")}
        ),
        "shown": Placed("InvertMask", "upscale", 120, (270, 40), {}, {"mask": ("cut", "MASK")}),
        "paper": Placed(
            "EmptyImage", "upscale", 230, (270, 140),
            {"width": width, "height": height, "batch_size": LENGTH, "color": 0xB0DEF0},
        ),
        "ground": Placed(
            "ImageCompositeMasked", "upscale", 440, (270, 160), {},
            {"destination": ("paper", "IMAGE"), "source": ("colours", "IMAGE"),
             "mask": ("shown", "MASK")},
        ),
        **last,
    }  # fmt: skip


def beginning(title: str, what: str, more: str, step: str, switch: str | None = None) -> Graph:
    """The words and the model."""
    steps = ("Choose your **drawings**.", step, "Press **Run**.")
    if step.startswith("Choose your **drawings**"):
        steps = steps[1:]
    return {
        "note": usual_note(title, what, more, steps=steps, height=560, switch=switch),
        "load": Placed(
            "ToonCrafterLoader", "load", 0, (440, 190),
            {"checkpoint": MINI, "text_encoder": "none", "image_encoder": "none"},
        ),
    }  # fmt: skip


def drawings(first: str, last: str, first_file: str = FIRST, last_file: str = LAST) -> Graph:
    """Two drawings and their batch."""
    return {
        "first": Placed("LoadImage", "text", 60, (340, 316), {"image": first_file}, title=first),
        "last": Placed("LoadImage", "text", 445, (340, 316), {"image": last_file}, title=last),
        "keys": batch("first", "last"),
    }


def batch(first: str, last: str, column: str = "keyframes") -> Placed:
    """Both keys as one batch."""
    return Placed(
        "ImageBatch", column, 300, (240, 50), {},
        {"image1": (first, "IMAGE"), "image2": (last, "IMAGE")},
    )  # fmt: skip


def joined(key: str, top: int) -> Placed:
    """A drawing with its transparency, which Load Image gives as a mask."""
    return Placed(
        "JoinImageWithAlpha", "keyframes", top, (240, 50), {},
        {"image": (key, "IMAGE"), "alpha": (key, "MASK")},
    )  # fmt: skip


def drawn(widgets: dict[str, Any], inputs: dict[str, tuple[str, str]]) -> Placed:
    """The cut, for the mini model."""
    return Placed(
        "ToonCrafterCut", "sample", 0, (400, 1080),
        {"width": MINI_SIZE[0], "height": MINI_SIZE[1], "steps": MINI_STEPS, "cfg": MINI_GUIDANCE,
         **widgets},
        {"model": ("load", "MODEL"), "clip": ("load", "CLIP"),
         "clip_vision": ("load", "CLIP_VISION"), "vae": ("load", "VAE"), **inputs},
    )  # fmt: skip


def ending(frames: tuple[str, str] = ("cut", "frames")) -> Graph:
    """What was drawn as text, the filled sheet, the frames and a film."""
    last = usual_ending(frames)
    del last["decode"]
    for name in ("preview", "video"):
        last[name].inputs["images"] = frames
    return {
        "report": Placed(
            "PreviewAny", "decode", 0, (340, 330), {}, {"source": ("cut", "report")},
            title="Report",
        ),
        "sheet": Placed(
            "ToonCrafterSaveSheet", "decode", 390, (340, 160), {"filename_prefix": "sheets/cut"},
            {"sheet": ("cut", "sheet"), "drawings": ("cut", "drawings")},
        ),
        **last,
    }  # fmt: skip
