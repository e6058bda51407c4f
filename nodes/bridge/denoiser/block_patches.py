"""What other nodes put into the denoiser: patches that it takes, and a word about the rest.

ComfyUI's nodes name the place of a patch by a word in ``transformer_options["patches"]``. A place
that a network does not have is passed over there without a word; here the log says it.
"""

import logging
from collections.abc import Callable
from typing import Any

from torch import Tensor

from ....tooncrafter_core.errors import ModelMismatchError

logger = logging.getLogger(__name__)

INPUT, AFTER_SKIP = "input_block_patch", "input_block_patch_after_skip"
OUTPUT = "output_block_patch"
TAKEN = frozenset({INPUT, AFTER_SKIP, OUTPUT})

Options = dict[str, Any]

FRAMES = 2
"""The axis of a clip's frames, b c t h w."""


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
        patches, replacements = (options.get(key) or {} for key in ("patches", "patches_replace"))
        refuse_replacements({place for place, found in replacements.items() if found})
        places = {place for place, found in patches.items() if found}
        self._say(places - TAKEN)
        return HostHooks(options) if places & TAKEN else None

    def _say(self, places: set[str]) -> None:
        if new := places - self._said:
            self._said |= new
            logger.warning(
                "A node patches this MODEL at %s, where ToonCrafter takes no patches: it has no "
                "effect on the clip. Take the node off (such as ToMe or HyperTile).",
                ", ".join(sorted(new)),
            )


def refuse_replacements(places: set[str]) -> None:
    """Refuse nodes that put attention of their own in place of the network's.

    What they make of it afterwards would be wrong, or fail in their own code.

    Raises:
        ModelMismatchError: there is such a node.
    """
    if places:
        raise ModelMismatchError(
            f"A node replaces this MODEL's attention ({', '.join(sorted(places))}), such as Self- "
            "or Perturbed-Attention Guidance or an IPAdapter. ToonCrafter's attention cannot be "
            "replaced: take the node off."
        )


def refuse_context_windows(patcher: Any, noise: Tensor) -> None:
    """Refuse, before the first step, to sample a clip b c t h w in windows.

    A window would know one of the keyframes at most.

    Raises:
        ModelMismatchError: the clip is longer than the windows that another node asks for.
    """
    handler = getattr(patcher, "model_options", {}).get("context_handler")
    if handler is None:
        return
    axis, length = getattr(handler, "dim", FRAMES), getattr(handler, "context_length", 0)
    if axis < noise.ndim and noise.shape[axis] <= length:
        return  # one window holds everything
    found = (
        f"would draw this clip of {noise.shape[FRAMES]} frames in windows of {length}, which hold "
        "one of the keyframes at most"
        if axis == FRAMES
        else f"would cut this clip along dim {axis}, which does not hold its frames"
    )
    raise ModelMismatchError(
        f"'Context Windows' {found}. ToonCrafter draws a clip as a whole: take the node off, or "
        "ask 'ToonCrafter Keyframes' for fewer frames."
    )
