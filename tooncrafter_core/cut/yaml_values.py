"""YAML as people write it in a cut file: numbers are decimal, and text stays as it was written.

YAML 1.1 reads 013 as 11, 1:30 as 90 and ``on`` as true. Here a number is plain decimal digits, with
a point or an exponent or without; all else is text.
"""

import re
from collections.abc import Hashable
from typing import Any

import yaml

_BOOL, _INT, _FLOAT, _DATE = (
    f"tag:yaml.org,2002:{name}" for name in ("bool", "int", "float", "timestamp")
)
_WHOLE = re.compile(r"^[-+]?[0-9]+$")
_DECIMAL = re.compile(
    r"^[-+]?(?:(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)$"
)


class WrittenInt(int):
    """A whole number that knows how it was written."""

    written: str


class WrittenFloat(float):
    """A number that knows how it was written."""

    written: str


def parsed(text: str) -> object:
    """The one value of a YAML text; ``YAMLError`` or ``ValueError`` for what cannot be read."""
    loader = _Loader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


class _Loader(yaml.SafeLoader):
    """YAML in which no name stands twice in one place, and ``on`` is a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        names = [self.construct_object(key, deep=True) for key, _ in node.value]
        for name in names:
            if names.count(name) > 1:
                raise yaml.YAMLError(f"'{name}' stands twice{node.start_mark}")
        return super().construct_mapping(node, deep)


def _whole(_: _Loader, node: yaml.ScalarNode) -> WrittenInt:
    number = WrittenInt(node.value)
    number.written = node.value
    return number


def _decimal(_: _Loader, node: yaml.ScalarNode) -> WrittenFloat:
    number = WrittenFloat(node.value)
    number.written = node.value
    return number


# YAML 1.1 has eleven words for each of true and false; 'on' is one of them. Its whole numbers may
# be octal or of base 60, and a name such as 2024-01-01 is a date.
_Loader.yaml_implicit_resolvers = {
    first: [each for each in resolvers if each[0] not in (_BOOL, _INT, _FLOAT, _DATE)]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_BOOL, re.compile(r"^(?:true|false)$"), ["t", "f"])
_Loader.add_implicit_resolver(_INT, _WHOLE, list("-+0123456789"))
_Loader.add_implicit_resolver(_FLOAT, _DECIMAL, list("-+.0123456789"))
_Loader.add_constructor(_INT, _whole)
_Loader.add_constructor(_FLOAT, _decimal)
