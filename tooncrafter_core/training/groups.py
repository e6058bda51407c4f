"""Which parameters belong together: what Table 3 of the paper tunes or freezes."""

import re
from enum import Enum

from ..checkpoints.keys import Component, component_of


class Group(Enum):
    """A set of parameters that learns or is frozen as a whole."""

    SPATIAL = "spatial"
    """Layers of the denoiser that work within a frame, attention to image tokens included."""
    TEMPORAL = "temporal"
    """Layers that work over frames: temporal transformers and convolutions, and the layers with
    which a mini model warps the keyframes."""
    PROJECTOR = "projector"
    OTHER = "other"
    """The denoiser's embeddings of the timestep and of the motion fps, and its shortcut."""
    ENCODER = "encoder"
    """The autoencoder's encoder."""
    DECODER = "decoder"
    TEXT_ENCODER = "text_encoder"
    IMAGE_ENCODER = "image_encoder"
    SKETCH_ENCODER = "sketch_encoder"
    CRITIC = "critic"
    """The discriminator, which published files do not contain."""


_WHOLE = {
    Component.PROJECTOR: Group.PROJECTOR,
    Component.TEXT_ENCODER: Group.TEXT_ENCODER,
    Component.IMAGE_ENCODER: Group.IMAGE_ENCODER,
    Component.SKETCH_ENCODER: Group.SKETCH_ENCODER,
}

_OVER_FRAMES = re.compile(
    r"\.(temopral_conv|init_attn|(input|output)_blocks\.\d+\.2|middle_block\.2|keyframe_warp)\."
)
_UPSAMPLING = re.compile(r"\.output_blocks\.\d+\.\d\.conv\.")
_EMBEDDINGS = re.compile(r"\.(time_embed|fps_embedding|shortcut)\.")
_OF_DECODER = re.compile(r"^first_stage_model\.(decoder|post_quant_conv)\.")


def group_of(key: str) -> Group:
    """The group of a parameter by its official key; keys of no component are the critic's.

    Temporal transformers are the third layer of their blocks (SPEC section 2.4). An upsampling may
    have that place, too; it belongs to the spatial layers.
    """
    component = component_of(key)
    if component is None:
        return Group.CRITIC
    if component in _WHOLE:
        return _WHOLE[component]
    if component is Component.AUTOENCODER:
        return Group.DECODER if _OF_DECODER.match(key) else Group.ENCODER
    if _EMBEDDINGS.search(key):
        return Group.OTHER
    is_temporal = _OVER_FRAMES.search(key) and not _UPSAMPLING.search(key)
    return Group.TEMPORAL if is_temporal else Group.SPATIAL
