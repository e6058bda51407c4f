"""The floor plan holds, and each of its rules catches what it is for."""

from collections.abc import Callable
from typing import Any

import pytest

from support import house, words
from support.house import Texts
from support.imports import ROOT

RULES: dict[Callable[[Texts], list[str]], tuple[dict[str, str], str]] = {
    house.circles: (
        {
            "tooncrafter_core/models/a.py": "from . import b\n",
            "tooncrafter_core/models/b.py": "def late() -> None:\n    from .c import x\n",
            "tooncrafter_core/models/c.py": "if TYPE_CHECKING:\n    from .a import y\n",
        },
        "models.a -> tooncrafter_core.models.b -> tooncrafter_core.models.c -> ",
    ),
    house.wrong_ways: (
        {
            "tooncrafter_core/models/a.py": "def late() -> None:\n    from ..cli import main\n",
            "tooncrafter_core/cli/__init__.py": "",
        },
        "tooncrafter_core.models.a imports tooncrafter_core.cli",
    ),
    house.loose_files: ({"tooncrafter_core/helpers.py": ""}, "helpers"),
    house.full_rooms: (
        {f"tooncrafter_core/models/m{i}.py": "" for i in range(16)},
        "tooncrafter_core/models: 16 files",
    ),
    house.long_files: ({"tooncrafter_core/models/a.py": "\n" * 251}, "a.py: 251 lines"),
    house.many_arguments: (
        {
            "tooncrafter_core/models/a.py": "class A:\n"
            "    async def draw(self, a, /, b, c, d, *, e, f, g) -> None: ...\n"
        },
        "tooncrafter_core/models/a.py:A.draw takes 7 arguments",
    ),
    house.bridge_to_faces: (
        {"nodes/bridge/a.py": "from ..decode import x\n", "nodes/decode.py": ""},
        "nodes.bridge.a imports nodes.decode",
    ),
    house.stray_errors: (
        {"tooncrafter_core/models/a.py": "class WrongError(ValueError):\n    pass\n"},
        "WrongError",
    ),
    house.strays: (
        {"nodes/a.py": "def to_bytes(x: float) -> int:\n    return round((x + 1) * 127.5)\n"},
        "nodes/a.py:2: half of the levels belongs into tooncrafter_core/pictures/levels.py",
    ),
    house.around_the_port: (
        {
            "tooncrafter_core/models/a.py": "from .motion.warping import warp\n",
            "tooncrafter_core/models/motion/warping.py": "",
        },
        "tooncrafter_core.models.a imports tooncrafter_core.models.motion.warping",
    ),
    house.asked_flags: (
        {"tooncrafter_core/models/a.py": "moves = config.warps_keyframes\n"},
        "tooncrafter_core/models/a.py, line 1: the port has a stand-in",
    ),
    house.own_dtypes: (
        {"tooncrafter_core/cli/a.py": 'DTYPES = {"fp32": "float32", "fp16": "float16"}\n'},
        "tooncrafter_core/cli/a.py, line 1: names of dtypes belong into",
    ),
    house.own_strides: (
        {"nodes/decode.py": "rows = height // 8\n"},
        "nodes/decode.py, line 1: 8 pixels a cell",
    ),
}
"""Each rule with a house that breaks it, and a part of what it must say."""

ALL = pytest.mark.parametrize("rule", list(RULES), ids=lambda rule: rule.__name__)


@ALL
def test_the_house_keeps_the_rule(rule: Callable[[Texts], list[str]]) -> None:
    assert not rule(house.house())


@ALL
def test_the_rule_catches_a_deliberate_violation(rule: Callable[[Texts], list[str]]) -> None:
    broken, says = RULES[rule]
    found = rule(broken)
    assert found
    assert any(says in sentence for sentence in found)


@pytest.mark.parametrize("line", ["import av\n", "    from av.error import FFmpegError\n"])
def test_films_are_read_and_written_by_the_pictures_alone(line: str) -> None:
    found = house.strays({"tooncrafter_core/evaluation/a.py": line})
    assert found == [
        "tooncrafter_core/evaluation/a.py:1: PyAV belongs into tooncrafter_core/pictures/"
    ]
    assert not house.strays({"tooncrafter_core/pictures/films/a.py": line})


def test_a_circle_through_a_packages_own_file_is_found() -> None:
    found = house.circles(
        {
            "nodes/bridge/a.py": "from .box.inner import x\n",
            "nodes/bridge/box/__init__.py": "from .outer import y\n",
            "nodes/bridge/box/inner.py": "",
            "nodes/bridge/box/outer.py": "from ..a import z\n",
        }
    )
    assert found == [
        "nodes.bridge.a -> nodes.bridge.box -> nodes.bridge.box.outer -> nodes.bridge.a"
    ]


def test_a_room_without_a_row_is_found() -> None:
    found = house.wrong_ways({"tooncrafter_core/attic/a.py": ""})
    assert found == ["tooncrafter_core.attic.a: the room 'attic' is not in the table"]


def test_a_row_of_the_long_files_that_is_not_needed_is_found() -> None:
    path = "tooncrafter_core/models/a.py"
    found = house.long_files({path: "\n" * 260}, {path: 270})
    assert found == [f"{path} has 260 lines now: its row can go, or fall from 270"]


def test_a_row_of_the_functions_with_many_arguments_that_is_not_needed_is_found() -> None:
    path = "tooncrafter_core/models/a.py"
    texts = {path: "def draw(a, b, c, d, e, f, g): ...\n"}
    assert house.many_arguments(texts, {f"{path}:draw": 8}) == [
        f"{path}:draw takes 7 arguments now: its row can go, or fall from 8"
    ]
    assert house.many_arguments(texts, {f"{path}:draw": 7, f"{path}:gone": 9}) == [
        f"{path}:gone takes 0 arguments now: its row can go, or fall from 9"
    ]


def test_no_list_has_a_row_of_a_file_that_is_gone(request: pytest.FixtureRequest) -> None:
    assert house.gone_rows(house.house(), [*house.LONGER, *house.MORE_ARGUMENTS]) == []
    conftest: Any = request.config.pluginmanager.get_plugin(str(ROOT / "tests" / "conftest.py"))
    tests = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert house.gone_rows(tests, conftest.LONGEST) == []
    assert house.gone_rows(["nodes/a.py"], ["nodes/a.py:f", "a.py", "nodes/b.py:f", "b.py"]) == [
        "nodes/b.py:f: its file is gone",
        "b.py: its file is gone",
    ]


def test_what_a_node_or_a_kernel_takes_is_its_schema_or_its_numbers() -> None:
    many = "def {}(a, b, c, d, e, f, g): ...\n"
    assert not house.many_arguments(
        {
            "nodes/a.py": "class A:\n    " + many.format("execute"),
            "tooncrafter_core/layers/kernels/a_kernels.py": many.format("a_kernel"),
        }
    )


def test_the_table_itself_flows_one_way() -> None:
    order = list(house.MAY_IMPORT)
    for room, others in house.MAY_IMPORT.items():
        assert all(order.index(other) < order.index(room) for other in others), room


def test_private_words_grow_no_more() -> None:
    assert not words.private_words(words.texts())


def test_a_private_word_too_many_is_found() -> None:
    texts = {
        "a.py": "# The network is told by\n# itself.\n",
        "b.md": "Untold: nobody_was_told.",
    }
    assert words.private_words(texts, {"told": 2, "by itself": 0}) == [
        "'by itself' stands 1 times, and may 0 times: a.py (1)"
    ]


def test_a_number_of_private_words_that_can_fall_is_found() -> None:
    assert words.private_words({"a.py": "told"}, {"told": 2}) == [
        "'told' stands 1 times now: its number can fall from 2"
    ]
