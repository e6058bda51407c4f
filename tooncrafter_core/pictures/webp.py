"""Animated WebP as FFmpeg writes it, with frames that replace what was shown before them.

FFmpeg's muxer asks players to blend every frame over the one before: what becomes clear would go
on showing the earlier drawing, and what is half clear would add up.
"""

_HEADER = 12
"""Bytes of RIFF, its length and WEBP."""
_CHUNK = 8
"""Bytes of the name and the length of a part of the file."""
_FLAGS = 15
"""Of a frame's part: after its place, size and time."""
_REPLACES = 0b10


def with_frames_that_replace(content: bytes) -> bytes:
    """The same film; every frame stands for itself, whatever was shown before."""
    changed, place = bytearray(content), _HEADER
    while place + _CHUNK <= len(changed):
        length = int.from_bytes(changed[place + 4 : place + _CHUNK], "little")
        if changed[place : place + 4] == b"ANMF" and length > _FLAGS:
            changed[place + _CHUNK + _FLAGS] |= _REPLACES
        place += _CHUNK + length + length % 2
    return bytes(changed)
