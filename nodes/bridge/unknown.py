"""What a newer ComfyUI hands to our methods that this pack does not know yet.

A host may add a keyword to any call in any release. Refusing it would stop everybody's clips, so it
is accepted; what asks for something is said once in the log, as the clip cannot follow it.
"""

import logging
from collections.abc import Mapping

logger = logging.getLogger(__name__)

_SAID: set[tuple[str, str]] = set()


def note_unknown(where: str, unknown: Mapping[str, object]) -> None:
    """Log, once each, the keywords that came to the method ``where`` with a value.

    None and False ask for nothing.
    """
    for name, value in unknown.items():
        if value is None or value is False or (where, name) in _SAID:
            continue
        _SAID.add((where, name))
        logger.warning(
            "This ComfyUI hands '%s' to %s, which this version of the pack does not know: it has "
            "no effect on the clip. A newer version of the pack may know it.",
            name,
            where,
        )
