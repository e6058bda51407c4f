"""Video files: lists their frames by the packets' time stamps, and decodes any of them."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import FilmError
from ..kinds import LARGEST_PIXELS
from .fields import CYCLE, Weave, weave_of
from .film import UNEVEN, Film
from .packets import decoded, errors_in_words, open_container, video_stream
from .pixels import Look, PixelReader, check_colours, look_of
from .undoing import num_whole, whole_frames

# h w space


_WEAVES: dict[tuple[Path, int, int], Weave | None] = {}
"""How files are woven, by path, size and time of change."""
LOOKED_AT = 60
"""Frames of a stretch by which interlaced films are known."""


@dataclass(frozen=True, kw_only=True)
class Stamps:
    """When the frames of a stream are shown, in its time base."""

    times: np.ndarray
    """Of each frame, int64, rising; its number where the stream has no clock."""
    keys: np.ndarray
    """Those of frames that decoding can begin at; none where it must begin at the first."""
    unit: float
    """Seconds of the time base."""
    has_clock: bool = True


@dataclass(frozen=True, kw_only=True, eq=False)
class VideoFile(Film):
    """A film in a video file."""

    stamps: Stamps = field(repr=False)
    look: Look
    weave: Weave | None = None
    """How the frames in the file are woven; those that are read are whole."""
    content: bytes | None = field(default=None, repr=False)
    """The file itself, when it is no file on a disk."""

    def iterate(
        self, first: int = 0, end: int | None = None, wanted: set[int] | None = None,
        size: tuple[int, int] | None = None,
    ) -> Iterator[tuple[int, np.ndarray]]:  # fmt: skip
        """Decode from the last key frame before ``first``, or from the beginning."""
        end = self.num_frames if end is None else end
        if first >= end:
            return
        reader = PixelReader(self.look, size, self.path.name)
        with errors_in_words(self.path, "decoded"):
            for number, frame in self._whole(first, end):
                if wanted is None or number in wanted:
                    yield number, reader.read(frame)

    def _whole(self, first: int, end: int) -> Iterator[tuple[int, Any]]:
        """Numbers and decoded frames of one moment each."""
        if self.weave is None:
            return self.frames(first, end)
        stored, name = len(self.stamps.times), self.path.name
        return whole_frames(self.weave, self.frames, stored, first, end, name)

    def frames(self, first: int, end: int) -> Iterator[tuple[int, Any]]:
        """Numbers and decoded frames as they are in the file."""
        done = first
        for number, frame in self._decoded_from_key(first, end):
            if number > done:  # a frame is missing: the file's index or its key frames lie
                break
            done = number + 1
            yield number, frame
        if done < end:
            yield from self._decoded(done, end, None)

    def _decoded_from_key(self, first: int, end: int) -> Iterator[tuple[int, Any]]:
        """The frames from ``first`` on, as far as decoding from a key frame finds them."""
        keys = self.stamps.keys
        before = int(np.searchsorted(keys, self.stamps.times[first], side="right")) - 1
        # The key frame before may follow at once; then seeking saves nothing.
        if before > 0:
            yield from self._decoded(first, end, int(keys[before]))

    def _decoded(self, first: int, end: int, key: int | None) -> Iterator[tuple[int, Any]]:
        times, counted = self.stamps.times, -1
        with open_container(self.path, self.content) as container:
            stream = video_stream(container, self.path)
            if key is not None:
                container.seek(key, stream=stream, backward=True)
            for frame in decoded(container, stream, self.path.name, key):
                counted += 1
                if self.stamps.has_clock:
                    if frame.pts is None:
                        continue
                    number = int(np.searchsorted(times, frame.pts))
                    if number >= end:
                        return
                    if times[number] != frame.pts:
                        continue
                else:
                    number = counted
                if number >= end:
                    return
                if number >= first:
                    yield number, frame


def open_video(path: Path, content: bytes | None = None, trusts_flags: bool = False) -> VideoFile:
    """List the frames of a video file; ``FilmError`` says why it is none.

    ``trusts_flags`` looks for woven frames only where the first is said to be interlaced.
    """
    with errors_in_words(path, "read as a video"):
        with open_container(path, content) as container:
            stream = video_stream(container, path)
            stamps = _listed(container, stream)
            rate = float(stream.average_rate or stream.guessed_rate or 0)
        if stamps is None:
            stamps = _listed_by_decoding(path, content)
        look, pixel_format, is_flagged = _first_look(path, content)
    rate = rate if np.isfinite(rate) and 0 < rate < 1000 else 0.0
    times = (stamps.times - stamps.times[0]) * (stamps.unit or 1 / 24)
    fps, is_variable = rate or 24.0, False
    if stamps.has_clock and len(times) > 1:
        steps = np.diff(stamps.times)
        usual = float(np.median(steps))
        # A time base of milliseconds makes 24 fps come as 41 and 42.
        is_variable = float(np.abs(steps - usual).max()) > max(UNEVEN * usual, 1)
        if is_variable or not rate:
            fps = (len(times) - 1) / float(times[-1])
    else:
        times = np.arange(len(times)) / fps
    changes = (*look.changes, *(() if stamps.has_clock else ("without clock",)))
    film = VideoFile(
        path=path, width=look.shown[0], height=look.shown[1], fps=fps, times=times,
        is_variable=is_variable, pixel_format=pixel_format, changes=changes, stamps=stamps,
        look=look, content=content,
    )  # fmt: skip
    # What lies in shards was looked at before it came there.
    if content is not None or (trusts_flags and not is_flagged):
        return film
    weave = _found_weave(film)
    return film if weave is None else _unwoven(film, weave)


def _unwoven(film: VideoFile, weave: Weave) -> VideoFile:
    """The film with whole frames in place of woven ones."""
    # One frame of five is left out by number, which needs a steady clock.
    if film.is_variable or film.pixel_format.startswith(("rgb", "bgr", "gbr")):
        weave = replace(weave, kind="interlaced")
    count = num_whole(weave, film.num_frames)
    fps = film.fps * (CYCLE - 1) / CYCLE if weave.kind == "telecined" else film.fps
    times = film.times if weave.kind == "interlaced" else np.arange(count) / fps
    changes = (*film.changes, weave.kind)
    return replace(film, fps=fps, times=times, changes=changes, weave=weave)


def _found_weave(film: VideoFile) -> Weave | None:
    """How a film is woven, by a few stretches of its frames; a file is looked at once."""
    path = film.path.absolute()
    stat = path.stat()
    identity = path, stat.st_size, stat.st_mtime_ns
    if identity not in _WEAVES:
        _WEAVES[identity] = _looked_for_weave(film)
    return _WEAVES[identity]


def _looked_for_weave(film: VideoFile) -> Weave | None:
    count = film.num_frames
    starts = [0] if count <= 2 * LOOKED_AT else [0, count // 3, 2 * count // 3]
    stretches = []
    with errors_in_words(film.path, "decoded"):
        for start in starts:
            found = film.frames(start, min(start + LOOKED_AT, count))
            stretches.append([frame for _, frame in found])
        return weave_of(stretches)


def _listed(container: Any, stream: Any) -> Stamps | None:
    """The frames by their packets; None where these do not say when each is shown."""
    times, keys = [], []
    for packet in container.demux(stream):
        # Players leave out what the file's edit list leaves out, and so does the decoder.
        if not packet.size or packet.is_discard:
            continue
        if packet.pts is None:
            return None
        times.append(packet.pts)
        if packet.is_keyframe:
            keys.append(packet.pts)
    # Guessed times of some containers, and the two fields of a frame, come twice.
    if not times or len(set(times)) < len(times):
        return None
    unit = float(stream.time_base or 0)
    return Stamps(
        times=np.unique(np.array(times, dtype=np.int64)),
        keys=np.unique(np.array(keys, dtype=np.int64)),
        unit=unit,
    )


def _listed_by_decoding(path: Path, content: bytes | None) -> Stamps:
    """The frames by decoding all; numbers take the place of times where any is missing."""
    with open_container(path, content) as container:
        stream = video_stream(container, path)
        unit = float(stream.time_base or 0)
        times = [frame.pts for frame in decoded(container, stream, path.name)]
    none = np.array([], dtype=np.int64)
    if None not in times and unit and len(set(times)) == len(times) and sorted(times) == times:
        return Stamps(times=np.array(times, dtype=np.int64), keys=none, unit=unit)
    return Stamps(times=np.arange(len(times)), keys=none, unit=0.0, has_clock=False)


def _first_look(path: Path, content: bytes | None) -> tuple[Look, str, bool]:
    """How frames are to be shown, their format, and whether they are said to be interlaced.

    By the first that can be decoded.
    """
    with open_container(path, content) as container:
        stream = video_stream(container, path)
        for frame in decoded(container, stream, path.name):
            if frame.width * frame.height > LARGEST_PIXELS:
                raise FilmError(
                    f"The frames of '{path.name}' are {frame.width} x {frame.height}; at most "
                    f"{LARGEST_PIXELS // 10**6} million pixels are read. Make them smaller."
                )
            look = look_of(frame, stream)
            check_colours(frame, look, path.name)
            return look, frame.format.name, bool(frame.interlaced_frame)
    raise FilmError(f"'{path.name}' is damaged: no frame of it can be decoded.")
