"""Opens a film, whatever holds it."""

from pathlib import Path

from ...errors import FilmError
from ..kinds import PICTURE_EXTENSIONS, check_regular, is_animation
from .animations import open_animation
from .film import FOLDER_FPS, Film
from .folders import open_folder
from .video import open_video


def open_film(
    path: str | Path, content: bytes | None = None, fps: float = FOLDER_FPS,
    trusts_flags: bool = False,
) -> Film:  # fmt: skip
    """List the frames of a film; ``FilmError`` says why it is none.

    ``content`` is the file itself; ``path`` is then only what messages call it. ``fps`` is the rate
    of pictures in a folder. Frames are looked at for being interlaced or telecined; with
    ``trusts_flags`` only where the file says so, which opens many short files faster.
    """
    path = Path(path)
    if content is None and path.is_dir():
        return open_folder(path, fps)
    if content is None:
        check_regular(path, FilmError)
        if is_animation(path):
            return open_animation(path)
        if path.suffix.lower() in PICTURE_EXTENSIONS:
            raise FilmError(
                f"'{path}' is a single picture; needed is a film, or a folder of pictures."
            )
    return open_video(path, content, trusts_flags)
