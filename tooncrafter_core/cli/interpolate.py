"""``interpolate START END -o OUT --checkpoint FILE``: two keyframes in, a video out."""

import argparse
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config.embedded import MINI, MINI_SKETCH, embedded_file, mini_absent, mini_settings
from ..errors import CheckpointError, OutputError, ToonCrafterError
from ..files import Place, check_places
from .interpolate_options import (
    DTYPES,
    PUBLISHED,
    add_machine_options,
    add_offload_option,
    add_output_options,
    add_picture_options,
    add_sampling_options,
)
from .interpolate_sketches import add_sketch_options, read_sketches, sketch_paths

if TYPE_CHECKING:
    import torch

    from ..checkpoints import Models
    from ..config.model import ModelConfig, SketchEncoderConfig
    from ..diffusion.samplers import SamplingProgress
    from ..interpolation.settings import InterpolationSettings
    from ..models.sketch_encoder import SketchEncoder
    from ..sketches.frames import SketchLayer

OUT_OF_MEMORY = (
    "The device ran out of memory. Lower --width, --height or --frames, choose --dtype bf16, add "
    "--no-batch-guidance or --offload always, let it decode in --tiles (approximate), or run on "
    "--device cpu."
)


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Declare the command and its options; what is not given has the settings' own default."""
    parser = subparsers.add_parser("interpolate", help="draw the frames between two keyframes")
    parser.add_argument("start", help="the first keyframe, a picture of any size")
    parser.add_argument("end", help="the last keyframe")
    parser.add_argument(
        "--checkpoint",
        help="ToonCrafter's .ckpt or .safetensors (the mini model that comes with the program, "
        "with settings of its own)",
    )
    add_output_options(parser.add_argument_group("output"))
    add_picture_options(parser.add_argument_group("picture"))
    add_sampling_options(parser.add_argument_group("sampling"))
    add_sketch_options(parser)
    machine = parser.add_argument_group("files and machine")
    add_machine_options(machine)
    add_offload_option(machine)
    return parser


def run(args: argparse.Namespace) -> int:
    """Check everything that can be checked, then load, draw and write."""
    if args.checkpoint in (None, MINI):
        choose_mini(args)
    settings = settings_from(args)
    check_outputs(args)
    first, last = read_keyframes(args)
    sketches = read_sketches(args, settings)
    # The smaller file first: a wrong one is told sooner.
    args.offload = "always" if needs_offloading(args, settings) else "never"
    device = choose_device(args.device) if args.offload == "always" else None
    encoder = load_encoder(args) if sketches else None
    models = load_models(args)
    video = interpolate_with_progress(
        models, first, last, settings, args.quiet, sketches, encoder, device
    )
    written = write_outputs(args, video)
    if args.sheet is not None:
        written.append(write_sheet(args, video, first, last, settings))
    for path in written:
        print(path)
    return 0


def choose_mini(args: argparse.Namespace) -> None:
    """Take the embedded model, its settings and its sketch encoder where nothing else was asked.

    ``CheckpointError`` when it is not there.
    """
    path = embedded_file(MINI)
    if path is None:
        raise CheckpointError(f"{mini_absent()} Name their file with --checkpoint.")
    args.checkpoint = str(path)
    suit_mini(args)
    has_sketches = hasattr(args, "sketches") or hasattr(args, "sketch_dir")
    encoder = embedded_file(MINI_SKETCH)
    if has_sketches and not hasattr(args, "sketch_encoder") and encoder is not None:
        args.sketch_encoder = str(encoder)


def suit_mini(args: argparse.Namespace) -> None:
    """Set what was not asked for to what suits the embedded model."""
    has_preset = args.preset != PUBLISHED
    for name, value in mini_settings().items():
        # A preset of speed brings steps of its own.
        if not hasattr(args, name) and not (has_preset and name == "steps"):
            setattr(args, name, value)


def settings_from(args: argparse.Namespace) -> "InterpolationSettings":
    """The settings that the options ask for; ``ToonCrafterError`` when one is out of range."""
    from dataclasses import fields

    from ..interpolation.settings import SPEED_PRESETS, InterpolationSettings

    names = {field.name for field in fields(InterpolationSettings)}
    given = {k: v for k, v in vars(args).items() if k in names}
    # What is said by itself counts more than a preset.
    return InterpolationSettings(**{**SPEED_PRESETS[args.preset], **given})


def check_outputs(args: argparse.Namespace) -> None:
    """``OutputError`` when the result could not be written, told before anything is loaded."""
    from ..pictures.files import check_format, video_place

    if args.output is None and args.frames_dir is None and args.sheet is None:
        raise OutputError("Say where the video goes: -o out.mp4, or --frames-dir for pictures.")
    places = []
    if args.output is not None:
        check_format(args.output, args.playback_fps)
        places.append(video_place("-o", args.output))
    if args.frames_dir is not None:
        folder = Path(args.frames_dir)
        if folder.suffix and not folder.is_dir():
            raise OutputError(
                f"--frames-dir takes a folder without an extension, not '{folder.name}'."
            )
        places.append(Place(option="--frames-dir", at=args.frames_dir, kind="frames"))
    if args.sheet is not None:
        if Path(args.sheet).suffix.lower() != ".png":
            raise OutputError(f"A sheet is one picture: --sheet NAME.png, not '{args.sheet}'.")
        places.append(Place(option="--sheet", at=args.sheet))
    check_places(places, input_paths(args), args.overwrite)


def input_paths(args: argparse.Namespace) -> list[str | Path]:
    """Every file and folder that is read: drawings, sketches and weights."""
    names = ("checkpoint", "text_encoder", "image_encoder", "sketch_encoder", "sketch_dir")
    named = [path for name in names if (path := vars(args).get(name)) is not None]
    return [args.start, args.end, *named, *sketch_paths(args)]


def read_keyframes(args: argparse.Namespace) -> "tuple[torch.Tensor, torch.Tensor]":
    """Both pictures, checked; ``KeyframeError`` says which cannot be used and why."""
    from ..pictures.files import read_image
    from ..pictures.keyframes import check_keyframes

    return check_keyframes(read_image(args.start), read_image(args.end))


def load_encoder(args: argparse.Namespace) -> "SketchEncoder":
    """The sketch encoder, where the model will be; ``CheckpointError`` for another kind of file."""
    from ..checkpoints import detect_sketch_encoder, read_checkpoint
    from ..sketches.guidance import load_sketch_encoder

    checkpoint = read_checkpoint(args.sketch_encoder)
    config = detect_sketch_encoder(checkpoint)
    dtype = choose_dtype(args.dtype, choose_device(args.device), config)
    return load_sketch_encoder(checkpoint, dtype=dtype, device=storage_device(args))


def storage_device(args: argparse.Namespace) -> "torch.device":
    """Where networks are kept: on the device, or waiting in the host's memory."""
    return choose_device("cpu" if vars(args).get("offload") == "always" else args.device)


def needs_offloading(args: argparse.Namespace, settings: "InterpolationSettings") -> bool:
    """Whether networks visit the device one stage at a time.

    ``auto`` does so when the weights and the greatest stage are more than the device has free.
    """
    from math import prod

    from ..checkpoints import detect, read_checkpoint
    from ..device.memory import free_memory
    from ..interpolation.offloading import job_bytes

    device = choose_device(args.device)
    if device.type == "cpu" or args.offload != "auto":
        return device.type != "cpu" and args.offload == "always"
    free = free_memory(device)
    if free is None:
        return False
    names = ("checkpoint", "text_encoder", "image_encoder", "sketch_encoder")
    files = [file for name in names if (file := vars(args).get(name)) is not None]
    checkpoints = [read_checkpoint(file) for file in files]
    config = detect(checkpoints[0])
    itemsize = choose_dtype(args.dtype, device, config).itemsize
    values = sum(prod(shape) for checkpoint in checkpoints for shape in checkpoint.shapes.values())
    return job_bytes(config, settings, values * itemsize, itemsize) > free


def load_models(args: argparse.Namespace) -> "Models":
    """The networks, with encoders from files of their own where these are named.

    ``CheckpointError`` for wrong or missing files, told before the large ones are read.
    """
    from dataclasses import replace

    from ..checkpoints import build_models, detect, read_checkpoint
    from ..checkpoints.convert_encoders import encoder_checkpoint, with_encoder
    from ..checkpoints.detect import part_of
    from ..checkpoints.keys import OPTIONAL
    from ..device.compiling import compile_denoiser, warn_where_it_loses
    from ..interpolation.pipeline import missing_encoder

    device = storage_device(args)
    checkpoint = read_checkpoint(args.checkpoint)
    config = detect(checkpoint)
    dtype = choose_dtype(args.dtype, choose_device(args.device), config)
    encoders = {
        component: encoder_checkpoint(read_checkpoint(file), component, config)
        for component in OPTIONAL
        if (file := getattr(args, component.value)) is not None
    }
    for component in OPTIONAL:
        if part_of(config, component) is None and component not in encoders:
            option = component.value.replace("_", "-")
            raise missing_encoder(component, f"Name it with --{option}.")
    models = build_models(checkpoint, dtype, device)
    for component, encoder in encoders.items():
        models = with_encoder(models, encoder, component, dtype=dtype, device=device)
    if args.compile:
        warn_where_it_loses(choose_device(args.device), dtype)
        models = replace(models, denoiser=compile_denoiser(models.denoiser))
    return models


def choose_dtype(
    name: str, device: "torch.device", config: "ModelConfig | SketchEncoderConfig"
) -> "torch.dtype":
    """The precision to compute in; ``auto`` is what the device is quick at.

    ``ToonCrafterError`` for one that a model of these sizes overflows in.
    """
    import torch

    from ..device.precision import inference_dtypes, overflow_message

    possible = inference_dtypes(config)
    if name != "auto":
        dtype: torch.dtype = getattr(torch, DTYPES[name])
        if dtype not in possible:
            raise ToonCrafterError(overflow_message(dtype, possible, "auto"))
        return dtype
    if device.type != "cuda":
        return torch.float32
    # GPUs from before bfloat16 imitate it slowly.
    if possible[0] == torch.bfloat16 and not torch.cuda.is_bf16_supported(
        including_emulation=False
    ):
        return torch.float32
    return possible[0]


def choose_device(name: str) -> "torch.device":
    """The device to compute on; ``ToonCrafterError`` when there is none of that name."""
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise ToonCrafterError(f"There is no device '{name}' here ({reason}); try cpu.") from error
    return device


def interpolate_with_progress(
    models: "Models",
    first: "torch.Tensor",
    last: "torch.Tensor",
    settings: "InterpolationSettings",
    is_quiet: bool,
    sketches: "Sequence[SketchLayer]" = (),
    sketch_encoder: "SketchEncoder | None" = None,
    device: "torch.device | None" = None,
) -> "torch.Tensor":
    """The video, ``t 3 h w`` in [-1, 1], with a progress bar on stderr meanwhile."""
    from einops import rearrange
    from tqdm import tqdm

    from ..device.memory import is_out_of_memory
    from ..interpolation.pipeline import interpolate

    def on_step(progress: "SamplingProgress") -> None:
        bar.update()
        if progress.step == progress.total:
            bar.set_description("decoding")

    with closing(tqdm(total=settings.steps, desc="sampling", disable=is_quiet)) as bar:
        try:
            video = interpolate(
                models, first, last, settings, on_step, sketches, sketch_encoder, device
            )
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise ToonCrafterError(OUT_OF_MEMORY) from error
    return rearrange(video, "1 c t h w -> t c h w")


def write_outputs(args: argparse.Namespace, video: "torch.Tensor") -> list[Path]:
    """Write every output asked for but the sheet, and return their paths."""
    from ..pictures.files import write_video

    written = []
    if args.output is not None:
        written.append(
            write_video(video, args.output, args.playback_fps, args.lossless, args.overwrite)
        )
    if args.frames_dir is not None:
        written.append(write_video(video, args.frames_dir, overwrite=args.overwrite))
    return written


def write_sheet(
    args: argparse.Namespace,
    video: "torch.Tensor",
    first: "torch.Tensor",
    last: "torch.Tensor",
    settings: "InterpolationSettings",
) -> Path:
    """Write the clip ``t 3 h w`` beside a cross-fade of the keyframes it was drawn from."""
    from ..pictures.files import write_video
    from ..pictures.fitting import fit
    from ..pictures.sheets import beside_cross_fade

    ends = []
    for image in (first, last):
        picture, placement = fit(
            image.reshape(1, *image.shape[-3:]), settings.width, settings.height, settings.fit, 1
        )
        ends.append(placement.restore(picture)[0])
    heading = f"{Path(args.checkpoint).name}: {len(video)} frames, {settings.steps} steps"
    sheet = beside_cross_fade(video, ends[0], ends[1], [heading])
    return write_video(sheet, args.sheet, overwrite=args.overwrite)
