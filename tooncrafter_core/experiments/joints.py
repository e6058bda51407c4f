"""Drawn cuts of known motion: what methods make of the motion through keys.

A film of 61 frames has its keys at every fifteenth; methods draw the four segments between them.
What was drawn and measured is kept, so that a run that was stopped goes on where it was.

Legend: t frames, c channels (3), h w space. Pictures are levels ``t h w c``, uint8.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from ..cut.drawing import CutDrawing
from ..cut.motion.joints import ALL, chosen_joints
from ..cut.motion.smoothing import smoothed
from ..cut.plain import time_cut
from ..cut.plan import plan_cut
from ..cut.store import ClipStore
from ..data.procedural.drawing import Colour
from ..data.procedural.known_motion import RADIUS, KnownFilm, check_motion, render_motion
from ..evaluation.compare import measure
from ..evaluation.methods.making import TRUTH, folder_name, make_clip
from ..evaluation.methods.peers import Peer
from ..evaluation.tables import Column, Table
from ..interpolation.session import Session
from ..interpolation.settings import InterpolationSettings
from ..metrics.joints import jump_error, places_of_colour, speed_share
from ..metrics.lpips import load_lpips
from ..metrics.metric import Clip, Metric
from ..pictures.keyframes import Keyframes
from ..pictures.levels import from_levels, to_levels
from ..sketches.frames import SketchLayer

KEYS = (0, 15, 30, 45, 60)
NUM_FRAMES = KEYS[-1] + 1
BETWEEN = [frame for frame in range(NUM_FRAMES) if frame not in KEYS]
SMOOTHED = ", smoothed"
"""Added to the name of a model whose motion is rounded at keys."""
FIRST_SEED = 700
TABLE = "joints"

OnFilm = Callable[[str, str], None]
"""Called with the method and the film before each is drawn; may raise to stop."""


@dataclass(frozen=True, kw_only=True)
class Films:
    """Which films are drawn."""

    motions: Sequence[str]
    count: int = 2
    """For each motion, each before another scenery."""
    first_seed: int = FIRST_SEED
    width: int = 256
    height: int = 160

    def __post_init__(self) -> None:
        """``ToonCrafterError`` for a motion that is not there."""
        for motion in self.motions:
            check_motion(motion)

    def render(self) -> dict[str, KnownFilm]:
        """Every film by its name."""
        return {
            f"{motion}_{seed}": render_motion(motion, seed, self.width, self.height, NUM_FRAMES)
            for motion in self.motions
            for seed in range(self.first_seed, self.first_seed + self.count)
        }


@dataclass(frozen=True, kw_only=True)
class CutModel:
    """A model that draws cuts by the engine of the command ``cut``."""

    name: str
    session: Session
    settings: InterpolationSettings
    weights: str
    """The digest of its files."""
    description: str
    """Of its files and settings, for the table."""
    store: ClipStore

    def draw(self, film: KnownFilm) -> dict[str, np.ndarray]:
        """The film ``t h w 3`` between its keys, as it is and smoothed, by the row's name."""
        names = [f"A{number}" for number in range(1, len(KEYS) + 1)]
        cut = time_cut(names, KEYS)
        plan = plan_cut(cut)
        keys = {name: _video(film.frames[[k]])[0] for name, k in zip(names, KEYS, strict=True)}
        drawing = CutDrawing(
            cut=cut, pictures=keys, settings=self.settings, weights=self.weights, store=self.store
        )
        drawings = drawing.draw(plan, self._draw_clip)
        joints = chosen_joints(cut, plan, [ALL])
        made = {self.name: drawings, f"{self.name}{SMOOTHED}": smoothed(joints, drawings)}
        shown = [drawing for drawing in plan.sheet.frames if drawing is not None]
        return {name: np.stack([of[one] for one in shown]) for name, of in made.items()}

    def _draw_clip(
        self,
        keyframes: Keyframes,
        settings: InterpolationSettings,
        sketches: Sequence[SketchLayer],
    ) -> Tensor:
        video = self.session.interpolate(keyframes, settings, sketches=sketches)
        return rearrange(video, "1 c t h w -> t c h w")


def draw_by_segment(peer: Peer, name: str, film: KnownFilm, folder: Path) -> np.ndarray:
    """The film ``t h w 3`` that a peer draws segment by segment, kept in the folder."""
    truth, parts = _video(film.frames), [_video(film.frames[:1])]
    for number, start in enumerate(KEYS[:-1], start=1):
        clip = Clip(f"{name}_segment{number}", folder)
        span = truth[start : start + KEYS[1] + 1]
        drawn = make_clip(peer, clip, span, folder)
        parts += [drawn[1:-1], span[-1:]]
    return rearrange(to_levels(torch.cat(parts)), "t c h w -> t h w c").numpy()


def measure_joints(
    films: Films, peers: Sequence[Peer], model: CutModel, folder: Path,
    on_film: OnFilm = lambda *_: None,
) -> Table:  # fmt: skip
    """Let every method draw every film, and measure what goes through keys.

    ``MissingWeightsError`` without LPIPS, before anything is drawn.
    """
    lpips = load_lpips()
    rows: dict[str, list[Mapping[str, float]]] = {}
    for name, film in films.render().items():
        made = {TRUTH: film.frames}
        for peer in peers:
            on_film(peer.name, name)
            made[peer.name] = draw_by_segment(peer, name, film, folder)
        on_film(model.name, name)
        made |= model.draw(film)
        for method, frames in made.items():
            note = folder / "measured" / folder_name(method) / f"{name}.json"
            rows.setdefault(method, []).append(measure_film(frames, film, lpips, note))
    return _table(films, rows, peers, model, lpips.weights)


def measure_film(
    frames: np.ndarray, film: KnownFilm, lpips: Callable[[Tensor, Tensor], Tensor], note: Path
) -> dict[str, float]:
    """What one film comes to; what ``note`` has of these very frames is not measured again."""
    radius = 1.3 * RADIUS * film.frames.shape[1]
    metrics = [
        _metric("lpips", lambda video, truth, _: lpips(video, truth)),
        _metric("x", lambda video, *_: _places(video, film.colour, radius)[:, 0]),
        _metric("y", lambda video, *_: _places(video, film.colour, radius)[:, 1]),
    ]
    clip = Clip(note.stem, note)
    found = measure(_video(frames), _video(film.frames), clip, metrics, note)
    places = np.stack([found["x"], found["y"]], axis=1)
    inner = KEYS[1:-1]
    distances = np.linalg.norm(places - film.places, axis=1)
    return {
        "lpips": fmean(found["lpips"][frame] for frame in BETWEEN),
        "position": float(distances[BETWEEN].mean()),
        "jump": jump_error(places, film.places, inner),
        "speed": speed_share(places, film.places, inner),
    }


def _metric(key: str, of: Callable[..., Tensor]) -> Metric:
    return Metric(
        key=key, title=key, is_higher_better=False, decimals=4, weights="none", measure=of
    )


def _places(video: Tensor, colour: Colour, radius: float) -> Tensor:
    levels = rearrange(to_levels(video), "t c h w -> t h w c").numpy()
    return torch.from_numpy(places_of_colour(levels, colour, radius))


def _video(levels: np.ndarray) -> Tensor:
    """Levels ``t h w c`` as ``t c h w`` in [-1, 1]."""
    return rearrange(from_levels(torch.from_numpy(levels)), "t h w c -> t c h w")


def _table(
    films: Films,
    rows: Mapping[str, Sequence[Mapping[str, float]]],
    peers: Sequence[Peer],
    model: CutModel,
    lpips: str,
) -> Table:
    columns = {
        "lpips": Column(title="LPIPS (AlexNet)", decimals=4, is_higher_better=False),
        "position": Column(title="position error, px", decimals=2, is_higher_better=False),
        "jump": Column(title="jump at keys, px a frame", decimals=2),
        "speed": Column(title="speed through keys, of the true", decimals=2),
    }
    count = len(next(iter(rows.values())))
    return Table(
        name=TABLE,
        title="Motion through keys",
        columns=[*columns.values()],
        rows={
            name: [fmean(film[key] for film in of) for key in columns] for name, of in rows.items()
        },
        notes=[
            f"{count} films of {NUM_FRAMES} frames, {films.width}x{films.height}, keys at frames "
            f"{', '.join(str(key + 1) for key in KEYS)}; motions: {', '.join(films.motions)}; "
            f"seeds {films.first_seed} to {films.first_seed + films.count - 1} of each.",
            "Jump: how much the change of velocity at the three inner keys, over two frames before "
            "and after, differs from the true one, the less the smoother. What stands still at "
            "keys has a small one, too, and a speed near 0.",
            f"LPIPS: {lpips}.",
            *(f"{one.name}: {one.weights}." for one in peers if one.weights != "none"),
            f"{model.name}: {model.description}.",
        ],
    )
