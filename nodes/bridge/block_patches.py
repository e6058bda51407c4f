"""What other nodes put into the denoiser: patches that it takes, and a word about the rest.

ComfyUI's nodes name the place of a patch by a word in ``transformer_options["patches"]``. A place
that a network does not have is passed over there without a word; here the log says it.
"""

import logging
from collections.abc import Callable
from typing import Any

from torch import Tensor

from ...tooncrafter_core.errors import ModelMismatchError

logger = logging.getLogger(__name__)

INPUT, AFTER_SKIP = "input_block_patch", "input_block_patch_after_skip"
OUTPUT = "output_block_patch"
TAKEN = frozenset({INPUT, AFTER_SKIP, OUTPUT})

Options = dict[str, Any]


class HostHooks:
    """ComfyUI's block patches in the denoiser's own terms."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.patches: dict[str, list[Callable[..., Any]]] = options["patches"]

    def after_input(self, h: Tensor, index: int) -> Tensor:
        """Call the patches of input blocks; ComfyUI has two places for them, one after another."""
        self.options["block"] = ("input", index)
        for place in (INPUT, AFTER_SKIP):
            for patch in self.patches.get(place, ()):
                h = patch(h, self.options)
        return h

    def before_output(self, h: Tensor, skip: Tensor, index: int) -> tuple[Tensor, Tensor]:
        """Call the patches of output blocks."""
        self.options["block"] = ("output", index)
        for patch in self.patches.get(OUTPUT, ()):
            h, skip = patch(h, skip, self.options)
        return h, skip


class BlockPatches:
    """Which patches a denoiser takes, and which it has already said that it does not."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def begin(self) -> None:
        """A sampling begins: what is passed over is said once in each."""
        self._said.clear()

    def hooks(self, options: Options) -> HostHooks | None:
        """The hooks that these options ask for, None without any."""
        patches = options.get("patches") or {}
        places = {place for place, found in patches.items() if found}
        replaced = {
            place for place, found in (options.get("patches_replace") or {}).items() if found
        }
        self._say((places - TAKEN) | replaced)
        return HostHooks(options) if places & TAKEN else None

    def _say(self, places: set[str]) -> None:
        if new := places - self._said:
            self._said |= new
            logger.warning(
                "A node patches this MODEL at %s, where ToonCrafter takes no patches: it has no "
                "effect on the clip. Take the node off (such as PAG, SAG, ToMe or HyperTile).",
                ", ".join(sorted(new)),
            )


def refuse_context_windows(patcher: Any, noise: Tensor) -> None:
    """Refuse, before the first step, to sample a clip b c t h w in windows.

    A window in the middle would know neither keyframe.

    Raises:
        ModelMismatchError: the clip is longer than the windows that another node asks for.
    """
    handler = getattr(patcher, "model_options", {}).get("context_handler")
    if handler is None:
        return
    axis, length = getattr(handler, "dim", 2), getattr(handler, "context_length", 0)
    if noise.shape[axis] > length:
        raise ModelMismatchError(
            f"'Context Windows' would draw this clip of {noise.shape[2]} frames in windows of "
            f"{length}, and most of them would hold neither keyframe. ToonCrafter draws a clip as "
            "a whole: take the node off, or ask 'ToonCrafter Keyframes' for fewer frames."
        )
