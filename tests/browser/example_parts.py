"""What the example workflows are put together from: nodes in columns, and their usual beginnings.

A graph is a description only; `browser.make_examples` builds it in ComfyUI's own page.
"""

from dataclasses import dataclass, field
from typing import Any

from tooncrafter_core.config.embedded import MINI, MINI_GUIDANCE, MINI_SIZE, MINI_STEPS

UPSCALER = "RealESRGAN_x4plus_anime_6B.pth"
UPSCALER_ADDRESS = f"https://github.com/xinntao/Real-ESRGAN/releases/download/v0.2.2.4/{UPSCALER}"
PROMPT = "a boy jumps up and reaches for a star"
FIRST, LAST = "tooncrafter_first.png", "tooncrafter_last.png"

# Columns from left to right; those that an example does not use take no room. Heights leave free
# lanes above the nodes for MODEL and VAE, which run from the first column to the later ones.
COLUMNS = (
    "load", "text", "keyframes", "first pass", "sketch", "patch", "sample", "decode", "upscale",
    "look",
)  # fmt: skip
GAP, TITLE = 44, 30
"""Between columns, and the height of a title bar."""


@dataclass(frozen=True)
class Placed:
    """A node on the canvas."""

    kind: str
    column: str
    top: int
    size: tuple[int, int]
    widgets: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Input name: name of the node it comes from, and of that node's output."""
    title: str | None = None
    hints_of: str | None = None
    """The picture whose hints the node shows in the workflow's picture, as after a run."""
    is_rough: bool = False
    """Whether 'ToonCrafter Line Art' has to draw that picture's lines first."""


Graph = dict[str, Placed]

ABOUT_MINI = """It runs as it is, with the **mini model** that comes with the pack: less than \
1/150 of the published one, trained from nothing on drawn clips and a film. It reads no prompt."""


def choose_files(steps: int = 50) -> str:
    """What to set for the published model, which takes so many steps."""
    return (
        "**For the published model** choose its files in *Load ToonCrafter* (`model.ckpt` brings "
        "its encoders: leave both at *none*; the pruned file needs the two encoder files), and set "
        f"**width** 512, **height** 320, **steps** {steps}, **cfg** 7.5 in place of "
        f"{MINI_SIZE[0]}, {MINI_SIZE[1]}, {MINI_STEPS} and {MINI_GUIDANCE:g}."
    )


CHOOSE_SKETCH_ENCODER = """With it goes `sketch_encoder.ckpt` or `sketch_encoder-fp16.safetensors` \
of `models/controlnet`, in *Load ToonCrafter Sketch Encoder*."""
DRAWINGS_STEPS = (
    "Choose your **two drawings**.",
    "**Prompt**, for the published model: a short sentence of what happens.",
)


def note(
    title: str,
    what: str,
    more: str,
    steps: tuple[str, ...] = (*DRAWINGS_STEPS, "Press **Run**."),
    height: int = 440,
    switch: str | None = None,
) -> Placed:
    """The note at the beginning of a workflow."""
    numbered = "\n".join(f"{number}. {step}" for number, step in enumerate(steps, 1))
    text = f"## {title}\n\n{what}\n\n{numbered}\n\n{more}\n\n{ABOUT_MINI}\n\n"
    text += f"{switch or choose_files()}\n"
    return Placed("MarkdownNote", "load", 290, (440, height), {"text": text}, title="Read me")


def beginning(prompt: str = PROMPT, first: str = FIRST, last: str | None = LAST) -> Graph:
    """What every example starts with: weights, prompts and the two keyframes.

    Without a last one the first stands at both ends.
    """
    graph = {
        "load": Placed(
            "ToonCrafterLoader", "load", 0, (440, 190),
            {"checkpoint": MINI, "text_encoder": "none", "image_encoder": "none"},
        ),
        "positive": Placed(
            "CLIPTextEncode", "text", 200, (340, 100), {"text": prompt},
            {"clip": ("load", "CLIP")}, title="Prompt",
        ),
        "negative": Placed(
            "CLIPTextEncode", "text", 355, (340, 90), {"text": ""},
            {"clip": ("load", "CLIP")}, title="Negative prompt (may stay empty)",
        ),
        "first": Placed(
            "LoadImage", "text", 510, (340, 316), {"image": first},
            title="First keyframe" if last else "The coloured drawing",
        ),
        "last": Placed(
            "LoadImage", "text", 895, (340, 316), {"image": last}, title="Last keyframe"
        ),
        "keyframes": Placed(
            "ToonCrafterKeyframes", "keyframes", 130, (300, 290),
            {"width": MINI_SIZE[0], "height": MINI_SIZE[1], "seed": 123},
            {"positive": ("positive", "CONDITIONING"), "negative": ("negative", "CONDITIONING"),
             "clip_vision": ("load", "CLIP_VISION"), "vae": ("load", "VAE"),
             "first_image": ("first", "IMAGE"), "last_image": ("last", "IMAGE")},
        ),
    }  # fmt: skip
    if last is None:
        del graph["last"]
        graph["keyframes"].inputs["last_image"] = ("first", "IMAGE")
    return graph


def decode(samples: tuple[str, str], column: str = "decode", top: int = -60) -> Placed:
    """The decoder, which has the drawings from the clip."""
    return Placed(
        "ToonCrafterDecode", column, top, (300, 214), {},
        {"vae": ("load", "VAE"), "latent": samples},
    )  # fmt: skip


def ending(samples: tuple[str, str], images: str = "decode") -> Graph:
    """What every example ends with: frames, a look at them, and a video file."""
    return {
        "decode": decode(samples),
        "preview": Placed(
            "PreviewImage", "look", 20, (420, 420), {}, {"images": (images, "IMAGE")},
            title="Frames",
        ),
        "video": Placed(
            "CreateVideo", "look", 490, (420, 80), {"fps": 8.0}, {"images": (images, "IMAGE")}
        ),
        "save": Placed(
            "SaveVideo", "look", 650, (420, 420), {"filename_prefix": "video/tooncrafter"},
            {"video": ("video", "VIDEO")},
        ),
    }  # fmt: skip


CONDITIONED = {
    "positive": ("keyframes", "positive"),
    "negative": ("keyframes", "negative"),
}

DRAWN_SO = {"seed": 123, "steps": MINI_STEPS, "cfg": MINI_GUIDANCE}
"""The sampler's settings that differ from the published ones."""
