"""How often the rank puts the truth first, and whether it knows a model's better seeds.

Legend: t frames, c channels (3), h w space; pictures in [-1, 1].
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from statistics import fmean

import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional as F

from ...cut.candidates.faults import FAULTS, Judged, judge
from ...data.procedural.render import render_clip
from ...errors import EvaluationError
from ...evaluation.clip_files import find_clips, fit_clip, read_clip
from ...evaluation.tables import Column, Table
from ...interpolation.session import Session
from ...interpolation.settings import InterpolationSettings
from ...metrics.lpips import load_lpips
from ...pictures.keyframes import Keyframes
from ...pictures.levels import at_levels, from_levels
from .spoil import LEAST_FRAMES, SPOILT, spoilt_clips

LOOKS = ("cartoon", "painted", "lines", "live")
TRUTH = "truth"
PULL = 0.02
"""How strongly weights are kept small: by as little as that, none grows without end."""

Found = dict[str, Judged]
"""A true clip and each that was spoilt, by the name of what was done."""
OnClip = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Clips:
    """True clips: drawn ones, and those of files."""

    count: int
    """Of drawn ones; the styles take turns."""
    first_seed: int
    files: Sequence[str] = ()
    """Folders and films; see ``find_clips``."""
    width: int = 256
    height: int = 160
    num_frames: int = 16

    def drawn(self) -> Iterator[tuple[str, Tensor]]:
        """Each drawn clip ``t 3 h w`` with its name."""
        for number in range(self.count):
            seed = self.first_seed + number
            look = LOOKS[number % len(LOOKS)]
            frames = render_clip(seed, self.width, self.height, self.num_frames, look).frames
            yield f"drawn {seed}", _video(torch.from_numpy(frames))

    def read(self) -> Iterator[tuple[str, Tensor]]:
        """Each clip of the files; ``EvaluationError`` for one that cannot be used."""
        for clip in find_clips(self.files) if self.files else []:
            frames = read_clip(clip.path)
            if len(frames) < LEAST_FRAMES:
                raise EvaluationError(
                    f"'{clip.name}' has {len(frames)} frames; clips are spoilt from {LEAST_FRAMES} "
                    "on: give longer ones."
                )
            yield clip.name, fit_clip(frames, self.width, self.height)


def judge_spoilt(clips: Iterator[tuple[str, Tensor]], on_clip: OnClip) -> list[Found]:
    """Every true clip and what was made of it, judged between its own ends."""
    found = []
    for number, (name, clip) in enumerate(clips):
        on_clip(name)
        every = {TRUTH: clip, **spoilt_clips(clip, number)}
        found.append({kind: judge(one, clip[0], clip[-1]) for kind, one in every.items()})
    return found


def truth_first(groups: Mapping[str, Sequence[Found]]) -> Table:
    """The share of clips in which the truth has fewer points, by what was done and by group."""
    groups = {name: found for name, found in groups.items() if found}
    kinds = {kind: (kind,) for kind in SPOILT} | {"all of them": tuple(SPOILT)}
    return Table(
        name="candidates_truth",
        title="Clips in which the truth comes first, %",
        columns=[Column(title=f"{name} ({len(of)})", decimals=1) for name, of in groups.items()],
        rows={
            row: [
                100 * fmean(all(_is_first(found, kind) for kind in of) for found in clips)
                for clips in groups.values()
            ]
            for row, of in kinds.items()
        },
        notes=["Each spoilt clip has the truth's own ends."],
    )


def _is_first(found: Found, kind: str) -> bool:
    return found[TRUTH].total < found[kind].total


def choose_weights(clips: Sequence[Found]) -> dict[str, float]:
    """Weights of 0 or more that part the truth from what was made of it: a logistic regression."""
    levels = [
        [found[kind].level(fault) - found[TRUTH].level(fault) for fault in FAULTS]
        for found in clips
        for kind in SPOILT
    ]
    more = torch.tensor(levels, dtype=torch.float64)
    raw = torch.zeros(len(FAULTS), dtype=torch.float64, requires_grad=True)
    solver = torch.optim.LBFGS([raw], max_iter=300)

    def loss() -> Tensor:
        solver.zero_grad()
        weights = F.softplus(raw)
        value = F.softplus(-(more @ weights)).mean() + PULL * weights.square().mean()
        value.backward()
        return value

    solver.step(loss)  # pyright: ignore[reportArgumentType]
    return dict(zip(FAULTS, F.softplus(raw).tolist(), strict=True))


def weights_table(clips: Sequence[Found]) -> Table:
    """The weights that these clips would choose, and those in use."""
    chosen = choose_weights(clips)
    return Table(
        name="candidates_weights",
        title="Weights of faults",
        columns=[Column(title="chosen by these clips"), Column(title="in use")],
        rows={fault: [chosen[fault], known.weight] for fault, known in FAULTS.items()},
        notes=["No spoilt clip has other ends than its keys, so those choose no weight for ends."],
    )


def measure_seeds(
    session: Session, settings: InterpolationSettings, clips: Clips, seeds: int, on_clip: OnClip
) -> Table:
    """Several seeds of a model for each drawn clip: our rank against the rank by LPIPS."""
    lpips = load_lpips()
    agreements, rows = [], []
    for name, clip in clips.drawn():
        on_clip(f"{seeds} seeds of {name}")
        totals, distances = [], []
        for seed in range(settings.seed, settings.seed + seeds):
            keys = Keyframes.at_ends(clip[0], clip[-1])
            made = session.interpolate(keys, replace(settings, seed=seed))
            made = at_levels(rearrange(made, "1 c t h w -> t c h w").cpu())
            totals.append(judge(made, clip[0], clip[-1]).total)
            distances.append(float(lpips(made[1:-1], clip[1:-1]).mean()))
        agreements.append(kendall(totals, distances))
        best = distances[totals.index(min(totals))]
        rows.append([distances[0], best, min(distances), max(distances)])
    first, best, least, most = (fmean(column) for column in zip(*rows, strict=True))
    return Table(
        name="candidates_seeds",
        title=f"{seeds} seeds of a model on {clips.count} drawn clips, LPIPS to the truth",
        columns=[
            Column(title="Kendall's tau", decimals=3),
            *(
                Column(title=title, decimals=5)
                for title in ("first seed", "our best", "true best", "true worst")
            ),
        ],
        rows={"rank": [fmean(agreements), first, best, least, most]},
        notes=["Tau is 1 where both ranks agree, 0 where they have nothing to do with each other."],
    )


def kendall(one: Sequence[float], other: Sequence[float]) -> float:
    """Kendall's tau of two ranks: the share of pairs in one order less those in the other."""
    pairs = [(one[i] - one[j]) * (other[i] - other[j]) for i, j in combinations(range(len(one)), 2)]
    return fmean((pair > 0) - (pair < 0) for pair in pairs)


def files_of(tables: Sequence[Table], folder: Path) -> dict[Path, str]:
    """The files of tables: their texts by path."""
    texts = {folder / f"{table.name}.csv": table.to_csv() for table in tables}
    return {**texts, folder / "candidates.md": "\n".join(one.to_markdown() for one in tables)}


def _video(levels: Tensor) -> Tensor:
    return rearrange(from_levels(levels), "t h w c -> t c h w")
