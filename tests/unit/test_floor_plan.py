"""The map in the docs shows the house as it is."""

import re
from xml.etree import ElementTree

from devtools import floor_plan


def test_the_figure_and_the_table_are_those_of_today() -> None:
    assert floor_plan.FIGURE.read_text("utf-8") == floor_plan.figure(), "run: dev.py map"
    text = floor_plan.PAGE.read_text("utf-8")
    assert text == floor_plan.page(text), "run: dev.py map"


def test_the_figure_is_a_picture_with_every_room() -> None:
    root = ElementTree.fromstring(floor_plan.figure())
    texts = {node.text for node in root.iter("{http://www.w3.org/2000/svg}text")}
    assert set(floor_plan.room_imports()) <= texts


def test_only_direct_ways_are_drawn() -> None:
    rooms = {"top": {"middle", "ground"}, "middle": {"ground"}, "ground": set()}
    assert floor_plan.direct(rooms) == {"top": {"middle"}, "middle": {"ground"}, "ground": set()}
    assert floor_plan.ranks(rooms) == {"top": 2, "middle": 1, "ground": 0}


def test_every_file_that_the_page_names_is_there() -> None:
    text = floor_plan.PAGE.read_text("utf-8")
    names = set(re.findall(r"`([a-z_/]+\.py)`", text))
    inner = ("checkpoints/files", "nodes/bridge", "training/stages")
    for name in names:
        places = (floor_plan.CORE, "", *(f"{floor_plan.CORE}/{b}" for b in inner), *inner)
        found = any((floor_plan.PROJECT / place / name).is_file() for place in places)
        assert found, name
