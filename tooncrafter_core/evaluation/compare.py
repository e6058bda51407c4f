"""Runs methods over clips and measures the frames that they drew.

Everything that was made or measured is kept at once, so a run that was ended goes on where it was.

Legend: t frames, c channels (3), h w space; values in [-1, 1].
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..errors import EvaluationError
from ..files import read_json, write_text
from ..metrics.distances import MIN_VIDEOS, frechet_distance, kernel_distance, paired_distance
from ..metrics.metric import Clip, Metric
from ..pictures.levels import at_levels, to_levels
from .clip_files import fit_clip, read_clip, write_frames
from .methods.making import TRUTH, folder_name, frames_folder, make_clip
from .methods.peers import Peer, Rebuilder
from .metrics import Toolbox
from .results import MetricInfo, Results

OnClip = Callable[[str, str], None]
"""Called with the method and the clip before each is processed; may raise to stop."""


@dataclass(frozen=True, kw_only=True)
class CompareSettings:
    """How clips are read and averaged."""

    num_frames: int = 16
    width: int = 512
    height: int = 320
    scored: str = "between"
    """``between``: the frames that were drawn; ``all``: the keyframes too."""
    kind: str = "compare"


def compare(
    clips: Sequence[Clip],
    peers: Sequence[Peer | Rebuilder],
    toolbox: Toolbox,
    settings: CompareSettings,
    folder: Path,
    on_clip: OnClip | None = None,
) -> Results:
    """Let every peer draw every clip from its ends, and measure against the true frames.

    Frames lie in ``folder/frames``, numbers in ``folder/results.json``. ``EvaluationError`` for
    clips that cannot be used, raised before anything is drawn, and for a peer's wrong output.
    """
    _check(clips, peers)
    for clip in clips:
        read_clip(clip.path, settings.num_frames)
    results = _empty(clips, peers, toolbox, settings)
    features: dict[str, list[Tensor]] = {name: [] for name in results.methods}
    for clip in clips:
        truth = _truth(clip, settings)
        for peer in (None, *peers):
            name = TRUTH if peer is None else peer.name
            if on_clip is not None:
                on_clip(name, clip.name)
            if peer is None:
                frames = _keep_truth(clip, truth, folder)
            else:
                frames = make_clip(peer, clip, truth, folder)
            values = measure(frames, truth, clip, toolbox.metrics, _note(folder, name, clip))
            results.frames[name][clip.name] = values
            if toolbox.features is not None:
                features[name].append(toolbox.features(frames))
    _add_distances(results, toolbox, features)
    results.save(folder)
    return results


def measure(
    frames: Tensor, truth: Tensor, clip: Clip, metrics: Sequence[Metric], note: Path | None = None
) -> dict[str, list[float]]:
    """Every metric of every frame of ``t 3 h w``; those in ``note`` are not measured again."""
    of = hashlib.sha256()
    for video in (frames, truth):
        of.update(to_levels(video).contiguous().numpy().tobytes())
    known = {} if note is None else _noted(note, of.hexdigest(), len(frames))
    wanted = {metric.key: f"{metric.title}; {metric.weights}" for metric in metrics}
    for metric in metrics:
        if (name := wanted[metric.key]) not in known:
            known[name] = [float(value) for value in metric.measure(frames, truth, clip)]
    if note is not None:
        write_text(note, json.dumps({"of": of.hexdigest(), "values": known}))
    return {key: known[name] for key, name in wanted.items()}


def _noted(note: Path, of: str, num_frames: int) -> dict[str, list[float]]:
    """The values of an earlier run for the same frames; none when the note cannot be read."""
    kept = read_json(note)
    values = kept.get("values") if isinstance(kept, dict) and kept.get("of") == of else None
    if not isinstance(values, dict):
        return {}
    return {
        name: found for name, found in values.items()
        if isinstance(found, list) and len(found) == num_frames
        and all(isinstance(value, int | float) for value in found)
    }  # fmt: skip


def _check(clips: Sequence[Clip], peers: Sequence[Peer | Rebuilder]) -> None:
    if not clips:
        raise EvaluationError(
            "There are no clips to compare on: name folders or videos, or ask for drawn ones "
            "(--procedural N)."
        )
    _check_names("methods", [TRUTH, *(peer.name for peer in peers)])
    _check_names("clips", [clip.name for clip in clips])


def _check_names(what: str, names: Sequence[str]) -> None:
    """``EvaluationError`` for names whose folders would be the same on some disk."""
    seen: set[str] = set()
    for name in names:
        if (folder := folder_name(name).casefold()) in seen:
            raise EvaluationError(
                f"Two {what} are called '{name}' or nearly so; name one differently."
            )
        seen.add(folder)


def _truth(clip: Clip, settings: CompareSettings) -> Tensor:
    frames = read_clip(clip.path, settings.num_frames)
    return at_levels(fit_clip(frames, settings.width, settings.height))


def _keep_truth(clip: Clip, truth: Tensor, folder: Path) -> Tensor:
    """Write the fitted true frames beside the made ones, for pages and studies."""
    write_frames(truth, frames_folder(folder, TRUTH, clip.name))
    return truth


def _note(folder: Path, method: str, clip: Clip) -> Path:
    return folder / "measured" / folder_name(method) / f"{folder_name(clip.name)}.json"


def _empty(
    clips: Sequence[Clip],
    peers: Sequence[Peer | Rebuilder],
    toolbox: Toolbox,
    settings: CompareSettings,
) -> Results:
    methods = {TRUTH: "none", **{peer.name: peer.weights for peer in peers}}
    return Results(
        kind=settings.kind,
        num_frames=settings.num_frames,
        width=settings.width,
        height=settings.height,
        scored=settings.scored,
        metrics=[
            MetricInfo(
                key=m.key, title=m.title, is_higher_better=m.is_higher_better,
                decimals=m.decimals, weights=m.weights,
            )
            for m in toolbox.metrics
        ],
        left_out=list(toolbox.left_out),
        methods=methods,
        clips={clip.name: clip.prompt for clip in clips},
        frames={name: {} for name in methods},
    )  # fmt: skip


def _add_distances(results: Results, toolbox: Toolbox, features: dict[str, list[Tensor]]) -> None:
    if toolbox.features is None:
        return
    frechet, kernel, paired = toolbox.features.titles
    wanted = [("paired", paired, 3, paired_distance)]
    if len(results.clips) < MIN_VIDEOS:
        results.left_out.append(f"{frechet} and {kernel}: {MIN_VIDEOS} clips or more are needed.")
    else:
        wanted += [
            ("frechet", frechet, 3, frechet_distance),
            ("kernel", kernel, 4, kernel_distance),
        ]
    results.distances = [
        MetricInfo(
            key=key, title=title, is_higher_better=False, decimals=decimals,
            weights=toolbox.features.weights,
        )
        for key, title, decimals, _ in wanted
    ]  # fmt: skip
    true = torch.stack(features[TRUTH])
    for method, rows in features.items():
        if method != TRUTH:
            made = torch.stack(rows)
            results.sets[method] = {key: measure_of(made, true) for key, _, _, measure_of in wanted}
