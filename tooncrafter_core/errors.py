"""Errors for the user: what was found, what is needed, what to do."""

import re
import unicodedata
from collections.abc import Iterable
from numbers import Real

SHOWN_MODULE = "tooncrafter"
"""The module that programs show with an error's name; the true one may be a path of ComfyUI's."""

LONGEST_QUOTE, LONGEST_TEXT = 300, 2000

_QUOTE = re.compile(rf"(?<!\w)'[^']{{{LONGEST_QUOTE + 1},}}'(?!\w)")
"""A long quotation; apostrophes are between letters."""
_UNPRINTABLE = frozenset(["Cc", "Cf", "Cs", "Zl", "Zp"])
"""Controls, marks that show nothing or turn the text around, halves of characters, line ends."""


def printable(text: str) -> str:
    r"""Text that every log and terminal can show, on one line and not too long.

    Letters of any script stay; what cannot be shown is written as ``\\ud800``. Of a quotation or a
    text that is too long the middle is left out.
    """
    text = re.sub(r"[\n\r\t]+ *", " ", text).strip(" ")
    # Three times as much as is shown: escapes make text longer, never shorter.
    text = _shortened(text, 3 * LONGEST_TEXT)
    text = "".join(_escaped(c) if unicodedata.category(c) in _UNPRINTABLE else c for c in text)
    text = _QUOTE.sub(lambda found: f"'{_shortened(found[0][1:-1], LONGEST_QUOTE)}'", text)
    return _shortened(text, LONGEST_TEXT)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


def _shortened(text: str, longest: int) -> str:
    """The beginning and the end of a text that is too long."""
    half = longest // 2 - 3
    return text if len(text) <= longest else f"{text[:half]} ... {text[-half:]}"


def _again(kind: tuple[str, str], arguments: tuple[object, ...]) -> Exception:
    """Make an error from what ``__reduce__`` gave."""
    from importlib import import_module

    module, name = kind
    return getattr(import_module(module), name)(*arguments)


class ToonCrafterError(ValueError):
    """A mistake in what the user gave, explained in one or two plain sentences.

    Whatever it quotes is made ``printable``.
    """

    __module__ = SHOWN_MODULE
    _defined_in = __name__

    def __init__(self, message: object = "") -> None:
        super().__init__(printable(str(message)))

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        # Others derive classes, too, as Ray does where a worker fails: theirs stay as they are.
        if "tooncrafter_core" in cls.__module__.split("."):
            cls._defined_in, cls.__module__ = cls.__module__, SHOWN_MODULE

    def __reduce__(self) -> tuple[object, ...]:
        """For pickle, which looks classes up in the module that they show."""
        return _again, ((self._defined_in, type(self).__qualname__), self.args)


def check_choice(name: str, value: object, choices: Iterable[str]) -> None:
    """``ToonCrafterError`` for a value that is not among the choices, be it text or not."""
    choices = list(choices)
    if isinstance(value, str) and value in choices:
        return
    has_commas = any("," in choice for choice in choices)
    listed = f": {'; '.join(choices)}" if has_commas else f" {', '.join(choices)}"
    found = f"'{value}'" if isinstance(value, str) else repr(value)
    raise ToonCrafterError(f"{name} is one of{listed}; not {found}.")


def check_number(
    name: str, value: object, least: float, most: float, unit: str = "", *, is_whole: bool = False
) -> None:
    """``ToonCrafterError`` for a value that is no number from ``least`` to ``most``.

    NaN lies outside of every range. ``unit`` stands behind the range, such as "pixels" or what is
    usual; ``is_whole`` refuses fractions.
    """
    number = value if isinstance(value, Real) and not isinstance(value, bool) else None
    is_within = number is not None and bool(number <= most and not number < least)
    if number is not None and is_within and not (is_whole and number % 1):
        return
    # What is only out of range is seen to be a number.
    is_outside = number is not None and not is_within
    kind = "" if is_outside else "a whole number, " if is_whole else "a number, "
    found = str(number) if number is not None else repr(value)
    wanted = f"{kind}{_plain(least)} to {_plain(most)} {unit}".rstrip()
    raise ToonCrafterError(f"{name} must be {wanted}, not {found}.")


def _plain(bound: float) -> str:
    """A bound without the zeros that a float is shown with; large whole ones in full."""
    return f"{bound:g}" if isinstance(bound, float) else str(bound)


def counted(number: int, noun: str, many: str = "") -> str:
    """A number and what is counted, as in ``1 key`` or ``2 keys``; ``many`` for other plurals."""
    return f"{number} {noun if number == 1 else many or f'{noun}s'}"


class KeyframeError(ToonCrafterError):
    """The keyframes cannot be used: wrong count, shape or values."""


class SketchError(ToonCrafterError):
    """The sketches cannot be used: wrong frame numbers, strength or pictures."""


class RedrawError(ToonCrafterError):
    """What of a clip is to be drawn again is not clear: its mask or its frames do not fit."""


class CheckpointError(ToonCrafterError):
    """A weight file cannot be read, or does not hold what it must."""


class UnsafeCheckpointError(CheckpointError):
    """A pickle wanted to run code; nothing of it was run."""


class ModelMismatchError(ToonCrafterError):
    """Two parts that were connected do not belong together."""


class OutputError(ToonCrafterError):
    """The result cannot be written where it was asked for."""


class CutError(ToonCrafterError):
    """A cut cannot be drawn as asked: its keys, frames, spacing or settings do not fit."""


class SheetError(CutError):
    """An exposure sheet cannot be read, or does not say what is to be drawn."""


class DatasetError(ToonCrafterError):
    """A data set cannot be built or read: its sources or its manifest cannot be used."""


class FilmError(DatasetError):
    """A film cannot be read: its file, its frames, or what holds them."""


class EvaluationError(ToonCrafterError):
    """Clips, weights or answers cannot be evaluated as they are."""


class TrainingError(ToonCrafterError):
    """A training run cannot begin or continue: settings, weights or numbers cannot be used."""


class JobError(ToonCrafterError):
    """Many pieces of work cannot be run: no worker starts, or no cluster is there."""


class MissingWeightsError(ToonCrafterError):
    """A metric, a loss or a compared method needs a file that is not on this machine."""


class UnknownCountError(CheckpointError):
    """A count that shapes do not determine, and that cannot be the published model's."""
