"""``evaluate cut``: clips out of whole films."""

import argparse
from contextlib import closing
from pathlib import Path

from ...files import check_places
from .places import cut_place, output_folder


def run_cut(args: argparse.Namespace) -> int:
    """Cut clips out of films, each into a folder of pictures."""
    from tqdm import tqdm

    from ...errors import EvaluationError, counted
    from ...evaluation.clip_files import write_frames
    from ...evaluation.cutting import CutSettings, cut_clips, rest_of

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
    places = [cut_place("-o", args.output, stems)]
    if args.rest is not None:
        places.append(cut_place("--rest", args.rest, stems))
    check_places(places, films, args.overwrite)
    output = output_folder(args.output)
    rest = output_folder(args.rest) if args.rest is not None else None
    number = 0
    with closing(tqdm(desc="cutting", unit="clip", disable=args.quiet)) as bar:
        for film in films:
            if not film.is_file():
                raise EvaluationError(f"There is no film at '{film}'.")
            for start, frames in cut_clips(film, settings):
                place = output / f"{film.stem}_{start:06d}"
                write_frames(frames, place, args.overwrite)
                number += 1
                bar.update()
            if rest is not None:
                for start, frames in rest_of(film, settings):
                    place = rest / f"{film.stem}_{start:06d}"
                    write_frames(frames, place, args.overwrite)
    if not number:
        raise EvaluationError(
            "No clip was found: every stretch of these films is too short, stands still or has a "
            "cut in it. Try a smaller --stride or --every."
        )
    print(f"{output}: {counted(number, 'clip')} of {settings.num_frames} frames")
    return 0
