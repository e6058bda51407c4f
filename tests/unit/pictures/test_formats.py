"""Every format that is written: count, times and content of what comes back, by two ways.

One way is the project's own reader, the other Pillow, or PyAV without anything of ours.
"""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from support.films import exact_colours
from tooncrafter_core.errors import OutputError
from tooncrafter_core.pictures.films import open_film
from tooncrafter_core.pictures.formats import FORMATS, encode_png
from tooncrafter_core.pictures.levels import to_levels
from tooncrafter_core.pictures.write import check_format, write_video

FPS = 24
STILLS = {".gif", ".apng", ".webp", ".png"}
"""Read by Pillow."""
OPAQUE, WITH_ALPHA = 3, 4
FEW_COLOURS = {".mp4", ".mkv", ".webm"}
"""With colours for 2x2 pixels: edges are soft there, and sides even."""
BOUND = {
    "": 0, ".png": 0, ".apng": 0, ".gif": 0, ".webp": 0,
    # Twice the worst pixel of the whole table: 10 bits of ProRes are 0.5 off by rounding alone;
    # H.264 and VP9 ring around edges by 10.1 and 13.4.
    ".mov": 1, ".mp4": 20, ".mkv": 20, ".webm": 27,
}  # fmt: skip
"""Levels that a pixel may be off by; WebP is asked to lose nothing, the colours are few for GIF."""
ALPHA_BOUND = {".webm": 2}
"""Twice the worst of the table; the other formats store it as it is."""
TICK = {".gif": 0.01, ".webp": 0.001, ".mkv": 0.001, ".webm": 0.001}
"""Seconds that times are counted in, where that is not the frame's own."""


def clip(count: int, held: int, height: int, width: int, channels: int) -> Tensor:
    """Drawings held for some frames each: a flat ground, a flat square, alpha around both."""
    rng = np.random.default_rng(count * 10 + held)
    drawings = -(-count // held)
    colours = torch.from_numpy(rng.uniform(-0.9, 0.9, (2, drawings, 3, 1, 1))).float()
    frames = colours[0].expand(drawings, 3, height, width).clone()
    frames[:, :, height // 4 : height // 2, width // 4 : width // 2] = colours[1]
    if channels == WITH_ALPHA:
        alpha = torch.ones(drawings, 1, height, width)
        alpha[:, :, height - height // 4 :] = -1
        frames = torch.cat([frames, alpha], 1)
    return frames[[number // held for number in range(count)]]


def seen_by_others(path: Path, channels: int) -> Iterator[tuple[float, np.ndarray]]:
    """The time and the pixels ``h w c`` of every frame, without the project's reader."""
    if path.is_dir():
        for number, file in enumerate(sorted(path.iterdir())):
            yield number / FPS, np.asarray(Image.open(file))
    elif path.suffix in STILLS:
        with Image.open(path) as image:
            time = 0.0
            for number in range(getattr(image, "n_frames", 1)):
                image.seek(number)
                image.load()
                yield time, np.asarray(image.convert("RGBA" if channels == WITH_ALPHA else "RGB"))
                time += (image.info.get("duration") or 0) / 1000
    else:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            for frame in _decoded(container, stream, channels):
                yield float(frame.pts * frame.time_base), exact_colours(frame)


def _away_from_edges(picture: np.ndarray) -> np.ndarray:
    """Where a drawing is flat all around: edges are soft where colours are stored for 2x2."""
    shifts = [(dy, dx) for dy in (-4, 0, 4) for dx in (-4, 0, 4)]
    same = [np.roll(picture, shift, (0, 1)) == picture for shift in shifts]
    return np.all(same, axis=(0, -1))


def _decoded(container: av.container.InputContainer, stream: av.VideoStream, channels: int):  # noqa: ANN202
    if channels == WITH_ALPHA and stream.codec_context.name == "vp9":
        # FFmpeg's own decoder leaves the alpha of VP9 out.
        decoder = av.CodecContext.create("libvpx-vp9", "r")
        decoder.extradata = stream.codec_context.extradata
        for packet in container.demux(stream):
            for frame in decoder.decode(packet if packet.size else None):
                frame.time_base = frame.time_base or stream.time_base
                yield frame
    else:
        yield from container.decode(stream)


@pytest.mark.parametrize("extension", ["", *(e for e, f in FORMATS.items() if f.alpha_pixels)])
def test_soft_alpha_that_moves_comes_back_as_straight_alpha_and_leaves_no_trail(
    tmp_path: Path, extension: str
) -> None:
    """Every level of alpha, at another place in every frame."""
    ramp = torch.linspace(-1, 1, 256).expand(32, 256)
    if extension == ".gif":  # it has on and off alone
        ramp = ramp.sign()
    alpha = torch.stack([ramp.roll(40 * number, 1) for number in range(4)])[:, None]
    colour = torch.tensor([0.2, -0.3, 0.5]).reshape(1, 3, 1, 1).expand(4, 3, 32, 256)
    frames = torch.cat([colour, alpha], 1)
    path = tmp_path / f"clip{extension}"
    write_video(frames, path, FPS, lossless=True)
    found = np.stack([pixels for _, pixels in seen_by_others(path, WITH_ALPHA)]).astype(int)
    wanted = to_levels(frames).permute(0, 2, 3, 1).numpy().astype(int)
    off = np.abs(found[:, :32, :256] - wanted)
    # Of yuva444p10 a level can be rounded off; VP9 is lossy, twice what was found.
    assert off[..., 3].max() <= {".mov": 1, ".webm": 4}.get(extension, 0)
    # Straight: colours are those of the drawing where it is nearly clear, too.
    assert off[wanted[..., 3] > 32][:, :3].max() <= {".mov": 1, ".webm": 4, ".gif": 4}.get(
        extension, 0
    )


@pytest.mark.parametrize("channels", [OPAQUE, WITH_ALPHA])
@pytest.mark.parametrize("size", [(32, 48), (33, 51)], ids=["even", "odd"])
@pytest.mark.parametrize("held", [1, 2, 3])
@pytest.mark.parametrize("count", [1, 2, 16, 17])
@pytest.mark.parametrize("extension", ["", *FORMATS])
def test_every_frame_comes_back_at_its_time(
    tmp_path: Path, extension: str, count: int, held: int, size: tuple[int, int], channels: int
) -> None:
    frames = clip(count, held, *size, channels)
    path = tmp_path / f"clip{extension}"
    if channels == WITH_ALPHA and extension in (".mp4", ".mkv"):
        with pytest.raises(OutputError, match=rf"'\{extension}' holds no transparency"):
            write_video(frames, path, FPS)
        return
    write_video(frames, path, FPS, lossless=True)
    seen = list(seen_by_others(path, channels))
    assert len(seen) == count
    tick = TICK.get(extension, 1e-6)
    for number, (time, _) in enumerate(seen):
        # Times are those of the frames to the nearest tick: errors do not add up.
        assert abs(time - number / FPS) <= 0.51 * tick, number
    height, width = size
    expected = to_levels(frames).permute(0, 2, 3, 1).numpy().astype(int)
    for (_, found), wanted in zip(seen, expected, strict=True):
        pixels = found[:height, :width]
        is_flat = _away_from_edges(wanted) if extension in FEW_COLOURS else True
        # What is hidden has no colour in some formats.
        mask = is_flat & (wanted[..., 3] > 0 if channels == WITH_ALPHA else np.True_)
        assert np.abs(pixels - wanted)[..., :3][mask].max() <= BOUND[extension]
        if channels == WITH_ALPHA:
            off = np.abs(pixels - wanted)[..., 3].max()
            assert off <= ALPHA_BOUND.get(extension, 0)


@pytest.mark.parametrize("channels", [OPAQUE, WITH_ALPHA])
@pytest.mark.parametrize("extension", ["", *FORMATS])
def test_our_own_reader_gives_the_same_clip_over_white(
    tmp_path: Path, extension: str, channels: int
) -> None:
    if channels == WITH_ALPHA and FORMATS.get(extension, FORMATS[".png"]).alpha_pixels is None:
        return
    frames = clip(16, 2, 32, 48, channels)
    path = write_video(frames, tmp_path / f"clip{extension}", FPS, lossless=True)
    film = open_film(path)
    assert film.num_frames == 16
    if extension:
        assert film.fps == pytest.approx(FPS, rel=0.02)
    found = film.read(range(16)).astype(int)
    expected = to_levels(frames[:, :3]).permute(0, 2, 3, 1).numpy().astype(int)
    if channels == WITH_ALPHA:
        expected[:, -8:] = 255
    is_flat = np.ones(expected.shape[:3], dtype=bool)
    if extension in FEW_COLOURS:
        is_flat = np.stack([_away_from_edges(wanted) for wanted in expected])
    assert np.abs(found - expected)[is_flat].max() <= BOUND[extension]


@pytest.mark.parametrize("fps", [8, 12, 23.976, 25, 29.97, 30, 50])
@pytest.mark.parametrize("extension", list(FORMATS))
def test_a_rate_is_kept_over_a_hundred_frames(tmp_path: Path, extension: str, fps: float) -> None:
    path = write_video(clip(101, 2, 16, 16, 3), tmp_path / f"a{extension}", fps)
    last = list(seen_by_others(path, OPAQUE))[-1][0]
    # Rates as fractions of up to 1001: 24000/1001 differs from 23.976 by a millionth.
    assert last == pytest.approx(100 / fps, abs=0.51 * TICK.get(extension, 1e-6) + 1e-5)


@pytest.mark.parametrize("extension", [".mp4", ".mkv", ".webm", ".mov"])
def test_colours_are_tagged_as_bt709_in_limited_range(tmp_path: Path, extension: str) -> None:
    path = write_video(clip(2, 1, 32, 48, 3), tmp_path / f"a{extension}")
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        context = container.streams.video[0].codec_context
        assert (int(frame.colorspace), int(frame.color_range)) == (1, 1)
        assert (int(context.color_primaries), int(context.color_trc)) == (1, 1)


def test_alike_pictures_are_stored_alike(tmp_path: Path) -> None:
    """Conversions cut a picture into slices for their threads, which once got in each other's way.

    Of 10-bit pictures one in a hundred then had eight pixels of half the brightness.
    """
    frames = clip(1, 1, 37, 50, WITH_ALPHA).expand(500, -1, -1, -1)
    path = write_video(frames, tmp_path / "a.mov")
    with av.open(str(path)) as container:
        planes = [[bytes(plane) for plane in f.planes] for f in container.decode(video=0)]
    assert len(planes) == 500 and all(stored == planes[0] for stored in planes)


def test_png_files_say_that_they_are_srgb(tmp_path: Path) -> None:
    assert b"sRGB" in encode_png(np.zeros((2, 2, 3), np.uint8))
    for name in ("a.png", "a.apng"):
        assert b"sRGB" in write_video(clip(2, 1, 8, 8, 3), tmp_path / name).read_bytes()


def test_one_picture_as_png_is_not_animated(tmp_path: Path) -> None:
    path = write_video(clip(1, 1, 9, 7, 3), tmp_path / "sheet.png")
    assert b"acTL" not in path.read_bytes()
    assert not getattr(Image.open(path), "is_animated", False)


def test_a_gif_of_many_colours_has_one_palette_and_holds_what_stands_still(
    tmp_path: Path,
) -> None:
    y, x = torch.meshgrid(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 64), indexing="ij")
    ground = torch.stack([x, y, -x * y])
    frames = ground.repeat(6, 1, 1, 1)
    for number in range(6):
        frames[number, :, 20:30, 5 * number : 5 * number + 8] = number / 3 - 1
    path = write_video(frames, tmp_path / "a.gif", 12)
    seen = np.stack([pixels for _, pixels in seen_by_others(path, OPAQUE)]).astype(int)
    still = np.ones((64, 64), dtype=bool)
    still[20:30, :40] = False
    assert (seen[:, still] == seen[:1, still]).all()
    # 256 colours for the cube of all: cells of 255 / 256^(1/3) = 40 levels, half of that away.
    expected = to_levels(frames).permute(0, 2, 3, 1).numpy().astype(int)
    assert np.abs(seen - expected).mean() <= 20


def test_half_transparent_pixels_of_a_gif_are_on_or_off(tmp_path: Path) -> None:
    frames = torch.zeros(2, 4, 8, 8)
    frames[:, 3, :, :4], frames[:, 3, :, 4:] = 0.2, -0.2
    path = write_video(frames, tmp_path / "a.gif")
    for _, pixels in seen_by_others(path, WITH_ALPHA):
        assert (pixels[:, :4, 3] == 255).all() and (pixels[:, 4:, 3] == 0).all()
    frames[:, 3] = -1
    path = write_video(frames, tmp_path / "empty.gif")
    assert all((pixels[..., 3] == 0).all() for _, pixels in seen_by_others(path, WITH_ALPHA))


def test_alpha_that_cannot_be_kept_is_refused_at_the_door_with_the_ways_out(
    tmp_path: Path,
) -> None:
    with pytest.raises(OutputError, match=r"Write \.webm, \.mov, .* or a folder"):
        check_format(tmp_path / "a.mp4", has_alpha=True)
    check_format(tmp_path / "frames", has_alpha=True)


def test_times_are_rounded_from_exact_fractions() -> None:
    """The rule that the table relies on: no tick is further than half of one from its frame."""
    rate, tick = Fraction(24), Fraction(1, 100)
    ends = [round(number / rate / tick) for number in range(49)]
    assert ends[48] == 200 and max(abs(e - n / 24 * 100) for n, e in enumerate(ends)) <= 0.5
