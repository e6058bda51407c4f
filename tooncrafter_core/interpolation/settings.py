"""The settings of an interpolation, checked when they are created."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

from ..conditioning.build import TokenMode
from ..diffusion.noise import MAX_SEED
from ..diffusion.schedule import SPACINGS, Spacing
from ..errors import check_choice, check_number
from ..pictures.fitting import FIT_MODES, FitMode
from ..sketches.frames import MISSING_MODES, MissingMode
from ..sketches.guidance import TOKENS_READ, TokensRead
from .decoding import DEFAULT_CHUNK

MAX_FRAMES = 256
MIN_SIDE, MAX_SIDE = 16, 4096

Solver = Literal["ddim", "dpmpp_2m"]

SPEED_PRESETS: dict[str, dict[str, Any]] = {
    "published": {},
    "fast": {"solver": "dpmpp_2m", "steps": 25},
    "draft": {"solver": "dpmpp_2m", "steps": 12},
}
"""Settings by name: all but ``published`` are approximate."""


@dataclass(frozen=True, kw_only=True)
class InterpolationSettings:
    """Everything about an interpolation but the two keyframes and the weights.

    The defaults are those of the published program. ``ToonCrafterError`` for a value that is out
    of range, when the settings are made: before anything is loaded. SPEC section 11.
    """

    prompt: str = ""
    """The prompt: what is seen and what happens; may be empty."""
    negative_prompt: str = ""
    """The negative prompt, which guidance leads away from; empty as published."""
    width: int = 512
    """Width of the result in pixels; the model draws the next multiple of 64, which is cut."""
    height: int = 320
    fit: FitMode = "crop"
    """How a keyframe of another shape is brought to that size; see ``pictures.fitting``."""
    num_frames: int = 16
    """Both keyframes included. The model was trained on 16; see ``token_mode`` for others."""
    motion_fps: float = 10
    """Lower means larger motion between frames; 5 to 30 were trained. Not the playback speed."""
    steps: int = 50
    guidance_scale: float = 7.5
    """How strongly to follow the prompt and the first keyframe; 1 is without guidance."""
    image_guidance_scale: float | None = None
    """A scale of its own for the first keyframe, by a third prediction; None has one for both."""
    guidance_rescale: float = 0.7
    """How much of the contrast that guidance adds is taken back, 0 to 1."""
    guidance_start: float = 0.0
    """Part of the sampling, 0 to 1, before which there is no guidance; above 0 is approximate."""
    guidance_end: float = 1.0
    """Part of the sampling after which there is no guidance; below 1 is approximate."""
    solver: Solver = "ddim"
    """The published one, or ``dpmpp_2m``: approximate, without fresh noise, in fewer steps."""
    eta: float = 1.0
    """Fresh noise in every step: 0 is none, 1 as published."""
    spacing: Spacing = "trailing"
    """Which timesteps are visited; ``uniform`` is the published program's at a width of 256."""
    seed: int = 123
    """All noise comes from it: the same seed gives the same frames."""
    second_pass: bool = True
    """Decode the middle a second time, which removes a flicker there."""
    decode_chunk: int = DEFAULT_CHUNK
    """Frames decoded at a time; fewer need less memory and give the same picture."""
    memory_budget: int | None = None
    """MB that decoding may take besides the weights; fewer frames at a time keep to it. None takes
    what the device has free. ``decode_chunk`` stays the most, one frame at a time the least."""
    tiles: bool = False
    """Decode in tiles where not even one frame at a time fits; approximate. See ``tiling``."""
    token_mode: TokenMode = "per_frame"
    """Image tokens for other frame counts: those of the nearest trained frame, or shared by all."""
    batch_guidance: bool | None = None
    """Compute what guidance compares in one call: quicker on a GPU, nearly a gigabyte more of
    512x320. None does where the GPU has as much free. The same clip, to rounding."""
    sketch_tokens: TokensRead = "text"
    """What the sketch encoder reads besides sketches: the text, or image tokens too."""
    sketch_missing: MissingMode = "empty"
    """What frames without a sketch get: an empty sketch as in the paper, or no guidance."""

    def __post_init__(self) -> None:
        check_number("The width", self.width, MIN_SIDE, MAX_SIDE, "pixels", is_whole=True)
        check_number("The height", self.height, MIN_SIDE, MAX_SIDE, "pixels", is_whole=True)
        check_number(
            "The number of frames", self.num_frames, 2, MAX_FRAMES,
            "(both keyframes count; the model was trained on 16)", is_whole=True
        )  # fmt: skip
        check_number("The motion fps", self.motion_fps, 1, 60, "(5 to 30 were trained)")
        check_number("The number of steps", self.steps, 1, 1000, "(50 is usual)", is_whole=True)
        check_number("The guidance scale", self.guidance_scale, 0, 100, "(7.5 is usual)")
        if self.image_guidance_scale is not None:
            check_number("The image guidance scale", self.image_guidance_scale, 0, 100)
        check_number("The guidance rescale", self.guidance_rescale, 0, 1)
        check_number("The start of guidance", self.guidance_start, 0, 1)
        check_number("The end of guidance", self.guidance_end, self.guidance_start, 1)
        check_number("Eta", self.eta, 0, 1, "(1 as published, 0 adds no noise)")
        check_number("The seed", self.seed, 0, MAX_SEED, is_whole=True)
        check_number(
            "The number of frames decoded at a time",
            self.decode_chunk,
            1,
            MAX_FRAMES,
            is_whole=True,
        )
        if self.memory_budget is not None:
            check_number("The memory budget", self.memory_budget, 1, 10**6, "MB", is_whole=True)
        check_choice("The fit", self.fit, FIT_MODES)
        check_choice("The solver", self.solver, get_args(Solver))
        check_choice("The spacing", self.spacing, SPACINGS)
        check_choice("The token mode", self.token_mode, get_args(TokenMode))
        check_choice("What the sketch encoder reads", self.sketch_tokens, TOKENS_READ)
        check_choice("What frames without a sketch get", self.sketch_missing, MISSING_MODES)
