"""The extension: an ordered list of nodes, one file per stage of the work."""

import logging

from comfy_api.latest import ComfyExtension, io

logger = logging.getLogger(__name__)


class ToonCrafterExtension(ComfyExtension):
    """What ComfyUI asks for the nodes."""

    def __init__(self, nodes: list[type[io.ComfyNode]]) -> None:
        self.nodes = nodes

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """The nodes in the order in which menus show them."""
        return self.nodes


def load_extension() -> ToonCrafterExtension:
    """Import the nodes, and log the whole of a failure: ComfyUI logs one line only."""
    try:
        from .bridge.drawings import offer_drawings
        from .candidates import ToonCrafterCandidates
        from .cut.alpha import ToonCrafterMatte, ToonCrafterRemoveMatte
        from .cut.colour import ToonCrafterColourLock
        from .cut.cut import ToonCrafterCut
        from .cut.exposure import ToonCrafterExposure
        from .cut.files import LoadToonCrafterKeys, LoadToonCrafterSheet, SaveToonCrafterSheet
        from .cut.parts import (
            ToonCrafterCutClip,
            ToonCrafterCutDrawn,
            ToonCrafterCutFrames,
            ToonCrafterCutKey,
            ToonCrafterCutMoment,
        )
        from .cut.sprites import ToonCrafterSpriteSheet
        from .decode import ToonCrafterDecode
        from .guidance import ToonCrafterGuidanceInterval, ToonCrafterGuidanceRescale
        from .keyframes import ToonCrafterKeyframes
        from .line_art import ToonCrafterLineArt
        from .load import LoadToonCrafter
        from .redraw import ToonCrafterRedraw
        from .sampling import ToonCrafterDDIM, ToonCrafterSampler, ToonCrafterSigmas
        from .sketch import LoadToonCrafterSketchEncoder, ToonCrafterSketchGuidance
    except Exception:
        logger.exception("ToonCrafter's nodes could not be loaded.")
        raise
    offer_drawings()
    return ToonCrafterExtension(
        [
            LoadToonCrafter,
            ToonCrafterKeyframes,
            LoadToonCrafterSketchEncoder,
            ToonCrafterSketchGuidance,
            ToonCrafterLineArt,
            ToonCrafterSampler,
            ToonCrafterDDIM,
            ToonCrafterSigmas,
            ToonCrafterGuidanceRescale,
            ToonCrafterGuidanceInterval,
            ToonCrafterDecode,
            ToonCrafterRedraw,
            LoadToonCrafterKeys,
            LoadToonCrafterSheet,
            ToonCrafterCut,
            ToonCrafterExposure,
            ToonCrafterCandidates,
            ToonCrafterColourLock,
            ToonCrafterMatte,
            ToonCrafterRemoveMatte,
            SaveToonCrafterSheet,
            ToonCrafterSpriteSheet,
            ToonCrafterCutKey,
            ToonCrafterCutMoment,
            ToonCrafterCutDrawn,
            ToonCrafterCutClip,
            ToonCrafterCutFrames,
        ]
    )
