"""Films of one thing on a known path."""

from importlib.util import find_spec

import numpy as np
import pytest

from tooncrafter_core.data.procedural.known_motion import MOTIONS, render_motion
from tooncrafter_core.errors import ToonCrafterError
from tooncrafter_core.metrics.joints import places_of_colour

pytestmark = pytest.mark.skipif(find_spec("skia") is None, reason="draws films: needs skia-python")


@pytest.mark.parametrize("motion", MOTIONS)
def test_the_thing_is_where_the_film_says_and_stays_in_the_picture(motion: str) -> None:
    film = render_motion(motion, 3, 128, 80, 13)
    assert film.frames.shape == (13, 80, 128, 3) and film.frames.dtype == np.uint8
    found = places_of_colour(film.frames, film.colour, 10.4)
    # The bar on the disc and its outline take some of its colour, evenly.
    assert np.abs(found - film.places).max() < 0.5
    assert (film.places > 0).all() and (film.places < [128, 80]).all()
    assert (film.frames == render_motion(motion, 3, 128, 80, 13).frames).all()


def test_scenery_stands_still_and_differs_by_seed() -> None:
    film, other = (render_motion("even", seed, 64, 40, 3).frames for seed in (1, 2))
    assert (film[0, :, -8:] == film[1, :, -8:]).all()
    assert (film[0] != other[0]).any()


def test_a_motion_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(ToonCrafterError, match="no motion 'spin'; known are even, faster"):
        render_motion("spin", 1)
