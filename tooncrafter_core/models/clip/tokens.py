"""Prompts as the text encoder's token numbers (SPEC section 5)."""

import logging
from functools import cache
from typing import Any

from torch import Tensor

from ...config import telemetry
from ...errors import printable

logger = logging.getLogger(__name__)


@cache
def _tokenizer() -> Any:
    """open_clip's tokenizer; reading its vocabulary takes a moment, so one serves all."""
    telemetry.switch_off()
    import open_clip

    return open_clip.SimpleTokenizer()


def count_tokens(prompt: str) -> int:
    """Tokens a prompt takes, with its start and end marks; SPEC section 5."""
    return len(_tokenizer().encode(prompt)) + 2


def tokenize(prompts: list[str], context_length: int = 77) -> Tensor:
    """Turn prompts into token numbers, ``b context_length``, padded with zeros.

    A prompt that is too long loses its tail, keeps its end mark as the last token, and a warning
    says how much was cut; ``count_tokens`` counts beforehand. ``ValueError`` when there is no
    prompt. SPEC section 5.
    """
    if isinstance(prompts, str) or not prompts:
        raise ValueError(f"The text encoder needs a list of one prompt or more, got {prompts!r}.")
    for prompt in prompts:
        count = count_tokens(prompt)
        if count > context_length:
            logger.warning(
                "The prompt takes %d tokens and the text encoder reads %d: the last %d are "
                "ignored. Shorten the prompt, or put what matters first. It begins: '%s'",
                count,
                context_length,
                count - context_length,
                printable(prompt[:60]),
            )
    return _tokenizer()(prompts, context_length)
