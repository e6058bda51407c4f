"""``interpolate START END -o OUT --checkpoint FILE``: two keyframes in, a video out."""

import argparse
import logging
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config.embedded import MINI, MINI_SKETCH, embedded_file, mini_absent, mini_settings
from ..errors import CheckpointError, ToonCrafterError, counted, printable
from . import Commands
from .colour.alpha import KEEP, add_alpha_option, read_clear_keys
from .colour.lock import add_colour_option, report_places, write_report
from .interpolate_options import (
    add_machine_options,
    add_offload_option,
    add_output_options,
    add_picture_options,
    add_sampling_options,
)
from .interpolate_outputs import Outputs, check_outputs, write_outputs, write_sheet
from .interpolate_sketches import SketchOptions, add_sketch_options, read_sketches

if TYPE_CHECKING:
    import torch

    from ..diffusion.samplers import SamplingProgress
    from ..interpolation.session import Session, SessionSettings
    from ..interpolation.settings import InterpolationSettings
    from ..pictures.keyframes import Keyframes
    from ..sketches.frames import SketchLayer

logger = logging.getLogger(__name__)

OUT_OF_MEMORY = (
    "The device ran out of memory. Lower --width, --height or --frames, choose --dtype bf16, add "
    "--no-batch-guidance or --offload always, let it decode in --tiles (approximate), or run on "
    "--device cpu."
)


def add_parser(subparsers: Commands) -> argparse.ArgumentParser:
    """Declare the command and its options; what is not given has the settings' own default."""
    parser = subparsers.add_parser("interpolate", help="draw the frames between two keyframes")
    parser.add_argument("start", metavar="START", help="the first keyframe, a picture of any size")
    parser.add_argument("end", metavar="END", help="the last keyframe")
    parser.add_argument(
        "--checkpoint",
        help="ToonCrafter's .ckpt or .safetensors (the mini model that comes with the program, "
        "with settings of its own)",
    )
    add_output_options(parser.add_argument_group("output"))
    add_picture_options(parser.add_argument_group("picture"))
    colour = parser.add_argument_group("colour")
    add_colour_option(colour)
    add_alpha_option(colour)
    add_sampling_options(parser.add_argument_group("sampling"))
    add_sketch_options(parser)
    machine = parser.add_argument_group("files and machine")
    add_machine_options(machine)
    add_offload_option(machine)
    return parser


def run(args: argparse.Namespace) -> int:
    """Check everything that can be checked, then load, draw and write."""
    has_mini = args.checkpoint in (None, MINI)
    checkpoint = mini_checkpoint() if has_mini else Path(args.checkpoint)
    settings = settings_from(args, mini_settings() if has_mini else {})
    outputs, drawings = Outputs.of(args), SketchOptions.of(args)
    own_encoder = embedded_file(MINI_SKETCH) if has_mini and drawings.has_sketches else None
    weights = session_settings(args, checkpoint, own_encoder)
    also = report_places(outputs) if args.colour_lock and outputs.has_any else []
    check_outputs(outputs, [args.start, args.end, *weights.files, *drawings.paths], also)
    clear = None
    if args.alpha == KEEP:
        clear = read_clear_keys(args.start, args.end, settings, outputs)
    keyframes = clear.keyframes if clear else read_keyframes(args.start, args.end)
    sketches = read_sketches(drawings, settings.num_frames, weights.sketch_encoder is not None)
    session = open_session(weights, settings, bool(sketches))
    video = interpolate_with_progress(session, keyframes, settings, sketches, args.quiet)
    said = []
    if args.colour_lock:
        from ..interpolation.colour_lock import lock_clip

        locked = lock_clip(video, keyframes, settings)
        video = locked.frames
        said.append(write_report(outputs, locked.report))
        logger.info("%s", locked.report.as_text())
    if clear:
        video = clear.restored(video)
    written = write_outputs(outputs, video)
    heading = f"{checkpoint.name}: {len(video)} frames, {counted(settings.steps, 'step')}"
    shown = clear.on_white(video) if clear else (video, keyframes)
    written += write_sheet(outputs, *shown, settings, heading)
    for path in [*written, *said]:
        print(path)
    return 0


def mini_checkpoint() -> Path:
    """The embedded model's file; ``CheckpointError`` when it is not there."""
    path = embedded_file(MINI)
    if path is None:
        raise CheckpointError(f"{mini_absent()} Name their file with --checkpoint.")
    return path


def settings_from(
    args: argparse.Namespace, own: Mapping[str, Any] | None = None
) -> "InterpolationSettings":
    """The settings that the options ask for; ``ToonCrafterError`` when one is out of range.

    ``own`` are those of a model that is not drawn with as the published one is. A preset of speed
    counts more than these unless it takes as many steps or more, an option more than all.
    """
    from dataclasses import fields

    from ..interpolation.settings import SPEED_PRESETS, InterpolationSettings

    names = {field.name for field in fields(InterpolationSettings)}
    given = {k: v for k, v in vars(args).items() if k in names}
    preset = SPEED_PRESETS[args.preset]
    if preset and own and own["steps"] <= preset["steps"]:
        logger.warning(
            "--preset %s is left out: this model draws in %s, and the preset takes %d.",
            args.preset, counted(own["steps"], "step"), preset["steps"],
        )  # fmt: skip
        preset = {}
    return InterpolationSettings(**{**(own or {}), **preset, **given})


def session_settings(
    args: argparse.Namespace, checkpoint: Path, own_encoder: Path | None = None
) -> "SessionSettings":
    """The weights and the machine that the options name.

    ``own_encoder`` is the sketch encoder of a model that comes with one.
    """
    from ..checkpoints.keys import OPTIONAL
    from ..interpolation.session import SessionSettings

    options = {component: component.value.replace("_", "-") for component in OPTIONAL}
    return SessionSettings(
        checkpoint=checkpoint,
        text_encoder=args.text_encoder,
        image_encoder=args.image_encoder,
        sketch_encoder=getattr(args, "sketch_encoder", own_encoder),
        needed={part: f"Name it with --{option}." for part, option in options.items()},
        device=args.device,
        dtype=args.dtype,
        offload=getattr(args, "offload", "never"),
        compiles=args.compile,
    )


def read_keyframes(start: str, end: str) -> "Keyframes":
    """Both pictures, checked, and a warning where white is put behind one.

    ``KeyframeError`` says which cannot be used and why.
    """
    from ..pictures.keyframes import Keyframes
    from ..pictures.stills import read_keyframe
    from ..pictures.transparency import transparency_note

    keyframes = Keyframes.at_ends(read_keyframe(start), read_keyframe(end))
    note = transparency_note({name: Path(name) for name in (start, end)})
    if note:
        logger.warning("%s", printable(note))
    return keyframes


def open_session(
    weights: "SessionSettings", settings: "InterpolationSettings", with_sketches: bool
) -> "Session":
    """The networks that a clip of these settings needs, loaded."""
    from ..interpolation.session import Session

    session = Session(weights)
    session.prepare(settings, with_sketches)
    return session


def interpolate_with_progress(
    session: "Session",
    keyframes: "Keyframes",
    settings: "InterpolationSettings",
    sketches: "Sequence[SketchLayer]",
    is_quiet: bool,
) -> "torch.Tensor":
    """The video, ``t 3 h w`` in [-1, 1], with a progress bar on stderr meanwhile."""
    from einops import rearrange
    from tqdm import tqdm

    from ..device.memory import is_out_of_memory

    def on_step(progress: "SamplingProgress") -> None:
        bar.update()
        if progress.step == progress.total:
            bar.set_description("decoding")

    with closing(tqdm(total=settings.steps, desc="sampling", disable=is_quiet)) as bar:
        try:
            video = session.interpolate(keyframes, settings, on_step, sketches)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise ToonCrafterError(OUT_OF_MEMORY) from error
    return rearrange(video, "1 c t h w -> t c h w")
