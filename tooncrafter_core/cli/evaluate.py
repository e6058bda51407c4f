"""``evaluate ...``: measure methods against true clips, and ask people.

evaluate cut FILM... -o CLIPS           clips of 16 frames out of whole films
evaluate compare CLIPS... -o OUT        the tables of the paper's shape
evaluate reconstruct CLIPS... -o OUT    how well an autoencoder gives frames back
evaluate study OUT -o STUDY             the page of a blind user study
evaluate study-report KEY ANSWERS...    what the raters preferred
"""

import argparse
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import OutputError, ToonCrafterError
from .interpolate import choose_device, choose_dtype, load_models, settings_from
from .interpolate_options import add_machine_options, add_sampling_options

if TYPE_CHECKING:
    from ..evaluation.compare import CompareSettings
    from ..evaluation.metrics import Toolbox
    from ..evaluation.peers import Peer, Rebuilder
    from ..evaluation.results import Results

METHODS = ("hold", "cross-fade", "rife", "rife-refined", "gmfss", "gmfss-x2")
DEFAULT_METHODS = "hold,cross-fade,rife"


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Declare the command, its own commands and their options."""
    parser = subparsers.add_parser(
        "evaluate", help="measure methods against true clips, and ask people",
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in (_add_cut, _add_compare, _add_reconstruct, _add_study, _add_study_report):
        add(commands)
    return parser


def run(args: argparse.Namespace) -> int:
    """Do the command that was named."""
    return args.run_evaluation(args)


def run_cut(args: argparse.Namespace) -> int:
    """Cut clips out of films, each into a folder of pictures."""
    from tqdm import tqdm

    from ..evaluation.clips import EvaluationError
    from ..evaluation.cutting import CutSettings, cut_clips
    from ..video_io import write_video

    settings = CutSettings(
        num_frames=args.num_frames, stride=args.stride, every=args.every,
        width=args.width, height=args.height,
    )  # fmt: skip
    output = _output_folder(args.output)
    number = 0
    with closing(tqdm(desc="cutting", unit="clip", disable=args.quiet)) as bar:
        for film in map(Path, args.films):
            if not film.is_file():
                raise EvaluationError(f"There is no film at '{film}'.")
            for start, frames in cut_clips(film, settings):
                write_video(frames, output / f"{film.stem}_{start:06d}")
                number += 1
                bar.update()
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

    settings = _settings(args, "compare")
    clips = find_clips(args.clips)
    output = _output_folder(args.output)
    toolbox = _toolbox(args, any(clip.prompt for clip in clips))
    peers = _peers(args)
    return _report(args, clips, peers, toolbox, settings, output)


def run_reconstruct(args: argparse.Namespace) -> int:
    """Send every clip through autoencoders, measure, and write Table 4."""
    from ..evaluation.clips import find_clips
    from ..evaluation.models import Reconstructor, variants

    settings = _settings(args, "reconstruct")
    clips = find_clips(args.clips)
    output = _output_folder(args.output)
    toolbox = _toolbox(args, has_prompts=False)
    peers: list[Reconstructor] = []
    for name, checkpoint in _named_files(args.models):
        rows = variants(name, checkpoint, partial(_load_without_encoders, args, checkpoint))
        peers += rows if args.parts else rows[:1]
    return _report(args, clips, peers, toolbox, settings, output)


def run_study(args: argparse.Namespace) -> int:
    """Write the page of a user study."""
    from ..evaluation.study import StudySettings, key_path, make_study

    methods = tuple(part.strip() for part in (args.methods or "").split(",") if part.strip())
    settings = StudySettings(
        num_trials=args.pairs, methods=methods, fps=args.fps, seed=args.seed, quality=args.quality
    )
    page = make_study(args.results, args.output, settings)
    print(f"{page}: open it, or send its whole folder to the raters")
    print(f"{key_path(Path(args.output))}: tells which method is which; keep it from the raters")
    return 0


def run_study_report(args: argparse.Namespace) -> int:
    """Print the shares of preference, and write them where asked."""
    import json

    from ..evaluation.study_report import report_study

    report = report_study(args.key, args.answers)
    print(report.to_markdown())
    if args.output is not None:
        folder = _output_folder(args.output)
        (folder / "table2_study.md").write_text(report.to_markdown(), encoding="utf-8")
        content = json.dumps(report.to_json(), indent=1, ensure_ascii=False)
        (folder / "table2_study.json").write_text(content, encoding="utf-8")
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

    from ..evaluation.compare import compare
    from ..evaluation.report_html import write_reports

    steps = len(clips) * (len(peers) + 1)

    def on_clip(method: str, clip: str) -> None:
        if bar.n or bar.desc != "starting":
            bar.update()
        bar.set_description(f"{clip}: {method}")

    with closing(tqdm(total=steps, disable=args.quiet, unit="video")) as bar:
        results: Results = compare(clips, peers, toolbox, settings, output, on_clip)
        bar.update(steps - bar.n)
    for path in write_reports(results, output, args.show):
        print(path)
    print((output / "tables.md").read_text(encoding="utf-8"))
    return 0


def _settings(args: argparse.Namespace, kind: str) -> "CompareSettings":
    from ..evaluation.clips import MIN_FRAMES, EvaluationError
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


def _toolbox(args: argparse.Namespace, has_prompts: bool) -> "Toolbox":
    from ..evaluation.metrics import make_toolbox

    return make_toolbox(
        lpips_backbone=args.lpips,
        clip_file=args.clip,
        i3d_file=args.i3d,
        has_prompts=has_prompts,
    )


def _peers(args: argparse.Namespace) -> "list[Peer | Rebuilder]":
    from ..evaluation.gmfss import Gmfss
    from ..evaluation.models import Interpolator
    from ..evaluation.peers import CrossFade, FrameFolder, Hold
    from ..evaluation.rife import Rife

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
    peers: list[Peer | Rebuilder] = [makers[name]() for name in names]
    for name, folder in _named_files(args.frames_of):
        peers.append(FrameFolder(name, folder))
    settings = settings_from(args)
    for name, checkpoint in _named_files(args.models):
        load = partial(_load, args, checkpoint)
        peers.append(Interpolator(name, checkpoint, load, settings, args.plain_decoder))
    return peers


def _named_files(texts: list[str]) -> list[tuple[str, Path]]:
    """``NAME=PATH`` or only a path, which is then named after its file."""
    found = []
    for text in texts:
        name, _, path = text.rpartition("=")
        path = Path(path)
        if not path.exists():
            raise ToonCrafterError(f"There is nothing at '{path}' (asked as '{text}').")
        found.append((name or path.stem, path))
    return found


def _load(args: argparse.Namespace, checkpoint: Path) -> Any:
    return load_models(argparse.Namespace(**{**vars(args), "checkpoint": str(checkpoint)}))


def _load_without_encoders(args: argparse.Namespace, checkpoint: Path) -> Any:
    """What reconstruction needs: text and image encoder may be missing."""
    from ..checkpoints import build_models, read_checkpoint

    device = choose_device(args.device)
    return build_models(read_checkpoint(checkpoint), choose_dtype(args.dtype, device), device)


def _output_folder(text: str) -> Path:
    folder = Path(text)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder '{folder}' cannot be made: {error}") from error
    return folder


def _add_size(group: Any) -> None:
    group.add_argument("--width", type=int, default=512, help="in pixels (512)")
    group.add_argument("--height", type=int, default=320, help="in pixels (320)")
    group.add_argument(
        "--frames", dest="num_frames", type=int, default=16, metavar="N", help="of a clip (16)"
    )
    group.add_argument("--quiet", action="store_true", help="no progress bar")


def _add_cut(commands: Any) -> None:
    parser = commands.add_parser("cut", help="cut clips of 16 frames out of whole films")
    parser.add_argument("films", nargs="+", help="video files")
    parser.add_argument("-o", "--output", required=True, help="the folder of the clips")
    parser.add_argument("--stride", type=int, default=2, help="take every so many frames (2)")
    parser.add_argument(
        "--every", type=int, default=48, help="frames of the film from clip to clip (48)"
    )
    _add_size(parser)
    parser.set_defaults(run_evaluation=run_cut)


def _add_measuring(parser: Any) -> None:
    parser.add_argument(
        "clips", nargs="+",
        help="folders of pictures, video files, folders of these, or a list (.csv) of them",
    )  # fmt: skip
    parser.add_argument("-o", "--output", required=True, help="the folder of the results")
    group = parser.add_argument_group("what is measured")
    group.add_argument("--lpips", choices=("alexnet", "vgg16"), default="alexnet")
    group.add_argument(
        "--clip", metavar="FILE",
        help="CLIP weights for CLIP_img and CLIP_txt: ToonCrafter's model.ckpt or a CLIP file",
    )  # fmt: skip
    group.add_argument(
        "--i3d", metavar="FILE", help="I3D as TorchScript; without it there is no FVD and no KVD"
    )
    group.add_argument(
        "--scored", choices=("between", "all"), default=argparse.SUPPRESS,
        help="frames that averages take: those between the keyframes, or all",
    )  # fmt: skip
    group.add_argument("--show", type=int, default=6, metavar="N", help="clips in the page (6)")
    _add_size(group)


def _add_compare(commands: Any) -> None:
    parser = commands.add_parser("compare", help="the tables of the paper's shape")
    _add_measuring(parser)
    group = parser.add_argument_group("methods")
    group.add_argument(
        "--methods", default=DEFAULT_METHODS,
        help=f"separated by commas, of {', '.join(METHODS)} ({DEFAULT_METHODS})",
    )  # fmt: skip
    group.add_argument(
        "--frames-of", action="append", default=[], metavar="NAME=FOLDER",
        help="frames another program made: a folder or video for each clip; may be repeated",
    )  # fmt: skip
    group.add_argument(
        "--model", dest="models", action="append", default=[], metavar="NAME=FILE",
        help="a ToonCrafter checkpoint; may be repeated",
    )  # fmt: skip
    group.add_argument(
        "--plain-decoder", action="store_true",
        help="decode the models' clips without references, as the paper's Table 3",
    )  # fmt: skip
    sampling = parser.add_argument_group("sampling of the models")
    add_sampling_options(sampling)
    sampling.add_argument(
        "--motion-fps", type=float, default=argparse.SUPPRESS,
        help="lower means larger motion between frames, 5 to 30 (10)",
    )  # fmt: skip
    add_machine_options(parser.add_argument_group("files and machine of the models"))
    parser.set_defaults(run_evaluation=run_compare, scored="between")


def _add_reconstruct(commands: Any) -> None:
    parser = commands.add_parser(
        "reconstruct", help="how well an autoencoder gives frames back (Table 4)"
    )
    _add_measuring(parser)
    parser.add_argument(
        "--model", dest="models", action="append", required=True, metavar="NAME=FILE",
        help="a ToonCrafter checkpoint; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--parts", action="store_true",
        help="also with the decoder's parts switched off, one after the other",
    )  # fmt: skip
    add_machine_options(parser.add_argument_group("files and machine of the models"))
    parser.set_defaults(run_evaluation=run_reconstruct, scored="all")
    # The paper's reconstruction table is at this size.
    parser.set_defaults(width=256, height=256)


def _add_study(commands: Any) -> None:
    parser = commands.add_parser("study", help="write the page of a blind user study")
    parser.add_argument("results", help="the folder of a comparison")
    parser.add_argument("-o", "--output", required=True, help="the new folder of the study")
    parser.add_argument("--pairs", type=int, default=20, help="a rater judges (20)")
    parser.add_argument("--methods", help="as the tables name them, separated by commas (all)")
    parser.add_argument("--fps", type=int, default=8, help="at which the clips play (8)")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of pairs (0)")
    parser.add_argument("--quality", type=int, default=92, help="of the pictures (92)")
    parser.set_defaults(run_evaluation=run_study)


def _add_study_report(commands: Any) -> None:
    parser = commands.add_parser("study-report", help="what the raters preferred")
    parser.add_argument("key", help="the study's .key.json")
    parser.add_argument("answers", nargs="+", help="the raters' files, or folders of them")
    parser.add_argument("-o", "--output", help="a folder for the report as Markdown and JSON")
    parser.set_defaults(run_evaluation=run_study_report)
