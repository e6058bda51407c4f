"""The kinds of layers that networks are built from: what stands in front of which host's class."""

from typing import Any

from .convolutions import (
    ConvMixin,
    DeferringMixin,
    EnlargingConvMixin,
    TemporalConvMixin,
    TokenConvMixin,
)
from .norms import (
    ActivatedGroupNormMixin,
    ClipGroupNormMixin,
    GroupNormMixin,
    LayerNormMixin,
    SummedLayerNormMixin,
    TemporalGroupNormMixin,
)

KINDS: dict[str, tuple[str, tuple[type, ...]]] = {
    "TokenConv1d": ("Conv1d", (TokenConvMixin,)),
    "Conv2d": ("Conv2d", (ConvMixin,)),
    "DeferringConv2d": ("Conv2d", (DeferringMixin, ConvMixin)),
    "EnlargingConv2d": ("Conv2d", (EnlargingConvMixin,)),
    "TemporalConv3d": ("Conv3d", (TemporalConvMixin,)),
    "DeferringTemporalConv3d": ("Conv3d", (DeferringMixin, TemporalConvMixin)),
    "GroupNorm": ("GroupNorm", (GroupNormMixin,)),
    "ActivatedGroupNorm": ("GroupNorm", (ActivatedGroupNormMixin,)),
    "TemporalGroupNorm": ("GroupNorm", (TemporalGroupNormMixin,)),
    "ClipGroupNorm": ("GroupNorm", (ClipGroupNormMixin,)),
    "LayerNorm": ("LayerNorm", (LayerNormMixin,)),
    "SummedLayerNorm": ("LayerNorm", (SummedLayerNormMixin,)),
}
"""Names in ``Operations``: the class whose weights a layer has, and what stands in front of it."""


def layer_classes(source: Any, *foremost: type) -> dict[str, type]:
    """Every kind in front of the classes of ``source``, torch.nn or a host's layers.

    ``foremost`` stands in front of ours: how the host hands out its weights.
    """
    return {
        name: type(name, (*foremost, *mixins, getattr(source, base)), {})
        for name, (base, mixins) in KINDS.items()
    }
