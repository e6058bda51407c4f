"""The clips that were drawn, so that a segment that has not changed is not drawn again.

ComfyUI's own cache is no place for them: the default one of newer versions drops the results of
nodes that another node expanded into as soon as the next run begins. Clips live as long as the
model that drew them: they go with it where ComfyUI frees memory or another workflow needs room.
"""

import uuid
import weakref
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from ..bridge.host_memory import total_memory

GIB = 2**30
SHARE, MOST = 8, 4 * GIB
"""An eighth of the computer's memory, and never more than this."""


class KeptClips:
    """The frames of clips by name, in groups that live as long as what they were drawn with."""

    def __init__(self, most: int) -> None:
        """``most`` in bytes."""
        self.most = most
        self._parts: dict[str, tuple[weakref.ref[Any], ...]] = {}
        self._clips: dict[tuple[str, str], Tensor] = {}
        """By group and name; the one that was used last comes last."""

    def group(self, parts: Sequence[object]) -> str:
        """What stands for the parts of a model, the same for the same objects while all live.

        Unlike any group of an earlier start, as results may outlive a ComfyUI.
        """
        for group, refs in list(self._parts.items()):
            if len(refs) == len(parts) and all(
                ref() is part for ref, part in zip(refs, parts, strict=True)
            ):
                return group
        group = uuid.uuid4().hex

        def forget(_: object) -> None:
            # The garbage collector may call this in any thread, in the middle of another method.
            self._parts.pop(group, None)
            for known in list(self._clips):
                if known[0] == group:
                    self._clips.pop(known, None)

        self._parts[group] = tuple(weakref.ref(part, forget) for part in parts)
        return group

    def find(self, group: str, name: str) -> Tensor | None:
        """The frames of a clip, where they are still there."""
        frames = self._clips.pop((group, name), None)
        if frames is not None:
            self._clips[group, name] = frames
        return frames

    def keep(self, group: str, name: str, frames: Tensor) -> None:
        """Keep a clip, and let go of those that were used longest ago where it gets too much."""
        if group not in self._parts or size_of(frames) > self.most:
            return
        self._clips.pop((group, name), None)
        self._clips[group, name] = frames
        for known in list(self._clips):
            if self.size <= self.most:
                break
            self._clips.pop(known, None)

    @property
    def size(self) -> int:
        """Bytes of all clips."""
        return sum(map(size_of, list(self._clips.values())))


def size_of(frames: Tensor) -> int:
    """Bytes of a tensor."""
    return frames.numel() * frames.element_size()


KEPT = KeptClips(min(total_memory() // SHARE, MOST))
"""Of this ComfyUI."""
