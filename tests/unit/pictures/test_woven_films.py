"""Films whose frames are woven of two moments come whole, each frame where it is asked for."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from support.films import drawn_film, encode
from tooncrafter_core.pictures.films import open_film
from tooncrafter_core.pictures.films.film import CHANGES, Film

FFMPEG = shutil.which("ffmpeg")
needs_ffmpeg = pytest.mark.skipif(FFMPEG is None, reason="this film is made by the program ffmpeg")


def ffmpeg(*options: object) -> None:
    command = [str(FFMPEG), "-v", "error", "-y", *map(str, options)]
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture(scope="module")
def drawn() -> np.ndarray:
    return drawn_film([1, 2])


FLAGGED = ["-flags", "+ilme+ildct"]
TELECINED = {
    "said.mpg": ["-vf", "telecine", *FLAGGED, "-c:v", "mpeg2video", "-q:v", "2"],
    "unsaid.mkv": ["-vf", "telecine", "-c:v", "libx264", "-crf", "10"],
    "bottom.mkv": ["-vf", "telecine=first_field=bottom:pattern=32", "-c:v", "ffv1"],
}
INTERLACED = {
    "said.mkv": ["-vf", "interlace=lowpass=0", *FLAGGED, "-c:v", "libx264", "-crf", "10"],
    "said.mpg": ["-vf", "interlace=lowpass=0", *FLAGGED, "-c:v", "mpeg2video", "-q:v", "2"],
    "unsaid.mkv": ["-vf", "interlace=lowpass=0:scan=bff,setfield=prog", "-c:v", "ffv1"],
}


def woven(path: Path, frames: np.ndarray, options: list[str]) -> Film:
    source = encode(path.with_name("source.mkv"), frames, codec="ffv1", pixel_format="bgr0")
    ffmpeg("-i", source, "-pix_fmt", "yuv420p", *options, path)
    return open_film(path)


def lights(frames: np.ndarray) -> np.ndarray:
    """Brightness: colours of 4:2:0 are half as fine as these small drawings."""
    return frames.astype(int).mean(-1)


def check_random_access(film: Film) -> None:
    whole = [pixels for _, pixels in film.iterate()]
    assert len(whole) == film.num_frames
    for number in (film.num_frames - 1, 9, 3, 13, 12, 0):
        assert (film.read([number])[0] == whole[number]).all()


@pytest.mark.parametrize("name", TELECINED)
@needs_ffmpeg
def test_telecined_films_get_their_own_frames_back(
    name: str, drawn: np.ndarray, tmp_path: Path
) -> None:
    film = woven(tmp_path / name, drawn, TELECINED[name])
    assert film.changes == ("telecined",) and "telecined" in CHANGES
    assert film.num_frames == 60 and film.fps == pytest.approx(24, abs=0.03)
    assert film.times[30] == pytest.approx(1.25, abs=0.01)
    for number, pixels in film.iterate():
        # Of encoding, and of shots whose first frames are almost alike; the next frame is 3 off.
        differences = np.abs(lights(drawn) - lights(pixels)).mean((1, 2))
        assert differences[number] < min(8, differences.min() + 2), number
    check_random_access(film)


@pytest.mark.parametrize("name", INTERLACED)
@needs_ffmpeg
def test_interlaced_films_keep_one_moment_of_each_frame(
    name: str, drawn: np.ndarray, tmp_path: Path
) -> None:
    film = woven(tmp_path / name, drawn, INTERLACED[name])
    assert film.changes == ("interlaced",) and "interlaced" in CHANGES
    assert (film.num_frames, film.fps) == (30, 12)
    kept = 1 if name == "unsaid.mkv" else 0
    for number, pixels in film.iterate():
        moments = lights(drawn[2 * number : 2 * number + 2])
        first, second = np.abs(moments - lights(pixels))[:, kept::2].mean((1, 2))
        assert first < min(7, second + 0.5), number
    check_random_access(film)


@needs_ffmpeg
def test_whole_frames_that_are_said_to_be_interlaced_are_read(
    drawn: np.ndarray, tmp_path: Path
) -> None:
    film = woven(tmp_path / "a.mpg", drawn, [*FLAGGED, "-c:v", "mpeg2video"])
    assert film.num_frames == 60 and not film.changes


Y, X = np.mgrid[:120, :160]
BAYER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) * 16
TEXTURES = {
    "checkers": (X + Y) % 2 * 255,
    "stripes": Y % 2 * 255,
    "thirds": (Y % 3 < 1) * 255,
    "hatching": (X + 2 * Y) % 4 // 3 * 255,
    "diagonals": (X + Y) % 3 // 2 * 200,
    "dithering": (BAYER[Y % 4, X % 4] < X * 255 // 160) * 255,
}


@pytest.mark.parametrize("step", [(0, 1), (1, 0), (1, 1), (0.5, 0), (3, 2)])
@pytest.mark.parametrize("name", TEXTURES)
def test_textures_of_one_pixel_that_move_are_no_combs(
    name: str, step: tuple[float, float], tmp_path: Path
) -> None:
    texture = TEXTURES[name]
    frames = np.full((24, 120, 160), 180, np.uint8)
    for number, frame in enumerate(frames):
        down, right = (int(number * s) for s in step)
        if name == "dithering":
            frame[:] = np.roll(texture, (down, right), (0, 1))
        else:  # a textured square over a plain ground
            frame[10 + down : 40 + down, 20 + right : 80 + right] = texture[:30, :60]
    path = encode(
        tmp_path / "a.mkv", np.repeat(frames[..., None], 3, -1), codec="ffv1", pixel_format="gray"
    )
    assert open_film(path).changes == ()
