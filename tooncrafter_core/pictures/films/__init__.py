"""Films as a person sees them: video files, animated pictures, folders of pictures.

Pixels come upright, square, over white and in full range; frames are numbered as they are shown.
"""

from .film import CHANGES, FOLDER_FPS, Film
from .finding import (
    all_pictures,
    caption_file,
    film_files,
    find_films,
    has_pictures,
    picture_files,
)
from .opening import open_film

__all__ = [
    "CHANGES",
    "FOLDER_FPS",
    "Film",
    "all_pictures",
    "caption_file",
    "film_files",
    "find_films",
    "has_pictures",
    "open_film",
    "picture_files",
]
