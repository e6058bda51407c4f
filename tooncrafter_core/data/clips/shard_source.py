"""Clips out of WebDataset shards, found by their place in the tar file."""

import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ...errors import DatasetError
from ...files import decoded, parsed_json
from ...pictures.films import open_film
from ..build.shards import shard_files
from .sources import ClipFrames, ClipInfo


@dataclass(frozen=True)
class _Place:
    """Where a clip's video lies."""

    shard: Path
    offset: int
    size: int


Number = TypeVar("Number", int, float)

MOST = 1e7
"""Frames of a clip, or frames a second."""


class ShardClips:
    """Every clip in shards; a shard is a group, so that one reader has all of it.

    Shards are listed once, by their headers alone. ``DatasetError`` for files that are no shards.
    """

    def __init__(self, paths: str | Path | Sequence[str | Path]) -> None:
        self.clips: list[ClipInfo] = []
        self.groups: list[range] = []
        self.places: list[_Place] = []
        for shard in shard_files(paths):
            first = len(self.clips)
            self._list(shard)
            self.groups.append(range(first, len(self.clips)))

    def _list(self, shard: Path) -> None:
        places: dict[str, _Place] = {}
        notes: dict[str, dict[str, float]] = {}
        captions: dict[str, str] = {}
        try:
            with tarfile.open(shard, "r:") as tar:
                for member in tar:
                    key, _, kind = member.name.partition(".")
                    if kind == "mp4":
                        places[key] = _Place(shard, member.offset_data, member.size)
                    elif file := tar.extractfile(member):
                        content = file.read()
                        if kind == "json":
                            text = decoded(content, f"'{member.name}'", DatasetError)
                            notes[key] = parsed_json(text, f"'{member.name}'", DatasetError)
                        elif kind == "txt":
                            captions[key] = decoded(content, f"'{member.name}'", DatasetError)
        except (tarfile.TarError, OSError, ValueError) as error:
            if isinstance(error, DatasetError):
                raise
            raise DatasetError(f"'{shard.name}' is no shard that can be read: {error}") from error
        for key, place in places.items():
            if key not in notes:
                raise DatasetError(f"The shard '{shard.name}' has no notes (.json) for '{key}'.")
            note = notes[key]
            self.places.append(place)
            self.clips.append(
                ClipInfo(
                    key=key,
                    num_frames=_number(note, "num_frames", shard, int),
                    fps=_number(note, "fps", shard, float),
                    caption=captions.get(key, ""),
                )
            )

    def read(self, clip: int, frames: Sequence[int]) -> ClipFrames:
        """Decode frames."""
        place = self.places[clip]
        with place.shard.open("rb") as file:
            file.seek(place.offset)
            content = file.read(place.size)
        film = open_film(f"{place.shard.name}/{self.clips[clip].key}.mp4", content)
        return ClipFrames(pixels=film.read(frames))


def _number(note: object, name: str, shard: Path, kind: type[Number]) -> Number:
    """A finite number above zero of a clip's notes."""
    found: Any = note.get(name) if isinstance(note, dict) else None
    is_number = isinstance(found, (int, float)) and not isinstance(found, bool)
    if not is_number or not 0 < found < MOST:
        raise DatasetError(
            f"The shard '{shard.name}' has notes that are damaged: {name} is {found!r}. Write the "
            "shards again."
        )
    return kind(found)
