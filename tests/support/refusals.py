"""What every refusal of a user's mistake must be like."""

from collections.abc import Callable
from typing import Any

import pytest

from tooncrafter_core.errors import ToonCrafterError


def assert_refused(
    action: Callable[[], Any], *words: str, kind: type[Exception] = ToonCrafterError
) -> None:
    """The action fails with one short line that says all of these words."""
    with pytest.raises(kind) as caught:
        action()
    assert_clear(str(caught.value), *words)


def assert_clear(message: str, *words: str) -> None:
    """One line of moderate length, a whole sentence, with all of these words."""
    assert "\n" not in message.strip()
    assert 40 < len(message) < 420
    assert message.strip().endswith((".", ")"))
    missing = [word for word in words if word.lower() not in message.lower()]
    assert not missing, f"{missing} not in: {message}"
