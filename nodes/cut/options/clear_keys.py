"""What becomes of transparent keys of a cut: white behind them, or alpha that is kept."""

from collections.abc import Mapping

from torch import Tensor

from ....tooncrafter_core.cut.clear import ClearKeys, clear_keys
from ....tooncrafter_core.pictures.alpha.clip import is_clear_somewhere
from ...bridge.images import to_image, to_pixels
from ..alpha import with_mask

WHITE, KEEP = "white", "keep"
"""Choices of the node, as of the command."""

IS_OPAQUE = "No key is transparent anywhere: drawings have no alpha either."


def transparency(
    keys: Mapping[str, Tensor], choice: str
) -> tuple[Mapping[str, Tensor], ClearKeys | None, list[str]]:
    """The keys that are drawn between, each 1 h w c, what takes the matte out, and what to say.

    ``KeyframeError`` for keys that cannot be laid on a matte.
    """
    clear = [name for name, key in keys.items() if _is_transparent(key)]
    if choice == KEEP and clear:
        with_alpha = {name: to_pixels(with_mask(key, None))[0] for name, key in keys.items()}
        found = clear_keys(with_alpha)
        return {name: to_image(one[None, :, None]) for name, one in found.laid.items()}, found, []
    if choice == KEEP:
        return keys, None, [IS_OPAQUE]
    listed = ", ".join(f"'{name}'" for name in clear)
    return keys, None, [f"White is put behind what is transparent, in {listed}."] if clear else []


def _is_transparent(key: Tensor) -> bool:
    return (key.shape[-1] == 2 and bool((key[..., 1] < 1).any())) or is_clear_somewhere(
        to_pixels(key)
    )
