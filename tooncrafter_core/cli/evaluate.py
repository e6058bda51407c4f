"""``evaluate ...``: measure methods against true clips, and ask people.

evaluate cut FILM... -o CLIPS           clips of 16 frames out of whole films
evaluate compare CLIPS... -o OUT        the tables of the paper's shape
evaluate reconstruct CLIPS... -o OUT    how well an autoencoder gives frames back
evaluate study OUT -o STUDY             the page of a blind user study
evaluate study-report KEY ANSWERS...    what the raters preferred
"""

import argparse
import glob
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config.embedded import MINI, embedded_file, is_mini, mini_absent
from ..data.atomic import write_bytes
from ..errors import OutputError, ToonCrafterError
from ..files import Place, check_places
from .evaluate_options import (
    METHODS,
    add_compare,
    add_cut,
    add_reconstruct,
    add_study,
    add_study_report,
)
from .interpolate import choose_device, choose_dtype, load_models, settings_from, suit_mini

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..evaluation.compare import CompareSettings
    from ..evaluation.methods.peers import Peer, Rebuilder
    from ..evaluation.metrics import Toolbox
    from ..evaluation.results import Results
    from ..interpolation.settings import InterpolationSettings
    from ..metrics.metric import Clip


RESULTS = ("frames", "measured", "results.json", "tables.md", "report.html")
RESULTS_MARKS = ("results.json", "frames/true_frames")
"""What a comparison writes first and last."""


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Declare the command, its own commands and their options."""
    parser = subparsers.add_parser(
        "evaluate", help="measure methods against true clips, and ask people",
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add, run_it in (
        (add_cut, run_cut),
        (add_compare, run_compare),
        (add_reconstruct, run_reconstruct),
        (add_study, run_study),
        (add_study_report, run_study_report),
    ):
        add(commands).set_defaults(run_evaluation=run_it)
    return parser


def run(args: argparse.Namespace) -> int:
    """Do the command that was named."""
    return args.run_evaluation(args)


def run_cut(args: argparse.Namespace) -> int:
    """Cut clips out of films, each into a folder of pictures."""
    from tqdm import tqdm

    from ..errors import EvaluationError
    from ..evaluation.cutting import CutSettings, cut_clips, rest_of
    from ..pictures.files import write_video

    settings = CutSettings(
        num_frames=args.num_frames, stride=args.stride, every=args.every,
        width=args.width, height=args.height, apart=args.apart,
    )  # fmt: skip
    films = [Path(film) for film in args.films]
    stems = [film.stem for film in films]
    if len(set(stems)) < len(stems):
        twice = next(stem for stem in stems if stems.count(stem) > 1)
        raise EvaluationError(
            f"Two films are named '{twice}': their clips would have the same names. Rename one."
        )
    places = [_cut_place("-o", args.output, stems)]
    if args.rest is not None:
        places.append(_cut_place("--rest", args.rest, stems))
    check_places(places, films, args.overwrite)
    output = _output_folder(args.output)
    rest = _output_folder(args.rest) if args.rest is not None else None
    number = 0
    with closing(tqdm(desc="cutting", unit="clip", disable=args.quiet)) as bar:
        for film in films:
            if not film.is_file():
                raise EvaluationError(f"There is no film at '{film}'.")
            for start, frames in cut_clips(film, settings):
                place = output / f"{film.stem}_{start:06d}"
                write_video(frames, place, overwrite=args.overwrite)
                number += 1
                bar.update()
            if rest is not None:
                for start, frames in rest_of(film, settings):
                    place = rest / f"{film.stem}_{start:06d}"
                    write_video(frames, place, overwrite=args.overwrite)
    if not number:
        raise EvaluationError(
            "No clip was found: every stretch of these films is too short, stands still or has a "
            "cut in it. Try a smaller --stride or --every."
        )
    print(f"{output}: {number} clips of {settings.num_frames} frames")
    return 0


def run_compare(args: argparse.Namespace) -> int:
    """Let every method draw every clip, measure, and write the tables."""
    from ..evaluation.clips import find_clips
    from ..evaluation.procedural import procedural_clips

    settings = _settings(args, "compare")
    clips = find_clips(args.clips)
    _check_results_place(args, clips)
    output = _output_folder(args.output)
    if args.procedural:
        clips += procedural_clips(
            args.procedural,
            output / "clips",
            args.width,
            args.height,
            args.num_frames,
            args.first_seed,
        )
    toolbox = _toolbox(
        args,
        has_prompts=any(clip.prompt for clip in clips),
        has_positions=any(clip.positions for clip in clips),
    )
    peers = _peers(args)
    return _report(args, clips, peers, toolbox, settings, output)


def run_reconstruct(args: argparse.Namespace) -> int:
    """Send every clip through autoencoders, measure, and write Table 4."""
    from ..evaluation.clips import find_clips
    from ..evaluation.methods.models import Reconstructor, variants

    settings = _settings(args, "reconstruct")
    clips = find_clips(args.clips)
    _check_results_place(args, clips)
    output = _output_folder(args.output)
    toolbox = _toolbox(args)
    peers: list[Reconstructor] = []
    for name, checkpoint in _named_files(args.models):
        rows = variants(name, checkpoint, partial(_load_without_encoders, args, checkpoint))
        peers += rows if args.parts else rows[:1]
    return _report(args, clips, peers, toolbox, settings, output)


def run_study(args: argparse.Namespace) -> int:
    """Write the page of a user study."""
    from ..evaluation.study.page import StudySettings, key_path, make_study

    methods = tuple(part.strip() for part in (args.methods or "").split(",") if part.strip())
    settings = StudySettings(
        num_trials=args.pairs, methods=methods, fps=args.fps, seed=args.seed, quality=args.quality
    )
    place = Place(option="-o", at=args.output, kind="folder", can_overwrite=False)
    check_places([place], [args.results])
    page = make_study(args.results, args.output, settings)
    print(f"{page}: open it, or send its whole folder to the raters")
    print(f"{key_path(Path(args.output))}: tells which method is which; keep it from the raters")
    return 0


def run_study_report(args: argparse.Namespace) -> int:
    """Print the shares of preference, and write them where asked."""
    import json

    from ..evaluation.study.report import report_study

    markdown, data = "table2_study.md", "table2_study.json"
    if args.output is not None:
        place = Place(option="-o", at=args.output, kind="folder", names=(markdown, data))
        check_places([place], [args.key, *args.answers], args.overwrite)
    report = report_study(args.key, args.answers)
    print(report.to_markdown())
    if args.output is not None:
        folder = _output_folder(args.output)
        content = json.dumps(report.to_json(), indent=1, ensure_ascii=False)
        write_bytes(folder / markdown, report.to_markdown().encode())
        write_bytes(folder / data, content.encode())
    return 0


def _report(
    args: argparse.Namespace,
    clips: list[Any],
    peers: "list[Peer | Rebuilder] | list[Any]",
    toolbox: "Toolbox",
    settings: "CompareSettings",
    output: Path,
) -> int:
    from tqdm import tqdm

    from ..evaluation.clip_sheets import RANKED_BY, write_clip_sheet
    from ..evaluation.compare import compare
    from ..evaluation.methods.models import Interpolator
    from ..evaluation.report_html import write_reports

    steps = len(clips) * (len(peers) + 1)

    begun = 0

    def on_clip(method: str, clip: str) -> None:
        nonlocal begun
        bar.update(begun - bar.n)
        begun += 1
        bar.set_description(f"{clip}: {method}")

    with closing(tqdm(total=steps, disable=args.quiet, unit="video")) as bar:
        results: Results = compare(clips, peers, toolbox, settings, output, on_clip)
        bar.update(steps - bar.n)
    written = write_reports(results, output, args.show)
    if any(metric.key == RANKED_BY for metric in results.metrics):
        models = [peer.name for peer in peers if isinstance(peer, Interpolator)]
        written += [write_clip_sheet(results, output, name) for name in models]
    for path in written:
        print(path)
    print((output / "tables.md").read_text(encoding="utf-8"))
    return 0


def _settings(args: argparse.Namespace, kind: str) -> "CompareSettings":
    from ..errors import EvaluationError
    from ..evaluation.clips import MIN_FRAMES
    from ..evaluation.compare import CompareSettings

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
    from ..evaluation.metrics import make_toolbox

    return make_toolbox(
        lpips_backbone=args.lpips,
        clip_file=args.clip,
        i3d_file=args.i3d,
        has_prompts=has_prompts,
        has_positions=has_positions,
    )


def _peers(args: argparse.Namespace) -> "list[Peer | Rebuilder]":
    from ..evaluation.methods.gmfss import Gmfss
    from ..evaluation.methods.models import Interpolator
    from ..evaluation.methods.peers import CrossFade, FrameFolder, Hold
    from ..evaluation.methods.rife import Rife

    makers: dict[str, Any] = {
        "hold": Hold,
        "cross-fade": CrossFade,
        "rife": Rife,
        "rife-refined": partial(Rife, is_refined=True),
        "gmfss": Gmfss,
        "gmfss-x2": partial(Gmfss, enlarge=2),
    }
    names = [name.strip() for name in args.methods.split(",") if name.strip()]
    for name in names:
        if name not in makers:
            raise ToonCrafterError(f"There is no method '{name}'; known are {', '.join(METHODS)}.")
    # PSNR favours mixing, and holding a frame often beats it to the eye: always show both sides.
    names = names if "hold" in names else ["hold", *names]
    peers: list[Peer | Rebuilder] = [makers[name]() for name in names]
    for name, folder in _named_files(args.frames_of):
        peers.append(FrameFolder(name, folder))
    for name, checkpoint in _named_files(args.models):
        load = partial(_load, args, checkpoint)
        settings = _settings_of(args, checkpoint)
        peers.append(Interpolator(name, checkpoint, load, settings, args.plain_decoder))
    return peers


def _settings_of(args: argparse.Namespace, checkpoint: Path) -> "InterpolationSettings":
    """A model's settings: the mini model has steps and guidance of its own unless told."""
    own = argparse.Namespace(**vars(args))
    if is_mini(checkpoint):
        suit_mini(own)
    return settings_from(own)


def _named_files(texts: list[str]) -> list[tuple[str, Path]]:
    """``NAME=PATH`` or only a path, named after its file; the mini model's name is a path, too."""
    found = []
    for text in texts:
        name, _, path = text.rpartition("=")
        if path == MINI and embedded_file(MINI) is None:
            raise ToonCrafterError(mini_absent())
        path = embedded_file(path) or Path(path)
        if not path.exists():
            raise ToonCrafterError(f"There is nothing at '{path}' (asked as '{text}').")
        found.append((name or path.stem, path))
    return found


def _load(args: argparse.Namespace, checkpoint: Path) -> Any:
    return load_models(argparse.Namespace(**{**vars(args), "checkpoint": str(checkpoint)}))


def _load_without_encoders(args: argparse.Namespace, checkpoint: Path) -> Any:
    """What reconstruction needs: text and image encoder may be missing."""
    from ..checkpoints import build_models, detect, read_checkpoint

    device, opened = choose_device(args.device), read_checkpoint(checkpoint)
    return build_models(opened, choose_dtype(args.dtype, device, detect(opened)), device)


def _cut_place(option: str, folder: str, stems: list[str]) -> Place:
    """The folder of clips of films of these names."""
    names = tuple(f"{glob.escape(stem)}_" + "[0-9]" * 6 + "*" for stem in stems)
    return Place(option=option, at=folder, kind="folder", names=names)


def _check_results_place(args: argparse.Namespace, clips: "Sequence[Clip]") -> None:
    """``OutputError`` when the results would be written over something else."""
    place = Place(
        option="-o",
        at=args.output,
        kind="folder",
        names=(*RESULTS, "table*.csv", "psnr_by_frame.csv", "sheet_*.png"),
        marks=RESULTS_MARKS,
        can_overwrite=False,
    )
    named = [path for _, path in _named_files([*args.models, *vars(args).get("frames_of", [])])]
    others = ("clip", "i3d", "text_encoder", "image_encoder")
    files = [path for name in others if (path := vars(args).get(name)) is not None]
    check_places([place], [*args.clips, *(clip.path for clip in clips), *named, *files])


def _output_folder(text: str) -> Path:
    folder = Path(text)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder '{folder}' cannot be made: {error}") from error
    return folder
