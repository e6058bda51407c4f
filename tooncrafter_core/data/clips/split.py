"""Which clips train and which evaluate: by shot, so that no shot is in both."""

import hashlib


def choose_split(sha256: str, shot: int, evaluation_share: float, seed: int = 0) -> str:
    """``train`` or ``evaluation`` for all clips of a shot.

    It depends on the film's content, the shot's number and the seed alone: a copy of the film, or
    more films, change nothing.
    """
    digest = hashlib.sha256(f"{seed}/{sha256}/{shot}".encode()).digest()
    lot = int.from_bytes(digest[:8], "big") / 2**64
    return "evaluation" if lot < evaluation_share else "train"
