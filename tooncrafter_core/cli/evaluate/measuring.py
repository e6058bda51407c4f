"""``evaluate compare`` and ``reconstruct``: methods and autoencoders against the true frames."""

import argparse
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...config.embedded import is_mini, mini_settings
from ...errors import EvaluationError
from ...files import alone_in, check_places, read_text
from ..interpolate import session_settings, settings_from
from .methods import named_files, named_methods
from .places import output_folder, results_place

if TYPE_CHECKING:
    from ...evaluation.compare import CompareSettings
    from ...evaluation.methods.peers import Peer, Rebuilder
    from ...evaluation.metrics import Toolbox
    from ...metrics.metric import Clip


@dataclass(frozen=True, kw_only=True)
class Reporting:
    """How a comparison is reported."""

    folder: Path
    shown: int
    """Clips in the page."""
    is_quiet: bool


def run_compare(args: argparse.Namespace) -> int:
    """Let every method draw every clip, measure, and write the tables."""
    from ...evaluation.clip_files import find_clips
    from ...evaluation.procedural import procedural_clips

    settings = _settings(args, "compare")
    clips = find_clips(args.clips)
    models, folders = named_files(args.models), named_files(args.frames_of)
    reporting = _reporting(args, [*_inputs(args, clips), *(p for _, p in (*models, *folders))])
    if args.procedural:
        size = settings.width, settings.height, settings.num_frames
        place = reporting.folder / "clips"
        clips += procedural_clips(args.procedural, place, *size, args.first_seed)
    has_prompts = any(clip.prompt for clip in clips)
    has_positions = any(clip.positions for clip in clips)
    toolbox = _toolbox(args, has_prompts, has_positions)
    return _report(clips, _peers(args), toolbox, settings, reporting)


def run_reconstruct(args: argparse.Namespace) -> int:
    """Send every clip through autoencoders, measure, and write Table 4."""
    from ...evaluation.clip_files import find_clips
    from ...evaluation.methods.models import Reconstructor, variants
    from ...interpolation.session import Session, SessionSettings

    settings = _settings(args, "reconstruct")
    clips = find_clips(args.clips)
    models = named_files(args.models)
    reporting = _reporting(args, [*_inputs(args, clips), *(path for _, path in models)])
    toolbox = _toolbox(args)
    peers: list[Reconstructor] = []
    for name, checkpoint in models:
        # The text and the image encoder may be missing.
        weights = SessionSettings(
            checkpoint=checkpoint, device=args.device, dtype=args.dtype, needed={}
        )
        rows = variants(name, checkpoint, Session(weights))
        peers += rows if args.parts else rows[:1]
    return _report(clips, peers, toolbox, settings, reporting)


def _peers(args: argparse.Namespace) -> "list[Peer | Rebuilder]":
    """The methods, frames of other programs and models that the options name."""
    from ...evaluation.methods.models import Interpolator
    from ...evaluation.methods.peers import MadeElsewhere
    from ...interpolation.session import Session

    peers = named_methods(args.methods)
    peers += [MadeElsewhere(name, folder) for name, folder in named_files(args.frames_of)]
    for name, checkpoint in named_files(args.models):
        session = Session(session_settings(args, checkpoint))
        settings = settings_from(args, mini_settings() if is_mini(checkpoint) else {})
        peers.append(Interpolator(name, checkpoint, session, settings, args.plain_decoder))
    return peers


def _settings(args: argparse.Namespace, kind: str) -> "CompareSettings":
    from ...evaluation.clip_files import MIN_FRAMES
    from ...evaluation.compare import CompareSettings

    if args.num_frames < MIN_FRAMES or min(args.width, args.height) < 16:
        raise EvaluationError(
            f"Clips need {MIN_FRAMES} frames or more and sides of 16 pixels or more; asked were "
            f"{args.num_frames} frames of {args.width}x{args.height}."
        )
    return CompareSettings(
        num_frames=args.num_frames, width=args.width, height=args.height,
        scored=args.scored, kind=kind,
    )  # fmt: skip


def _toolbox(
    args: argparse.Namespace, has_prompts: bool = False, has_positions: bool = False
) -> "Toolbox":
    from ...evaluation.metrics import make_toolbox

    return make_toolbox(
        lpips_backbone=args.lpips,
        clip_file=args.clip,
        i3d_file=args.i3d,
        has_prompts=has_prompts,
        has_positions=has_positions,
    )


def _inputs(args: argparse.Namespace, clips: "Sequence[Clip]") -> list[str | Path]:
    """What is read, but for models and folders of frames."""
    files = (args.clip, args.i3d, args.text_encoder, args.image_encoder)
    return [*args.clips, *(clip.path for clip in clips), *(path for path in files if path)]


def _reporting(args: argparse.Namespace, inputs: Sequence[str | Path]) -> Reporting:
    """Make the folder of the results; ``OutputError`` when it would be written over others."""
    check_places([results_place(args.output)], inputs)
    return Reporting(folder=output_folder(args.output), shown=args.show, is_quiet=args.quiet)


def _report(
    clips: "Sequence[Clip]",
    peers: "Sequence[Peer | Rebuilder]",
    toolbox: "Toolbox",
    settings: "CompareSettings",
    reporting: Reporting,
) -> int:
    """Measure every method on every clip, write the report and print its tables."""
    from tqdm import tqdm

    from ...evaluation.clip_sheets import RANKED_BY, write_clip_sheet
    from ...evaluation.compare import compare
    from ...evaluation.methods.models import Interpolator
    from ...evaluation.report_html import write_reports

    output, steps = reporting.folder, len(clips) * (len(peers) + 1)
    begun = 0

    def on_clip(method: str, clip: str) -> None:
        nonlocal begun
        bar.update(begun - bar.n)
        begun += 1
        bar.set_description(f"{clip}: {method}")

    progress = closing(tqdm(total=steps, disable=reporting.is_quiet, unit="video"))
    with alone_in(output, EvaluationError), progress as bar:
        results = compare(clips, peers, toolbox, settings, output, on_clip)
        bar.update(steps - bar.n)
    written = write_reports(results, output, reporting.shown)
    if any(metric.key == RANKED_BY for metric in results.metrics):
        models = [peer.name for peer in peers if isinstance(peer, Interpolator)]
        written += [write_clip_sheet(results, output, name) for name in models]
    for path in written:
        print(path)
    print(read_text(output / "tables.md"))
    return 0
