"""Films of other people's programs come as a player shows them, or are refused in words."""

import os
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from support.films import encode, numbered
from tooncrafter_core.errors import FilmError
from tooncrafter_core.pictures.films import find_films, open_film, picture_files, video
from tooncrafter_core.pictures.kinds import is_animation

FFMPEG = shutil.which("ffmpeg")
needs_ffmpeg = pytest.mark.skipif(FFMPEG is None, reason="this film is made by the program ffmpeg")


def ffmpeg(*options: object) -> None:
    command = [str(FFMPEG), "-v", "error", "-y", *map(str, options)]
    subprocess.run(command, check=True, capture_output=True)


def levels(frames: np.ndarray) -> list[int]:
    return [round(float(frame.mean())) for frame in frames]


def corners(count: int = 6) -> np.ndarray:
    """Frames 64 x 48 whose four quarters have colours of their own."""
    frames = np.zeros((count, 48, 64, 3), np.uint8)
    frames[:, :24, :32], frames[:, :24, 32:] = (250, 20, 20), (20, 250, 20)
    frames[:, 24:, :32], frames[:, 24:, 32:] = (20, 20, 250), (240, 240, 240)
    return frames


def turned_film(path: Path, degrees: int, hflip: bool) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"crf": "5"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv444p"
        if not hasattr(stream, "set_display_rotation"):
            pytest.skip("this PyAV cannot write turned films")
        stream.set_display_rotation(degrees, hflip=hflip)
        for pixels in corners():
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("hflip", [False, True])
@pytest.mark.parametrize("degrees", [90, 180, 270])
@needs_ffmpeg
def test_turned_and_mirrored_films_come_as_players_show_them(
    degrees: int, hflip: bool, tmp_path: Path
) -> None:
    path = turned_film(tmp_path / "turned.mp4", degrees, hflip)
    ffmpeg("-i", path, "-frames:v", "1", tmp_path / "shown.png")
    shown = np.asarray(Image.open(tmp_path / "shown.png").convert("RGB")).astype(int)
    film = open_film(path)
    assert (film.height, film.width) == shown.shape[:2]
    assert "turned" in film.changes
    assert np.abs(film.read([0])[0].astype(int) - shown).mean() < 6


@pytest.mark.parametrize(
    ("ratio", "size"), [("32/27", (76, 48)), ("8/9", (64, 54)), ("1/1", (64, 48))]
)
def test_pixels_come_square(ratio: str, size: tuple[int, int], tmp_path: Path) -> None:
    path = tmp_path / "wide.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(ratio)
        for pixels in numbered(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    film = open_film(path)
    assert (film.width, film.height) == size
    assert film.read([1]).shape == (1, size[1], size[0], 3)
    assert ("squared" in film.changes) == (ratio != "1/1")


ALPHA = {
    "vp9.webm": ("libvpx-vp9", "yuva420p"),
    "vp8.webm": ("libvpx", "yuva420p"),
    "prores.mov": ("prores_ks", "yuva444p10le"),
    "rle.mov": ("qtrle", "argb"),
    "png.mov": ("png", "rgba"),
    "ffv1.mkv": ("ffv1", "bgra"),
}


@pytest.mark.parametrize("name", ALPHA)
@needs_ffmpeg
def test_what_is_transparent_shows_white_in_every_codec(name: str, tmp_path: Path) -> None:
    codec, pixel_format = ALPHA[name]
    picture = np.zeros((48, 64, 4), np.uint8)
    picture[..., 0], picture[:, 32:, 3] = 200, 255  # red, hidden on the left
    Image.fromarray(picture).save(tmp_path / "a.png")
    ffmpeg(
        "-loop", 1, "-i", tmp_path / "a.png", "-frames:v", 4, "-c:v", codec, "-pix_fmt",
        pixel_format, *(["-auto-alt-ref", "0"] if "vpx" in codec else []), tmp_path / name,
    )  # fmt: skip
    film = open_film(tmp_path / name)
    found = film.read([2])[0].astype(int)
    assert found[:, :28].min() > 250
    assert np.abs(found[:, 36:] - (200, 0, 0)).max() < 12
    assert film.changes == ("over white",)


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png", "a.apng"])
def test_animated_pictures_are_films(name: str, tmp_path: Path) -> None:
    frames = [Image.fromarray(pixels) for pixels in numbered(6)]
    options = {"lossless": True} if name.endswith("webp") else {}
    frames[0].save(
        tmp_path / name, format="PNG" if "png" in name else None, save_all=True,
        append_images=frames[1:], duration=40, **options,
    )  # fmt: skip
    film = open_film(tmp_path / name)
    assert (film.num_frames, film.fps) == (6, 25)
    assert levels(film.read([0, 3, 5])) == pytest.approx(levels(numbered(6)[[0, 3, 5]]), abs=2)
    assert find_films([tmp_path]) == [tmp_path / name]
    assert not picture_files(tmp_path)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("open.mp4", ["-c:v", "libx264", "-x264-params", "open-gop=1:keyint=8:bframes=3"]),
        ("open.ts", ["-c:v", "libx264", "-x264-params", "open-gop=1:keyint=8:bframes=3"]),
        ("refresh.mkv", ["-c:v", "libx264", "-x264-params", "intra-refresh=1:keyint=8"]),
        ("hevc.mp4", ["-c:v", "libx265", "-x265-params", "log-level=none:keyint=8:open-gop=1"]),
        ("mpeg2.mpg", ["-c:v", "mpeg2video", "-g", "8", "-bf", "2", "-q:v", "2"]),
        ("mpeg2.ts", ["-c:v", "mpeg2video", "-g", "8", "-bf", "2", "-output_ts_offset", "-3"]),
        ("mpeg4.avi", ["-c:v", "mpeg4", "-g", "8", "-bf", "2", "-q:v", "2"]),
        ("vp9.webm", ["-c:v", "libvpx-vp9", "-g", "8", "-crf", "10", "-b:v", "0"]),
    ],
)
@needs_ffmpeg
def test_any_frame_is_found_in_any_order(name: str, options: list[str], tmp_path: Path) -> None:
    frames = numbered(40)
    lossless = encode(tmp_path / "source.mkv", frames, codec="ffv1", pixel_format="bgr0")
    ffmpeg("-i", lossless, "-pix_fmt", "yuv420p", *options, tmp_path / name)
    film = open_film(tmp_path / name)
    assert film.num_frames == 40
    for number in (39, 8, 7, 9, 16, 15, 31, 0, 24, 23):
        assert levels(film.read([number])) == pytest.approx(levels(frames[[number]]), abs=3)


@needs_ffmpeg
def test_an_edit_list_counts_as_in_players(tmp_path: Path) -> None:
    frames = numbered(48)
    whole = encode(tmp_path / "whole.mp4", frames, g="48", bf="2", crf="5")
    ffmpeg("-ss", 0.5, "-i", whole, "-c", "copy", tmp_path / "cut.mp4")
    ffmpeg("-i", tmp_path / "cut.mp4", "-f", "image2", tmp_path / "%02d.png")
    film = open_film(tmp_path / "cut.mp4")
    shown = len(list(tmp_path.glob("*.png")))
    assert film.num_frames == shown < 48
    assert levels(film.read([0, shown - 1])) == pytest.approx(levels(frames[[12, 47]]), abs=3)


@needs_ffmpeg
def test_packets_without_time_stamps_are_counted(tmp_path: Path) -> None:
    frames = numbered(20)
    source = encode(tmp_path / "source.mkv", frames, crf="5")
    ffmpeg("-i", source, "-c", "copy", "-f", "h264", tmp_path / "raw.264")
    film = open_film(tmp_path / "raw.264")
    assert film.num_frames == 20
    assert levels(film.read([4, 19])) == pytest.approx(levels(frames[[4, 19]]), abs=3)


def test_the_rate_of_frames_is_by_their_own_times(tmp_path: Path) -> None:
    times = [0, 40, 80, 120, 160, 1160, 2160, 3160]
    film = open_film(encode(tmp_path / "a.mkv", numbered(8), times=times, bf="0"))
    assert film.rate_of([0, 2, 4]) == pytest.approx(12.5)
    assert film.rate_of([4, 5, 6, 7]) == pytest.approx(1)
    assert film.second_of(5) == pytest.approx(1.16)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_pipes_devices_and_lists_of_other_files_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    for path in (tmp_path / "pipe.mp4", Path("/dev/zero")):
        with pytest.raises(FilmError, match="pipe or a device"):
            open_film(path)
    encode(tmp_path / "part.mp4", numbered(3))
    playlist = tmp_path / "list.mp4"
    playlist.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\npart.mp4\n#EXT-X-ENDLIST\n")
    with pytest.raises(FilmError, match="cannot be read as a video"):
        open_film(playlist)
    (tmp_path / "index.json").write_text("{}")
    with pytest.raises(FilmError, match="is no picture, film or folder of pictures"):
        open_film(tmp_path / "index.json")


def test_a_single_picture_and_a_change_of_size_are_named(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "one.png")
    with pytest.raises(FilmError, match="is a single picture"):
        open_film(tmp_path / "one.png")


@pytest.mark.parametrize("length", [8, 16, 20])
def test_a_webp_that_ends_in_its_head_is_no_animation(length: int, tmp_path: Path) -> None:
    (tmp_path / "a.webp").write_bytes(b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0"[:length])
    assert not is_animation(tmp_path / "a.webp")


@pytest.mark.skipif(os.name == "nt", reason="names of files have no colons there")
@pytest.mark.parametrize("name", ["file:a.mp4", "concat:a.mp4", "data:a.mp4"])
def test_names_like_protocols_are_files(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode(tmp_path / "plain.mp4", numbered(3)).rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert open_film(name).num_frames == 3


@needs_ffmpeg
def test_a_song_with_a_cover_holds_no_video(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), "red").save(tmp_path / "cover.png")
    ffmpeg(
        "-f", "lavfi", "-i", "sine=duration=1", "-i", tmp_path / "cover.png", "-map", 0, "-map", 1,
        "-c:v", "copy", "-id3v2_version", 3, "-disposition:v", "attached_pic",
        tmp_path / "song.mp3",
    )  # fmt: skip
    words = r"^'song\.mp3' holds no video, only audio and a cover picture\.$"
    with pytest.raises(FilmError, match=words):
        open_film(tmp_path / "song.mp3")


def test_a_film_is_looked_at_for_combs_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = encode(tmp_path / "a.mp4", numbered(8))
    looks: list[object] = []
    monkeypatch.setattr(video, "weave_of", looks.append)
    open_film(path, trusts_flags=True)
    assert not looks
    open_film(path)
    open_film(path)
    assert len(looks) == 1
