"""``evaluate study`` and ``study-report``: the page of a user study, and what raters answered."""

import argparse
from pathlib import Path

from ...files import Place, check_places, write_text
from .places import output_folder


def run_study(args: argparse.Namespace) -> int:
    """Write the page of a user study."""
    from ...evaluation.study.page import StudySettings, key_path, make_study

    methods = tuple(part.strip() for part in (args.methods or "").split(",") if part.strip())
    settings = StudySettings(
        num_trials=args.pairs, methods=methods, fps=args.fps, seed=args.seed, quality=args.quality
    )
    place = Place(option="-o", at=args.output, kind="folder", can_overwrite=False)
    check_places([place], [args.results])
    page = make_study(args.results, args.output, settings)
    print(f"{page}: open it, or send its whole folder to the raters")
    print(f"{key_path(Path(args.output))}: says which method is which; keep it from the raters")
    return 0


def run_study_report(args: argparse.Namespace) -> int:
    """Print the shares of preference, and write them where asked."""
    import json

    from ...evaluation.study.report import report_study

    markdown, data = "table2_study.md", "table2_study.json"
    if args.output is not None:
        place = Place(option="-o", at=args.output, kind="folder", names=(markdown, data))
        check_places([place], [args.key, *args.answers], args.overwrite)
    report = report_study(args.key, args.answers)
    print(report.to_markdown())
    if args.output is not None:
        folder = output_folder(args.output)
        content = json.dumps(report.to_json(), indent=1, ensure_ascii=False)
        write_text(folder / markdown, report.to_markdown())
        write_text(folder / data, content)
    return 0
