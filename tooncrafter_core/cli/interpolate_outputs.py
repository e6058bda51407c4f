"""The results of ``interpolate``: where they go, every check before drawing, and writing them."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import OutputError
from ..files import Place, check_places

if TYPE_CHECKING:
    from torch import Tensor

    from ..interpolation.settings import InterpolationSettings
    from ..pictures.keyframes import Keyframes


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What ``interpolate`` writes, and how."""

    video: str | None
    """A video, or a folder of pictures."""
    frames_dir: str | None
    sheet: str | None
    playback_fps: float
    is_lossless: bool
    overwrites: bool

    @classmethod
    def of(cls, args: argparse.Namespace) -> "Outputs":
        """Those that the options ask for."""
        return cls(
            video=args.output,
            frames_dir=args.frames_dir,
            sheet=args.sheet,
            playback_fps=args.playback_fps,
            is_lossless=args.lossless,
            overwrites=args.overwrite,
        )

    @property
    def has_any(self) -> bool:
        """Whether a result is asked for."""
        return any(one is not None for one in (self.video, self.frames_dir, self.sheet))


def check_outputs(
    outputs: Outputs, inputs: Sequence[str | Path], also: Sequence[Place] = ()
) -> None:
    """``OutputError`` when a result could not be written, before anything is loaded.

    ``inputs`` are the files and folders that are read: nothing is written over them. ``also`` are
    places of further results.
    """
    from ..pictures.write import check_format, video_place

    if not outputs.has_any:
        raise OutputError("Say where the video goes: -o out.mp4, or --frames-dir for pictures.")
    places = []
    if outputs.video is not None:
        check_format(outputs.video, outputs.playback_fps)
        places.append(video_place("-o", outputs.video))
    if outputs.frames_dir is not None:
        folder = Path(outputs.frames_dir)
        if folder.suffix and not folder.is_dir():
            raise OutputError(
                f"--frames-dir takes a folder without an extension, not '{folder.name}'."
            )
        places.append(Place(option="--frames-dir", at=outputs.frames_dir, kind="frames"))
    if outputs.sheet is not None:
        if Path(outputs.sheet).suffix.lower() != ".png":
            raise OutputError(f"A sheet is one picture: --sheet NAME.png, not '{outputs.sheet}'.")
        places.append(Place(option="--sheet", at=outputs.sheet))
    check_places([*places, *also], inputs, outputs.overwrites)


def write_outputs(outputs: Outputs, video: "Tensor") -> list[Path]:
    """Write every output asked for but the sheet, and return their paths."""
    from ..pictures.write import write_video

    written = []
    if outputs.video is not None:
        fps, is_lossless = outputs.playback_fps, outputs.is_lossless
        written.append(write_video(video, outputs.video, fps, is_lossless, outputs.overwrites))
    if outputs.frames_dir is not None:
        written.append(write_video(video, outputs.frames_dir, overwrite=outputs.overwrites))
    return written


def write_sheet(
    outputs: Outputs,
    video: "Tensor",
    keyframes: "Keyframes",
    settings: "InterpolationSettings",
    heading: str,
) -> list[Path]:
    """Write the clip ``t 3 h w`` with a cross-fade of its keyframes, where a sheet is asked for."""
    from ..interpolation.keyframes import fit_keyframes
    from ..pictures.sheets import sheet_with_cross_fade
    from ..pictures.write import write_video

    if outputs.sheet is None:
        return []
    size = settings.width, settings.height
    fitted = fit_keyframes(keyframes, size, settings.fit, multiple=1)
    first, last = fitted.pixels
    sheet = sheet_with_cross_fade(video, first, last, [heading])
    return [write_video(sheet, outputs.sheet, overwrite=outputs.overwrites)]
