"""The sketches of ``interpolate``: options, files, and every check before weights are loaded."""

import argparse
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import SketchError

if TYPE_CHECKING:
    from ..sketches.frames import SketchLayer
    from ..sketches.hints import Polarity

logger = logging.getLogger(__name__)

SketchFile = tuple[str, Path]
"""A frame number as it was typed, and the picture for it."""

_IDLE_ALONE = ("encoder", "strength", "start", "end", "polarity", "tokens", "missing")
"""Fields of ``SketchOptions`` that do nothing without a sketch."""


def add_sketch_options(parser: argparse.ArgumentParser) -> None:
    """Sketches and how they guide; without defaults, so that it shows which were given."""
    # Lets '--sketch -1=pose.png' through: argparse takes what starts with '-' and is no number for
    # an option. Python 3.14 has this pattern of itself.
    parser._negative_number_matcher = re.compile(r"-\.?\d")
    add = partial(parser.add_argument_group("sketches").add_argument, default=argparse.SUPPRESS)
    add(
        "--sketch",
        dest="sketches",
        action="append",
        metavar="FRAME=FILE",
        help="a drawing that a frame follows, as in 8=pose.png; 1 is the first frame, -1 the "
        "last; may be given for any number of frames",
    )
    add(
        "--sketch-dir",
        metavar="DIR",
        help="a folder of drawings: as many as frames, or named by their frame numbers (8.png)",
    )
    add("--sketch-encoder", metavar="FILE", help="the sketch encoder's .ckpt or .safetensors")
    add("--sketch-strength", type=float, help="how closely to follow, 0 to 10 (0.6)")
    add("--sketch-start", type=float, help="the share of sampling where it begins (0)")
    add("--sketch-end", type=float, help="the share of sampling where it ends (1)")
    add("--sketch-polarity", help="auto, dark_on_light or light_on_dark (auto)")
    add(
        "--sketch-tokens",
        help="what the encoder reads besides sketches: text; or all, image tokens too (text)",
    )
    add(
        "--sketch-missing",
        help="what frames without a sketch get: empty, an empty sketch as in the paper; or none, "
        "no guidance (empty)",
    )


@dataclass(frozen=True, kw_only=True)
class SketchOptions:
    """What the options say about sketches; None where they say nothing."""

    files: Sequence[str] = ()
    """Each as ``FRAME=FILE``."""
    folder: str | None = None
    encoder: str | None = None
    strength: float | None = None
    start: float | None = None
    end: float | None = None
    polarity: "Polarity | None" = None
    tokens: str | None = None
    missing: str | None = None

    @classmethod
    def of(cls, args: argparse.Namespace) -> "SketchOptions":
        """Those of a command line."""
        given, prefix = vars(args), "sketch_"
        options = {name: given[prefix + name] for name in _IDLE_ALONE if prefix + name in given}
        return cls(files=given.get("sketches", ()), folder=given.get("sketch_dir"), **options)

    @property
    def has_sketches(self) -> bool:
        """Whether a sketch or a folder of them is named."""
        return bool(self.files) or self.folder is not None

    @property
    def paths(self) -> list[Path]:
        """The files and the folder; ``SketchError`` where one is not said as it must be."""
        files = [path for _, path in map(_split, self.files)]
        return files if self.folder is None else [*files, Path(self.folder)]


def read_sketches(
    options: SketchOptions, num_frames: int, has_encoder: bool
) -> "list[SketchLayer]":
    """Every sketch asked for, as a hint at its frame of a clip; empty when none is.

    ``SketchError`` says which frame number, option or picture cannot be used and why, before
    anything large is read. What is accepted with a doubt is logged.
    """
    from ..pictures.stills import read_drawing
    from ..sketches.frames import SketchLayer, parse_frames
    from ..sketches.hints import to_hint

    files = [_split(text) for text in options.files]
    if options.folder is not None:
        files += _in_folder(Path(options.folder), num_frames)
    if not files:
        _refuse_idle_options(options)
        return []
    if not has_encoder:
        raise SketchError("Sketches need the sketch encoder: name its file with --sketch-encoder.")
    frames = parse_frames(",".join(text for text, _ in files), num_frames, len(files))
    said = (options.strength, options.start, options.end)
    named = zip(("strength", "start_percent", "end_percent"), said, strict=True)
    given = {name: value for name, value in named if value is not None}
    polarity = "auto" if options.polarity is None else options.polarity
    layers = []
    # A layer for each, as pictures may differ in size.
    for (_, path), frame in zip(files, frames, strict=True):
        try:
            found = to_hint(read_drawing(path), polarity)
        except SketchError as error:
            raise SketchError(f"'{path.name}' for frame {frame + 1}: {error}") from error
        for warning in found.warnings:
            logger.warning("'%s' for frame %d: %s", path.name, frame + 1, warning)
        layers.append(SketchLayer(hints=found.hints, frames=(frame,), **given))
    return layers


def _split(text: str) -> SketchFile:
    """``8=pose.png`` in its two parts."""
    frame, equals, file = text.partition("=")
    if not (equals and frame.strip() and file.strip()):
        raise SketchError(
            f"'{text}' does not say which frame and which file: write --sketch 8=pose.png."
        )
    if "," in frame:
        raise SketchError(f"'{text}' names several frames: give --sketch once for each.")
    return frame.strip(), Path(file.strip())


def _in_folder(folder: Path, num_frames: int) -> list[SketchFile]:
    """The pictures of a folder with the frames that their names or their count give them."""
    from ..pictures.films import all_pictures

    if not folder.is_dir():
        raise SketchError(f"There is no folder '{folder}' for --sketch-dir.")
    paths = all_pictures(folder)
    if not paths:
        raise SketchError(f"The folder '{folder}' has no pictures for --sketch-dir.")
    if len(paths) == num_frames:
        return [(str(number), path) for number, path in enumerate(paths, 1)]
    for path in paths:
        if not re.fullmatch(r"-?\d{1,9}", path.stem):
            raise SketchError(
                f"'{path.name}' does not say its frame: name the sketches by frame numbers, such "
                f"as 8.png, or give one for each of the {num_frames} frames; there are "
                f"{len(paths)}."
            )
    return [(path.stem, path) for path in paths]


def _refuse_idle_options(options: SketchOptions) -> None:
    """Options about sketches that are not there do nothing, which nobody means."""
    given = [name for name in _IDLE_ALONE if getattr(options, name) is not None]
    if given:
        raise SketchError(
            f"--sketch-{given[0]} does nothing without a sketch: add --sketch 8=pose.png, or "
            "--sketch-dir."
        )
