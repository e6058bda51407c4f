"""Clips out of WebDataset shards, found by their place in the tar file."""

import json
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import DatasetError
from ...pictures.films import open_film
from ..build.shards import shard_files
from .sources import ClipFrames, ClipInfo


@dataclass(frozen=True)
class _Place:
    """Where a clip's video lies."""

    shard: Path
    offset: int
    size: int


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
                            notes[key] = json.loads(content)
                        elif kind == "txt":
                            captions[key] = content.decode()
        except (tarfile.TarError, OSError, ValueError) as error:
            raise DatasetError(f"'{shard.name}' is no shard that can be read: {error}") from error
        for key, place in places.items():
            if key not in notes:
                raise DatasetError(f"The shard '{shard.name}' has no notes (.json) for '{key}'.")
            note = notes[key]
            self.places.append(place)
            self.clips.append(
                ClipInfo(
                    key=key,
                    num_frames=int(note["num_frames"]),
                    fps=float(note["fps"]),
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
