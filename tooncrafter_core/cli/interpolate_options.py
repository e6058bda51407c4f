"""The options of ``interpolate``."""

import argparse
from functools import partial

from ..config.dtypes import COMPUTED
from ..config.embedded import MINI_GUIDANCE, MINI_STEPS
from . import Options

PUBLISHED = "published"
PRESET_NAMES = (PUBLISHED, "fast", "draft")
"""Of ``settings.SPEED_PRESETS``, which is not imported to show a help text."""

"""torch's name of each choice."""


def add_output_options(group: Options) -> None:
    """Where the result goes and how it plays."""
    add = group.add_argument
    add(
        "-o",
        "--output",
        metavar="OUT",
        help="the video: .mp4 .mkv .webm .mov .gif .webp .png .apng, or a folder of pictures",
    )
    add("--frames-dir", metavar="DIR", help="a folder for the frames as PNG files")
    add(
        "--sheet",
        metavar="NAME.png",
        help="one picture to look at: the two drawings, frames of the clip, and the same frames of "
        "a cross-fade",
    )
    add("--playback-fps", type=float, default=8.0, help="frames a second the video plays at (8)")
    add("--lossless", action="store_true", help="lose nothing (WebP)")
    add(
        "--overwrite",
        action="store_true",
        help="replace files and pictures that are there; what is read is never replaced",
    )
    add("--quiet", action="store_true", help="no progress bar")


def add_picture_options(group: Options) -> None:
    """What is drawn; without defaults, so that the settings' own count."""
    add_look_options(group)
    add_count_options(group)


def add_count_options(group: Options) -> None:
    """How many frames one clip has."""
    add = partial(group.add_argument, default=argparse.SUPPRESS)
    add(
        "--frames",
        dest="num_frames",
        type=int,
        metavar="N",
        help="both keyframes included; the model was trained on 16 (16)",
    )
    add(
        "--token-mode",
        help="image tokens for other counts: per_frame, those of the nearest trained frame; or "
        "shared, all for every frame, as the published program (per_frame)",
    )


def add_look_options(group: Options) -> None:
    """What a clip shows, its size, and how it is decoded."""
    add = partial(group.add_argument, default=argparse.SUPPRESS)
    add("--prompt", help="what is seen and what happens")
    add("--negative-prompt", help="what to keep away from")
    add("--width", type=int, help="of the video in pixels (512); the mini model 256")
    add("--height", type=int, help="of the video in pixels (320); the mini model 160")
    add(
        "--fit",
        help="how a picture of another shape is brought to that size: crop, pad, stretch, or "
        "official, which is what the published program does (crop)",
    )
    add(
        "--motion-fps",
        type=float,
        help="lower means larger motion between frames, 5 to 30; not the playback speed (10)",
    )
    add(
        "--no-second-pass",
        dest="second_pass",
        action="store_false",
        help="decode once: half the time, perhaps a flicker in the middle",
    )
    add(
        "--decode-chunk",
        type=int,
        metavar="N",
        help="frames decoded at a time; fewer need less memory (4)",
    )
    add(
        "--memory-budget",
        type=int,
        metavar="MB",
        help="decode fewer frames at a time to stay within it, besides the weights; the picture "
        "stays the same (what the device has free)",
    )
    add(
        "--tiles",
        action="store_true",
        help="approximate: decode in tiles when not even one frame at a time fits; a warning says "
        "so when it happens",
    )


def add_sampling_options(group: Options) -> None:
    """How it is drawn; without defaults, so that the settings' own count."""
    add_solver_options(group)
    group.add_argument(
        "--spacing",
        default=argparse.SUPPRESS,
        help="which timesteps: trailing or uniform (trailing)",
    )


def add_solver_options(group: Options) -> None:
    """How it is drawn, on the timesteps that are usual."""
    add = partial(group.add_argument, default=argparse.SUPPRESS)
    group.add_argument(
        "--preset",
        choices=PRESET_NAMES,
        default=PUBLISHED,
        help="published is exact; fast and draft are approximate: 25 and 12 steps of dpmpp_2m in "
        "place of 50 of ddim (published)",
    )
    add("--steps", type=int, help=f"denoising steps, 1 to 1000 (50); the mini model {MINI_STEPS}")
    add("--seed", type=int, help="the same seed gives the same frames (123)")
    add(
        "--guidance-scale",
        type=float,
        help=f"1 is without guidance (7.5); the mini model {MINI_GUIDANCE:g}",
    )
    add(
        "--image-guidance-scale",
        type=float,
        metavar="SCALE",
        help="a scale of its own for the first keyframe (that of --guidance-scale)",
    )
    add(
        "--guidance-rescale",
        type=float,
        help="how much of the contrast that guidance adds is taken back (0.7)",
    )
    add(
        "--guidance-start",
        type=float,
        metavar="PART",
        help="approximate: no guidance before this part of the sampling, 0 to 1 (0)",
    )
    add(
        "--guidance-end",
        type=float,
        metavar="PART",
        help="approximate: no guidance after this part, half the time there (1)",
    )
    add(
        "--solver",
        help="ddim as published; or dpmpp_2m, approximate: without fresh noise, for few steps "
        "(ddim)",
    )
    add("--eta", type=float, help="fresh noise in every step, 0 to 1 (1)")
    add(
        "--batch-guidance",
        action=argparse.BooleanOptionalAction,
        help="compute what guidance compares in one call, or never: quicker on a GPU, more memory "
        "(where a GPU has it free)",
    )


def add_machine_options(group: Options) -> None:
    """Where the encoders come from, and what computes."""
    add = group.add_argument
    add("--text-encoder", metavar="FILE", help="for a checkpoint that comes without it")
    add("--image-encoder", metavar="FILE", help="for a checkpoint that comes without it")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps ... (auto)")
    add(
        "--compile",
        action="store_true",
        help="compile the denoiser, for cards without the fused kernels (those are quicker): "
        "quicker steps after minutes at the first; needs a C++ compiler",
    )
    add(
        "--dtype",
        choices=("auto", *COMPUTED),
        default="auto",
        help="precision; auto is fp16 on CUDA, else fp32",
    )


def add_offload_option(group: Options) -> None:
    """Whether networks share the device by turns."""
    group.add_argument(
        "--offload",
        choices=("auto", "always", "never"),
        default="auto",
        help="keep the networks in the computer's memory, each on the device for its own stage "
        "only; auto does so when the device has too little free (auto)",
    )
