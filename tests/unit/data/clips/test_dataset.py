"""Training samples: their frames, fps, fit and sketches, from every source, again and again."""

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from support.films import encode, numbered
from tooncrafter_core.data.clips.dataset import (
    ClipDataset,
    ClipSettings,
    SampleId,
    choose_frames,
    possible_strides,
)
from tooncrafter_core.data.clips.order import epoch_order
from tooncrafter_core.data.clips.sources import ClipInfo, FrameFolders, ProceduralClips, VideoFiles
from tooncrafter_core.data.procedural import render_clip
from tooncrafter_core.errors import DatasetError
from tooncrafter_core.pictures.fitting import fit
from tooncrafter_core.sketches.line_art import line_art

SMALL = ClipSettings(num_frames=4, width=64, height=64, max_fps=60)


def write_folder(folder: Path, frames: np.ndarray) -> None:
    folder.mkdir(parents=True)
    for number, pixels in enumerate(frames, start=1):
        Image.fromarray(pixels).save(folder / f"frame {number}.png")


def test_a_folder_of_frames_is_a_clip_in_the_order_of_its_numbers(tmp_path: Path) -> None:
    write_folder(tmp_path / "만화" / "shot 1", numbered(12, 64, 64))
    (tmp_path / "만화" / "shot 1" / "caption.txt").write_text("a grey\n wall", "utf-8")
    source = FrameFolders(tmp_path)
    (clip,) = source.clips
    assert (clip.key, clip.num_frames, clip.caption) == ("만화/shot 1", 12, "a grey wall")
    assert (source.read(0, [0, 1, 9, 11]).pixels == numbered(12, 64, 64)[[0, 1, 9, 11]]).all()
    sample = ClipDataset(source, SMALL)[0]
    assert sample["video"].shape == (3, 4, 64, 64) and sample["caption"] == "a grey wall"


def test_a_video_gives_frames_at_a_stride_and_the_fps_that_follows(tmp_path: Path) -> None:
    frames = numbered(40, 64, 64)
    encode(tmp_path / "a.mp4", frames, crf="5")
    (tmp_path / "a.txt").write_text("grey")
    dataset = ClipDataset(VideoFiles(tmp_path), ClipSettings(num_frames=4, width=64, height=64))
    seen = set()
    for epoch in range(12):
        sample = dataset[SampleId(epoch, 0)]
        levels = (sample["video"].mean((0, 2, 3)) + 1) * 127.5
        numbers = ((levels - 20) / 5).round().int().tolist()
        stride = numbers[1] - numbers[0]
        assert np.diff(numbers).tolist() == [stride] * 3
        assert float(sample["fps"]) == pytest.approx(24 / stride)
        seen.add(stride)
    assert seen <= {1, 2, 3, 4} and len(seen) > 2, "5 to 30 fps allow strides of 1 to 4"


def test_frames_are_fitted_as_the_nodes_fit_them(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 255, (4, 40, 90, 3), dtype=np.uint8)
    write_folder(tmp_path / "a", frames)
    settings = ClipSettings(num_frames=4, width=100, height=60, fit="pad", multiple=64)
    video = ClipDataset(FrameFolders(tmp_path, fps=24), settings)[0]["video"]
    images = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 127.5 - 1
    expected, _ = fit(images, 100, 60, "pad")
    assert video.shape == (3, 4, 64, 128)
    assert torch.equal(video, expected.permute(1, 0, 2, 3).clamp(-1, 1))


def test_sketches_are_the_line_art_of_the_chosen_frames() -> None:
    source = ProceduralClips(range(5), 128, 64)
    settings = ClipSettings(width=128, height=64, sketches="line_art")
    dataset = ClipDataset(source, settings, seed=3)
    for clip in range(5):
        sample = dataset[clip]
        video, sketches, chosen = sample["video"], sample["sketches"], sample["has_sketch"]
        assert sketches.shape == (1, 16, 64, 128) and chosen.shape == (16,)
        assert not sketches[:, ~chosen].any()
        frames = video[:, chosen].permute(1, 0, 2, 3)
        if len(frames):
            assert torch.equal(sketches[0, chosen], line_art(frames)[:, 0].clamp(0, 1))


def test_exact_lines_come_from_drawn_clips_alone(tmp_path: Path) -> None:
    settings = ClipSettings(width=128, height=64, sketches="exact", sparse_sketches=False)
    sample = ClipDataset(ProceduralClips([7], 128, 64, with_lines=True), settings)[0]
    assert sample["has_sketch"].all() and float((sample["sketches"] > 0.5).float().mean()) > 0.005
    encode(tmp_path / "a.mp4", numbered(40))
    with pytest.raises(DatasetError, match="is not known"):
        ClipDataset(VideoFiles(tmp_path), settings)[0]


def test_a_mirrored_clip_is_mirrored_whole() -> None:
    source = ProceduralClips([1], 128, 64, with_lines=True)
    plain = ClipSettings(width=128, height=64, sketches="exact", sparse_sketches=False)
    flipped = ClipSettings(**{**vars(plain), "flip": True})
    reference = ClipDataset(source, plain)[0]
    turned = 0
    for epoch in range(8):
        sample = ClipDataset(source, flipped)[SampleId(epoch, 0)]
        is_same = torch.equal(sample["video"], reference["video"])
        turned += not is_same
        for name in ("video", "sketches"):
            expected = reference[name] if is_same else reference[name].flip(-1)
            assert torch.equal(sample[name], expected)
    assert 0 < turned < 8


def test_a_sample_depends_on_seed_epoch_and_clip_alone(film: Callable[..., Path]) -> None:
    path = film("a.mp4", (1, 2))
    settings = ClipSettings(num_frames=4, width=64, height=64, sketches="line_art")
    one, two = (ClipDataset(VideoFiles(path), settings, seed=5) for _ in range(2))
    two[SampleId(9, 0)]
    a, b = one[SampleId(2, 0)], two[SampleId(2, 0)]
    assert all(torch.equal(a[k], b[k]) for k in ("video", "sketches", "has_sketch", "fps"))
    other = one[SampleId(3, 0)]["video"]
    assert other.shape != a["video"].shape or not torch.equal(other, a["video"])


def test_clips_that_are_too_short_are_left_out_or_reported(tmp_path: Path) -> None:
    write_folder(tmp_path / "long", numbered(20, 32, 32))
    write_folder(tmp_path / "short", numbered(3, 32, 32))
    source = FrameFolders(tmp_path)
    dataset = ClipDataset(source, SMALL)
    assert dataset.too_short == 1 and len(dataset) == 1 and dataset.groups == [[0]]
    with pytest.raises(DatasetError, match="longest clip, 'long', has 20 at 24 fps"):
        ClipDataset(source, ClipSettings(num_frames=21))
    slow = ClipSettings(num_frames=4, min_fps=25)
    assert possible_strides(source.clips[0], slow) == []


def test_sources_without_clips_say_so(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="holds no pictures"):
        FrameFolders(tmp_path)
    with pytest.raises(DatasetError, match="There is no video in"):
        VideoFiles(tmp_path)
    with pytest.raises(DatasetError, match="There is no file or folder"):
        VideoFiles(tmp_path / "none")
    (tmp_path / "a.mp4").write_text("nothing")
    with pytest.raises(DatasetError, match="no video that can be read"):
        VideoFiles(tmp_path)
    with pytest.raises(DatasetError, match="at least one seed"):
        ProceduralClips([], 64, 64)


@pytest.mark.parametrize(
    "wrong",
    [
        {"num_frames": 1},
        {"min_fps": 9, "max_fps": 8},
        {"fit": "zoom"},
        {"sketches": "x"},
        {"uneven": 2},
        {"cuts": -0.1},
        {"cuts": 0.1, "sketches": "line_art"},
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(DatasetError):
        ClipSettings(**wrong)  # type: ignore[arg-type]


GROUPS = [list(range(7)), list(range(7, 10)), list(range(10, 20)), list(range(20, 25))]


def test_an_epoch_has_every_clip_once_in_an_order_of_its_own() -> None:
    assert sorted(epoch_order(GROUPS, 1, 0)) == list(range(25))
    assert epoch_order(GROUPS, 1, 0) == epoch_order(GROUPS, 1, 0)
    assert epoch_order(GROUPS, 1, 0) != epoch_order(GROUPS, 1, 1)
    assert epoch_order(GROUPS, 1, 0) != epoch_order(GROUPS, 2, 0)


def test_an_epoch_reads_one_shard_after_the_other() -> None:
    order = epoch_order(GROUPS, 4, 2)
    group_of = {clip: number for number, group in enumerate(GROUPS) for clip in group}
    changes = sum(group_of[a] != group_of[b] for a, b in itertools.pairwise(order))
    assert changes == len(GROUPS) - 1


@pytest.mark.parametrize(
    ("look", "expected"),
    [
        ("mixed", ["cartoon"] * 5 + ["live"] * 2 + ["lines"]),
        ("all", ["cartoon"] * 3 + ["painted"] * 3 + ["live", "lines"]),
    ],
)
def test_mixed_clips_have_a_look_for_each_seed(look: str, expected: list[str]) -> None:
    mixed = ProceduralClips(range(8), 32, 32, look=look)
    looks = [clip.key.split("-")[0] for clip in mixed.clips]
    assert looks == expected
    for seed in (0, 5, 7):
        alone = ProceduralClips(range(8), 32, 32, look=looks[seed])
        assert (mixed.read(seed, [3]).pixels == alone.read(seed, [3]).pixels).all()


def test_drawn_clips_may_be_of_some_figures_only() -> None:
    source = ProceduralClips(range(4), 32, 32, 2, kinds=["ball", "walker"])
    for seed, kind in enumerate(["ball", "walker"] * 2):
        wanted = render_clip(seed, 32, 32, 2, kind=kind).frames
        assert (source.read(seed, [0, 1]).pixels == wanted).all()
    everything = ProceduralClips(range(4), 32, 32, 2).read(0, [0, 1]).pixels
    assert (everything == render_clip(0, 32, 32, 2).frames).all()


def test_uneven_frames_keep_their_ends_and_their_order() -> None:
    info = ClipInfo(key="a", num_frames=40, fps=20.0)
    even, uneven = (ClipSettings(num_frames=8, uneven=share) for share in (0.0, 1.0))
    shapes = set()
    for seed in range(40):
        plain, stride = choose_frames(info, even, torch.Generator().manual_seed(seed))
        frames, same = choose_frames(info, uneven, torch.Generator().manual_seed(seed))
        assert (frames[0], frames[-1], same) == (plain[0], plain[-1], stride)
        assert frames == sorted(frames)
        middle = frames[4] - plain[4]
        shapes.add((middle > 0) - (middle < 0))
    # Some come sooner and some later.
    assert {-1, 1} <= shapes


def test_a_share_of_samples_is_uneven() -> None:
    info = ClipInfo(key="a", num_frames=40, fps=20.0)
    settings = ClipSettings(num_frames=8, uneven=0.5)
    generator = torch.Generator().manual_seed(0)
    drawn = [choose_frames(info, settings, generator) for _ in range(200)]
    even = sum(frames == list(range(frames[0], frames[-1] + 1, stride)) for frames, stride in drawn)
    assert 70 < even < 150


def test_a_share_of_samples_cuts_to_another_clip_and_the_rest_are_what_they_were() -> None:
    source = ProceduralClips(range(30), 32, 32, 4)
    plain, cut = (
        ClipDataset(source, ClipSettings(num_frames=4, width=32, height=32, multiple=8, cuts=share))
        for share in (0.0, 0.5)
    )
    cut.others = [3]
    other = cut_free = 0
    for clip in range(30):
        before, after = plain[clip]["video"], cut[clip]["video"]
        if torch.equal(before, after):
            cut_free += 1
            continue
        assert torch.equal(before[:, 0], after[:, 0])
        changed = (before[:, -1] != after[:, -1]).any(0)
        assert torch.equal(after[:, -1, changed], plain[3]["video"][:, -1, changed])
        other += 1
    assert other > 5
    assert cut_free > 5
