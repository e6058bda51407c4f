"""A cut file is checked when it is read, and says what is wrong in the words of its reader."""

import re
from fractions import Fraction
from pathlib import Path

import pytest

from support.imports import ROOT
from tooncrafter_core.cut.plain import time_cut
from tooncrafter_core.cut.values import PlacedSketch
from tooncrafter_core.cut.yaml_file import CutFile, SegmentFile, read_cut_file, with_own
from tooncrafter_core.errors import CutError
from tooncrafter_core.interpolation.settings import InterpolationSettings

EXAMPLE = """\
keys: keys/            # a folder, or a list of pictures
frames: [1, 13, 25]    # or sheet: scene.xdts, and cel: A
on: 2
spacing: slow out      # one for all segments, or a list with one for each
drawing:               # as the options of interpolate, with _ for -
  prompt: a girl turns her head
  steps: 50
segments:
  2: {seed: 7, spacing: 1/2 1/4 1/8, sketches: {8: pose.png}}
"""
"""What docs/cuts.md shows of such a file."""


def read(tmp_path: Path, text: str | bytes) -> CutFile:
    path = tmp_path / "cut.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_cut_file(path, InterpolationSettings, without=["num_frames"])


def test_the_example_is_read_whole(tmp_path: Path) -> None:
    assert read(tmp_path, EXAMPLE) == CutFile(
        keys=[str(tmp_path / "keys")],
        frames=[1, 13, 25],
        on=2,
        spacing=["slow out"],
        drawing={"prompt": "a girl turns her head", "steps": 50},
        segments={
            2: SegmentFile(seed=7, spacing="1/2 1/4 1/8", sketches={8: str(tmp_path / "pose.png")})
        },
    )


def test_values_are_of_the_kind_that_their_name_has(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "keys: [a.png, b.png]\nsheet: x.xdts\ncel: 1\nfps: 12\nspacing: [0.5, even]\ncycle: true\n"
        "drawing: {motion_fps: 8, fit: pad, image_guidance_scale: null}\n",
    )
    assert (found.cel, found.spacing, found.cycle) == ("1", ["0.5", "even"], True)
    assert isinstance(found.fps, float)
    assert isinstance(found.drawing["motion_fps"], float)
    assert found.drawing["image_guidance_scale"] is None
    assert found.sheet == str(tmp_path / "x.xdts")


def test_numbers_are_decimal_and_text_stays_as_it_was_written(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "frames: [001, 013, 025]\nlength: 0030\ncel: 010\nsmooth: [007, 1_0, 0x1F, 1:30]\n"
        "spacing: [0.50, .5]\nfps: 012\nsegments: {02: {seed: 0100, prompt: 1.0}}\n"
        "drawing: {prompt: 2024-01-01, motion_fps: 08}\n",
    )
    assert (found.frames, found.length, found.fps) == ([1, 13, 25], 30, 12.0)
    assert {type(frame) for frame in found.frames} == {int}
    assert (found.cel, found.smooth) == ("010", ["007", "1_0", "0x1F", "1:30"])
    assert found.spacing == ["0.50", ".5"]
    assert found.segments == {2: SegmentFile(seed=100, prompt="1.0")}
    assert found.drawing == {"prompt": "2024-01-01", "motion_fps": 8.0}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("frames: [1, 1:30]", "'frames' of 'cut.yaml' must be a whole number, not '1:30'"),
        ("length: 0x10", "'length' of 'cut.yaml' must be a whole number, not '0x10'"),
        ("length: 1_000", "'length' of 'cut.yaml' must be a whole number, not '1_000'"),
        ("on: 0o2", "'on' of 'cut.yaml' must be a whole number, not '0o2'"),
        ("fps: 1_2.0", "'fps' of 'cut.yaml' must be a number, not '1_2.0'"),
    ],
)
def test_numbers_that_are_not_decimal_are_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(CutError, match=re.escape(says)):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("frmaes: [1]", "'cut.yaml' has no name 'frmaes'; did you mean 'frames'?"),
        ("zzz: 1", "'cut.yaml' has no name 'zzz': it has keys, frames"),
        ("drawing: {promt: x}", "has no name 'promt'; did you mean 'prompt'?"),
        ("drawing: {num_frames: 8}", "has no name 'num_frames'"),
        ("segments: {1: {sed: 3}}", "segment 1 of 'cut.yaml' has no name 'sed'; did you mean"),
        ("segments: {a: {}}", "numbers a segment 'a'"),
        ("segments: {1: 3}", "segment 1 of 'cut.yaml' must hold names and values"),
        ("segments: {1: {sketches: [a.png]}}", "'sketches' of segment 1 of 'cut.yaml' must hold"),
        ("segments: {1: {sketches: {a: b}}}", "must be a whole number, not 'a'"),
        ("on: two", "'on' of 'cut.yaml' must be a whole number, not 'two'"),
        ("on: true", "'on' of 'cut.yaml' must be a whole number, not True"),
        ("on: 2.0", "must be a whole number, not 2.0"),
        ("cycle: 1", "'cycle' of 'cut.yaml' must be true or false, not 1"),
        ("frames: [1, x]", "'frames' of 'cut.yaml' must be a whole number, not 'x'"),
        ("drawing: {fit: squash}", "'fit' of 'drawing' of 'cut.yaml' is one of crop, pad"),
        ("drawing: 3", "'drawing' of 'cut.yaml' must hold names and values"),
        ("- 1", "'cut.yaml' must hold names and values, such as 'on: 2', not [1]"),
        ("", "'cut.yaml' must hold names and values"),
        ("on: 2\non: 3", "'on' stands twice"),
        ("on: [", "is no YAML that can be read"),
        ("on: 2001-99-99", "must be a whole number, not '2001-99-99'"),
        ("a: !!python/object/apply:os.system [ls]", "is no YAML that can be read"),
        (b"\xff\xfe\x00", "is not UTF-8"),
        ("[" * 5000, "is no YAML that can be read"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_a_sentence(tmp_path: Path, text: str | bytes, says: str) -> None:
    with pytest.raises(CutError) as refused:
        read(tmp_path, text)
    assert says in str(refused.value)


def test_a_file_that_is_not_there_or_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CutError, match="There is no file"):
        read_cut_file(tmp_path / "none.yaml", InterpolationSettings)
    with pytest.raises(CutError, match="no ordinary file"):
        read_cut_file(tmp_path, InterpolationSettings)


def test_segments_have_what_is_their_own() -> None:
    cut = time_cut(["A", "B", "C"], [0, 4, 8], on=2)
    given = SegmentFile(seed=7, spacing="1/4", prompt="x", motion_fps=5, sketches={8: "a.png"})
    own = with_own(cut, {2: given})
    assert own.segments[0] == cut.segments[0]
    second = own.segments[1]
    assert (second.seed, second.prompt, second.motion_fps) == (7, "x", 5)
    assert second.spacings == (Fraction(1, 4),)
    assert second.sketches == (PlacedSketch(moment=7, picture=Path("a.png")),)


def test_a_segment_that_is_not_there_is_refused() -> None:
    with pytest.raises(CutError, match="no segment 3: the cut has 2"):
        with_own(time_cut(["A", "B", "C"], [0, 4, 8]), {3: SegmentFile()})


def test_the_docs_show_the_example() -> None:
    page = (ROOT / "docs" / "cuts.md").read_text("utf-8")
    assert all(f"    {line}\n" in page for line in EXAMPLE.splitlines())
