"""The example workflows of sketch guidance, line drawings and colourisation."""

from dataclasses import replace

from browser.example_parts import (
    CHOOSE_SKETCH_ENCODER,
    CONDITIONED,
    DRAWN_SO,
    Graph,
    Placed,
    beginning,
    choose_files,
    decode,
    ending,
    note,
)
from tooncrafter_core.config.embedded import MINI_SKETCH

POSE, CORRECTED = "tooncrafter_pose.png", "tooncrafter_corrected.png"
LINES, LINES_RETURN = "tooncrafter_lines.gif", "tooncrafter_lines_return.gif"
ROUGH = "tooncrafter_rough.gif"
LINE_PROMPT = "line drawing on white paper, a boy jumps up and reaches for a star"
MIDDLE = 8
"""The frame that one sketch is for."""

CLIP_HINT = """A clip is a GIF, APNG or WebP with as many frames as the result, 16 here; for a \
film take *Load Video* and *Get Video Components*."""
LOOK = """Press **Run**. *ToonCrafter Sketch Guidance* shows what the model sees: it must be \
white lines on black."""


def sketch_note(title: str, what: str, more: str, *steps: str) -> Placed:
    """The words of an example with sketches."""
    return note(title, what, more, (*steps, LOOK), 615, f"{choose_files()} {CHOOSE_SKETCH_ENCODER}")


def sketch_encoder() -> Placed:
    """The sketch encoder's loader, below the words."""
    return Placed(
        "ToonCrafterSketchEncoderLoader", "load", 960, (440, 90),
        {"sketch_encoder": MINI_SKETCH},
    )  # fmt: skip


def drawing(picture: str, title: str, top: int = 535) -> Placed:
    """A sketch or a clip of them, below the keyframes' node."""
    return Placed("LoadImage", "keyframes", top, (300, 316), {"image": picture}, title=title)


def guidance(
    picture: str | None,
    frames: str,
    strength: float,
    sketches: str = "sketch",
    after: str = "keyframes",
    top: int = 130,
    is_rough: bool = False,
) -> Placed:
    """Sketch guidance, with the hints of that picture in it if it is known before a run."""
    return Placed(
        "ToonCrafterSketchGuidance", "sketch", top, (300, 470),
        {"frames": frames, "strength": strength},
        {"positive": (after, "positive"), "negative": (after, "negative"),
         "control_net": ("encoder", "CONTROL_NET"), "sketches": (sketches, "IMAGE")},
        hints_of=picture, is_rough=is_rough,
    )  # fmt: skip


def sampler(conditioned_by: str = "guidance", column: str = "sample", top: int = 75) -> Placed:
    """The published sampler on guided conditioning, with room for its moving preview."""
    return Placed(
        "ToonCrafterSampler", column, top, (300, 490), {**DRAWN_SO},
        {"model": ("load", "MODEL"), "positive": (conditioned_by, "positive"),
         "negative": (conditioned_by, "negative"), "latent": ("keyframes", "LATENT")},
    )  # fmt: skip


def sketched_ending() -> Graph:
    """Sampler and decoder in one column, then the frames and the video."""
    return {
        "encoder": sketch_encoder(),
        "sampler": sampler(),
        **ending(("sampler", "LATENT")),
        "decode": decode(("sampler", "LATENT"), "sample", 690),
    }


def sketch_middle() -> Graph:
    """One sketch between two keyframes."""
    return {
        "note": sketch_note(
            "One sketch in the middle",
            "A quick drawing says how the figure stands halfway. The other frames are the "
            "model's own.",
            "**frames** counts from 1; -1 is the last. More sketches: join them with *Batch "
            "Images* and write a number for each, such as `4, 8, 12`.",
            "Choose your **two drawings** and the **sketch**. Lines of any colour on any paper do.",
        ),
        **beginning(),
        "sketch": drawing(POSE, "Sketch for frame 8"),
        "guidance": guidance(POSE, str(MIDDLE), 0.6),
        **sketched_ending(),
    }


def sketch_every_frame() -> Graph:
    """The motion of a rough animation."""
    return {
        "note": sketch_note(
            "A sketch for every frame",
            "The motion of a rough animation, in the look of your two drawings. *ToonCrafter Line "
            "Art* draws the lines of the rough.",
            "**end_percent** 0.6 leaves the last steps to the model alone. Lower **strength** "
            "follows the rough more loosely.",
            f"Choose your **two drawings** and the **rough clip**. {CLIP_HINT}",
        ),
        **beginning(),
        "rough": drawing(ROUGH, "Rough animation, 16 frames"),
        "sketch": Placed(
            "ToonCrafterLineArt", "keyframes", 920, (300, 110), {},
            {"images": ("rough", "IMAGE")},
        ),
        "guidance": with_end(guidance(ROUGH, "all", 0.6, is_rough=True), 0.6),
        **sketched_ending(),
    }  # fmt: skip


def with_end(placed: Placed, end_percent: float) -> Placed:
    """Sketch guidance that ends before the sampling does."""
    placed.widgets["end_percent"] = end_percent
    return placed


def line_drawings() -> Graph:
    """Two line drawings, and line drawings between them."""
    return {
        "note": note(
            "Between two line drawings",
            "Nothing but lines in, nothing but lines out. No sketch encoder is needed: the two "
            "drawings are the keyframes.",
            "Say in the prompt that it is a line drawing. The frames can be the sketches of "
            "`colourise_one_reference`.",
        ),
        **beginning(LINE_PROMPT, "tooncrafter_first_lines.png", "tooncrafter_last_lines.png"),
        "sampler": Placed(
            "ToonCrafterSampler", "sample", 75, (300, 262), {**DRAWN_SO},
            {"model": ("load", "MODEL"), **CONDITIONED, "latent": ("keyframes", "LATENT")},
        ),
        **ending(("sampler", "LATENT")),
    }  # fmt: skip


def colourise_one_reference() -> Graph:
    """One coloured drawing and the lines of a whole clip."""
    return {
        "note": sketch_note(
            "Colour a line-art clip: one coloured drawing",
            "The lines of every frame are there; one drawing says what the colours are.",
            "The one drawing stands at both ends, so the clip should return to it, as this jump "
            "does. If yours does not, colour its last frame too: `colourise_two_references`.",
            f"Choose the **coloured drawing** of frame 1 and the **line art**. {CLIP_HINT}",
        ),
        **beginning(last=None),
        "sketch": drawing(LINES_RETURN, "Line art, 16 frames"),
        "guidance": guidance(LINES_RETURN, "all", 1.0),
        **sketched_ending(),
    }


def colourise_two_references() -> Graph:
    """Both ends coloured, and the lines of a whole clip."""
    return {
        "note": sketch_note(
            "Colour a line-art clip: two coloured drawings",
            "The lines of every frame are there; the first and the last are coloured already.",
            "**strength** 1 keeps close to the lines. Lower it if the frames look stiff.",
            "Choose the **two coloured drawings**, which are the first and last frames of the "
            f"clip, and the **line art**. {CLIP_HINT}",
        ),
        **beginning(),
        "sketch": drawing(LINES, "Line art, 16 frames"),
        "guidance": guidance(LINES, "all", 1.0),
        **sketched_ending(),
    }


def redraw_frame() -> Graph:
    """A clip, its line art, and the same clip again with one frame corrected."""
    fixed = {"seed": 123, "control_after_generate": "fixed"}
    graph = {
        "note": sketch_note(
            "Re-draw one frame",
            "The first pass makes a clip and its line art. Correct one frame of that, and the "
            "second pass makes the clip again with the same seed.",
            "The first guidance holds every frame where it was, the second puts your drawing over "
            "frame 8. For another frame change **frames** there and **batch_index**, which counts "
            "from 0. The first pass is not computed again while its settings stay.",
            "Choose your **two drawings** and press **Run**. The line art of frame 8 is saved in "
            "ComfyUI's `output` folder.",
            "Correct it in any paint program and choose it as **corrected frame**.",
        ),
        **beginning(),
        "seed": Placed(
            "PrimitiveInt", "keyframes", 535, (300, 82),
            {"value": 123, "control_after_generate": "fixed"}, title="Seed of both passes",
        ),
        "corrected": drawing(CORRECTED, "Corrected frame 8", top=690),
        "first sampler": sampler("keyframes", "first pass"),
        "first decode": decode(("first sampler", "LATENT"), "first pass", 690),
        "first preview": Placed(
            "PreviewImage", "first pass", 985, (300, 230), {},
            {"images": ("first decode", "IMAGE")}, title="Frames of the first pass",
        ),
        "lines": Placed(
            "ToonCrafterLineArt", "first pass", 1295, (300, 110), {},
            {"images": ("first decode", "IMAGE")},
        ),
        "one": Placed(
            "ImageFromBatch", "sample", 985, (300, 82), {"batch_index": MIDDLE - 1},
            {"image": ("lines", "IMAGE")}, title="Line art of frame 8",
        ),
        "save lines": Placed(
            "SaveImage", "sample", 1145, (300, 255), {"filename_prefix": "tooncrafter/frame_8"},
            {"images": ("one", "IMAGE")}, title="Save it, to correct it",
        ),
        "every frame": guidance(None, "all", 0.6, sketches="lines"),
        "guidance": guidance(
            CORRECTED, str(MIDDLE), 1.0, sketches="corrected", after="every frame", top=710
        ),
        **sketched_ending(),
    }  # fmt: skip
    for name in ("first sampler", "sampler"):
        graph[name].widgets.update(fixed)
        graph[name].inputs["seed"] = ("seed", "INT")
    return {name: narrowed(placed) for name, placed in graph.items()}


def narrowed(placed: Placed) -> Placed:
    """The last column narrower, so that a screen holds all columns."""
    if placed.column != "look":
        return placed
    return replace(placed, size=(300, placed.size[1]))
