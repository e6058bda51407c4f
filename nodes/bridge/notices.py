"""Shows notices on a node and in the log: messages for the user that are not errors."""

import logging
from collections.abc import Sequence
from importlib import import_module

from ...tooncrafter_core.errors import printable

logger = logging.getLogger(__name__)


def warn(sentences: Sequence[str], node_id: str | None) -> None:
    """Log sentences, and write them onto the node; ``node_id`` is None outside of a server."""
    sentences = [printable(sentence) for sentence in sentences]
    for sentence in sentences:
        logger.warning("%s", sentence)
    if sentences and node_id is not None:
        # Imported where it is used: only a running server has what this module needs.
        server = import_module("server").PromptServer.instance
        server.send_progress_text("\n".join(sentences), node_id)
