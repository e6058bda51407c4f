"""Malformed pictures and films end in pixels or in a sentence."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from support.fuzzing import Case, count_outcomes
from support.media_mutators import films, pictures
from tooncrafter_core.errors import KeyframeError
from tooncrafter_core.pictures.films import open_film
from tooncrafter_core.pictures.kinds import is_animation
from tooncrafter_core.pictures.stills import read_drawing, read_keyframe


def use_picture(path: Path) -> None:
    """What commands and nodes do with a file that is named as a picture."""
    if is_animation(path):
        use_film(path)
    read_keyframe(path)
    read_drawing(path)


def use_film(path: Path) -> None:
    film = open_film(path)
    for _ in film.iterate():
        pass


def cases(folder: Path, count: int) -> Iterator[Case]:
    for name, path in pictures(folder, count // 2):
        yield name, partial(use_picture, path)
    for name, path in films(folder, count - count // 2):
        yield name, partial(use_film, path)


def test_malformed_pictures_and_films_end_in_pixels_or_a_sentence(tmp_path: Path) -> None:
    counts = count_outcomes(cases(tmp_path, 120))
    assert counts["read"] > 10 and counts["KeyframeError"] + counts["FilmError"] > 30


def test_sizes_that_no_picture_has_are_said_for_every_format(tmp_path: Path) -> None:
    image = tmp_path / "a.gif"
    Image.new("P", (4, 4)).save(image)
    content = bytearray(image.read_bytes())
    content[6:10] = b"\xff\xff\xff\xff"  # the screen
    place = content.index(b"\x2c", 13)
    content[place + 5 : place + 9] = b"\xff\xff\xff\xff"  # its first picture
    image.write_bytes(content)
    with pytest.raises(KeyframeError, match=r"is damaged|at most 178 million are read"):
        read_keyframe(image)


@pytest.mark.fuzz
def test_two_thousand_malformed_pictures_and_films(tmp_path: Path) -> None:
    counts = count_outcomes(cases(tmp_path, 2000))
    assert counts["read"] > 200 and counts["KeyframeError"] + counts["FilmError"] > 500
