"""What reaches a node, checked before it runs.

ComfyUI compares the values of widgets with the input's range, not those that come over a link; and
a program that sends prompts may send a plain value where a link is meant.
"""

import functools
import inspect
import math
from collections.abc import Callable
from typing import Any

from comfy_api.latest import io
from torch import Tensor

from ..tooncrafter_core.errors import ToonCrafterError, check_number

Execute = Callable[..., io.NodeOutput]


def checked(execute: Execute) -> Execute:
    """Refuse, before a node runs, values that its inputs cannot take.

    Raises:
        ToonCrafterError: a number is out of its input's range, or a value is not of its kind.
    """
    signature = inspect.signature(execute)

    @functools.wraps(execute)
    def run(cls: type[io.ComfyNode], *values: Any, **named: Any) -> io.NodeOutput:
        given = signature.bind(cls, *values, **named).arguments | named
        for declared in sorted(cls.define_schema().inputs, key=lambda one: not is_number(one)):
            if declared.id in given:
                is_absent = given[declared.id] is None and getattr(declared, "optional", False)
                if not is_absent:
                    check_value(declared, given[declared.id])
        return execute(cls, *values, **named)

    return run


def is_number(declared: object) -> bool:
    """Whether an input takes numbers."""
    return isinstance(declared, io.Int.Input | io.Float.Input)


def check_value(declared: Any, value: object) -> None:
    """Refuse one value."""
    if is_number(declared):
        least = -math.inf if declared.min is None else declared.min
        most = math.inf if declared.max is None else declared.max
        is_whole = isinstance(declared, io.Int.Input)
        name = f"The input '{declared.id}' of this node"
        check_number(name, value, least, most, is_whole=is_whole)
        return
    kind = str(declared.io_type)
    if kind in _KINDS and not _KINDS[kind](value):
        raise ToonCrafterError(
            f"{declared.id} takes {_NAMES.get(kind, kind)}, but got {_shown(value)}. Connect "
            f"{declared.id} to an output of that kind."
        )


def _is_conditioning(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(entry, list | tuple)
        and len(entry) == 2
        and isinstance(entry[0], Tensor)
        and isinstance(entry[1], dict)
        for entry in value
    )


_KINDS: dict[str, Callable[[Any], bool]] = {
    "IMAGE": lambda value: isinstance(value, Tensor),
    "MASK": lambda value: isinstance(value, Tensor),
    "LATENT": lambda value: isinstance(value, dict) and isinstance(value.get("samples"), Tensor),
    "CONDITIONING": _is_conditioning,
    "MODEL": lambda value: hasattr(value, "get_model_object"),
    # None has an error of its own, which names the file that is missing.
    "CLIP_VISION": lambda value: value is None or hasattr(value, "load_device"),
    "STRING": lambda value: isinstance(value, str),
    "BOOLEAN": lambda value: isinstance(value, bool),
}
"""What a value of each of ComfyUI's kinds is like."""
_NAMES = {
    "IMAGE": "pictures (IMAGE)",
    "MASK": "a mask (MASK)",
    "STRING": "a text",
    "BOOLEAN": "true or false",
}


def _shown(value: object) -> str:
    is_plain = value is None or isinstance(value, str | int | float | bool)
    return repr(value) if is_plain else f"a {type(value).__name__}"
