"""Procedural clips: repeatable, any size, with exact lines and positions, and honest motion."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tooncrafter_core.data.procedural import FIGURES, render_clip
from tooncrafter_core.data.procedural.motion import foot, knee, leap
from tooncrafter_core.data.procedural.scene import Scene
from tooncrafter_core.errors import ToonCrafterError

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("look", ["cartoon", "live", "lines", "painted"])
def test_a_seed_gives_the_same_bits_again(look: str) -> None:
    one, two = (render_clip(5, 96, 64, 4, look, with_lines=True) for _ in range(2))
    assert (one.frames == two.frames).all() and (one.lines == two.lines).all()
    assert (one.positions == two.positions).all() and one.parts == two.parts
    assert (render_clip(6, 96, 64, 4, look).frames != one.frames).any()


def test_another_process_draws_the_same_bits() -> None:
    code = (
        "import hashlib; from tooncrafter_core.data.procedural import render_clip; "
        "print(hashlib.sha256(render_clip(11, 96, 64, 3).frames.tobytes()).hexdigest())"
    )
    seen = {
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True,
                       check=True).stdout
        for _ in range(2)
    }  # fmt: skip
    assert len(seen) == 1


@pytest.mark.parametrize("kind", FIGURES)
def test_every_figure_moves_and_is_drawn_in_every_look(kind: str) -> None:
    clip = render_clip(3, 128, 80, 5, kind=kind, with_lines=True)
    assert clip.kind == kind and clip.frames.shape == (5, 80, 128, 3)
    assert clip.lines is not None and clip.lines.shape == (5, 80, 128)
    assert clip.positions.shape == (5, len(clip.parts), 2) and len(set(clip.parts)) == len(
        clip.parts
    )
    moved = np.abs(clip.positions[-1] - clip.positions[0]).max()
    assert moved > 3, "the keyframes must differ"
    assert (np.abs(clip.frames[0].astype(int) - clip.frames[-1]) > 20).mean() > 0.005
    for look in ("live", "painted"):
        assert render_clip(3, 128, 80, 5, look, kind=kind).frames.std() > 5


@pytest.mark.parametrize("size", [(8, 8), (97, 61), (64, 256)])
def test_any_size_and_count_is_drawn(size: tuple[int, int]) -> None:
    clip = render_clip(1, *size, num_frames=1, with_lines=True)
    assert clip.frames.shape == (1, size[1], size[0], 3)
    assert clip.positions.shape[0] == 1


def test_what_cannot_be_drawn_is_reported() -> None:
    with pytest.raises(ToonCrafterError, match="needs 1 to 10000 frames"):
        render_clip(1, 64, 64, 0)
    with pytest.raises(ToonCrafterError, match="sides of 8"):
        render_clip(1, 4, 64)
    with pytest.raises(ToonCrafterError, match="not as 'oil'"):
        render_clip(1, 64, 64, 1, "oil")
    with pytest.raises(ToonCrafterError, match="not about 'cow'"):
        render_clip(1, 64, 64, 1, kind="cow")


def test_lines_lie_where_the_cartoon_is_dark() -> None:
    clip = render_clip(103, 256, 160, 2, kind="quadruped", with_lines=True)
    assert clip.lines is not None
    brightness = clip.frames.max(-1)
    assert brightness[clip.lines > 250].mean() < 0.5 * brightness[clip.lines < 5].mean()
    assert 0.01 < (clip.lines > 128).mean() < 0.3


def test_paint_covers_the_scenery_and_moves_with_it() -> None:
    # A room and a camera that pans: what is far away moves less, a wall evenly.
    seed = next(s for s in range(50) if (scene := Scene(s)).pan[0] and scene.figure_paint is None)
    cartoon, painted = (
        render_clip(seed, 128, 80, 3, look).frames.astype(float) for look in ("cartoon", "painted")
    )

    def roughness(frames: np.ndarray) -> float:
        return float((np.abs(np.diff(frames, axis=2)) > 1).mean())

    assert roughness(painted) > 2 * roughness(cartoon)
    # Film is paler and tinted, yet shows the same: bright stays bright.
    levels = [frames.mean(-1).ravel() for frames in (cartoon, painted)]
    assert np.corrcoef(*levels)[0, 1] > 0.6


def test_the_live_look_is_softer_and_has_no_outlines() -> None:
    cartoon, live = (
        render_clip(2, 128, 80, 3, look).frames.astype(float) for look in ("cartoon", "live")
    )
    edges = [np.abs(np.diff(frames, axis=2)).max() for frames in (cartoon, live)]
    assert edges[1] < edges[0]


def test_a_standing_foot_does_not_slide() -> None:
    step = 0.3
    phases = np.linspace(0.02, 0.48, 9)
    places = [2 * step * phase + foot(phase, step, 0.1)[0] for phase in phases]
    assert np.ptp(places) < 1e-9
    assert all(foot(phase, step, 0.1)[1] < 0 for phase in (0.6, 0.75, 0.9))


def test_a_walkers_feet_stand_still_on_the_ground() -> None:
    seed = next(s for s in range(50) if _is_still_walker(s))
    clip = render_clip(seed, 256, 160, 33, kind="walker")
    near = clip.positions[:, clip.parts.index("near foot")]
    stands = [(a, b) for a, b in pairwise(near) if max(a[1], b[1]) > near[:, 1].max() - 0.01]
    standing = [abs(b[0] - a[0]) for a, b in stands if abs(a[1] - b[1]) < 0.01]
    assert standing and np.median(standing) < 0.05


def _is_still_walker(seed: int) -> bool:
    from tooncrafter_core.data.procedural.scene import Scene

    scene = Scene(seed, kind="walker")
    return scene.is_still and len(scene.figures) == 1


def test_bones_keep_their_length() -> None:
    hip, ankle = (0.0, 0.0), (0.1, 0.25)
    joint = knee(hip, ankle, 0.16, 0.15, -1)
    assert np.isclose(np.hypot(*joint), 0.16)
    assert np.isclose(np.hypot(ankle[0] - joint[0], ankle[1] - joint[1]), 0.15)


def test_a_leap_is_a_parabola_that_keeps_the_area() -> None:
    moments = [leap(u, 0.5, 0.14) for u in np.linspace(0, 1, 50)]
    assert all(np.isclose(sx * sy, 1) for _, _, sx, sy in moments)
    flight = np.array([(gone, up) for gone, up, _, _ in moments if 0 < gone < 1])
    top = flight[:, 1].max()
    assert np.allclose(flight[:, 1], 4 * flight[:, 0] * (1 - flight[:, 0]) * top, atol=0.01 * top)
