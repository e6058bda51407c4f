"""The names of tensors in checkpoints, as data: component prefixes, schedule buffers, wrappers.

SPEC section 0 lists the components and their prefixes, section 8 the buffers.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from .kept_texts import KEPT_KEYS


class Component(Enum):
    """A part of ToonCrafter with weights of its own."""

    DENOISER = "denoiser"
    PROJECTOR = "projector"
    AUTOENCODER = "autoencoder"
    TEXT_ENCODER = "text_encoder"
    IMAGE_ENCODER = "image_encoder"
    SKETCH_ENCODER = "sketch_encoder"


@dataclass(frozen=True, kw_only=True)
class ComponentKeys:
    """The prefix of a component's tensors in a checkpoint, and its name in messages."""

    prefix: str
    title: str
    """Its name in messages."""
    in_pruned: bool
    """Whether the pruned checkpoint holds it."""


COMPONENT_KEYS: dict[Component, ComponentKeys] = {
    Component.DENOISER: ComponentKeys(
        prefix="model.diffusion_model.", title="denoiser", in_pruned=True
    ),
    Component.PROJECTOR: ComponentKeys(
        prefix="image_proj_model.", title="image projector", in_pruned=True
    ),
    Component.AUTOENCODER: ComponentKeys(
        prefix="first_stage_model.", title="autoencoder", in_pruned=True
    ),
    Component.TEXT_ENCODER: ComponentKeys(
        prefix="cond_stage_model.model.", title="text encoder", in_pruned=False
    ),
    Component.IMAGE_ENCODER: ComponentKeys(
        prefix="embedder.model.", title="image encoder", in_pruned=False
    ),
    Component.SKETCH_ENCODER: ComponentKeys(
        prefix="control_model.", title="sketch encoder", in_pruned=False
    ),
}
"""The components, in the order in which messages list them."""

REQUIRED = (Component.DENOISER, Component.PROJECTOR, Component.AUTOENCODER)
"""Components that a checkpoint must contain; encoders may come from separate files."""

OPTIONAL = (Component.TEXT_ENCODER, Component.IMAGE_ENCODER)
"""Components that the full checkpoint has and the pruned one has not."""

FULL_FILE = "model.ckpt (huggingface.co/Doubiiu/ToonCrafter)"
"""The published file with every component."""

PRUNED_FILE = (
    "tooncrafter_512_interp-pruned-fp16.safetensors (huggingface.co/Kijai/DynamiCrafter_pruned)"
)
"""The published file without the two encoders."""

SCHEDULE_BUFFERS = (
    "betas",
    "alphas_cumprod",
    "alphas_cumprod_prev",
    "sqrt_alphas_cumprod",
    "sqrt_one_minus_alphas_cumprod",
    "log_one_minus_alphas_cumprod",
    "sqrt_recip_alphas_cumprod",
    "sqrt_recipm1_alphas_cumprod",
    "posterior_variance",
    "posterior_log_variance_clipped",
    "posterior_mean_coef1",
    "posterior_mean_coef2",
    "scale_arr",
)
"""The noise schedule as files store it; always computed again, as files may hold it rounded."""

IGNORED_KEYS = frozenset(SCHEDULE_BUFFERS) | {
    "lvlb_weights", "logvar", "scale_factor",
    "v_pred", "ztsnr",  # ComfyUI's marks of what the model predicts
}  # fmt: skip
"""Tensors outside the components that nothing reads."""

WRAPPERS = ("state_dict", "module")
"""Entries of a training checkpoint under which the tensors are found."""

DEEPSPEED_PREFIX_LENGTH = len("_forward_module.")
"""Characters that deepspeed puts in front of every key."""

SKETCH_MARKS = ("input_hint_block.0.weight", "zero_convs.0.0.weight")
"""Keys that together mark a sketch encoder, without its prefix."""

_RENAMED_PARTS = {"framestride_embed": "fps_embedding"}
"""Parts of keys that older releases called otherwise."""

_PREFIXES = tuple(keys.prefix for keys in COMPONENT_KEYS.values())


def unwrap(content: object) -> Mapping[str, Any]:
    """Find the tensors inside the wrappers of training frameworks, however deeply nested.

    Returns the innermost mapping, or an empty one when ``content`` is no mapping at all.
    SPEC section 0.
    """
    seen: list[object] = []
    # A pickle can hold itself.
    while isinstance(content, Mapping) and not any(content is one for one in seen):
        seen.append(content)
        inner = next(
            (content[name] for name in WRAPPERS if isinstance(content.get(name), Mapping)), None
        )
        if inner is None:
            return content
        content = inner
    return {}


def official_names(raw_names: Iterable[str]) -> dict[str, str]:
    """Map every official key to the name that the file has for it.

    Takes away deepspeed's leading characters, spells renamed parts as the published checkpoint
    does and gives a bare sketch encoder its prefix; texts kept as tensors come last.
    SPEC sections 0 and 10.
    """
    raw_names = list(raw_names)
    names = [name for name in raw_names if name not in KEPT_KEYS]
    kept = {name: name for name in raw_names if name in KEPT_KEYS}
    cut = 0
    if not _has_component(names) and _has_component(n[DEEPSPEED_PREFIX_LENGTH:] for n in names):
        cut = DEEPSPEED_PREFIX_LENGTH
    prefix = ""
    if set(SKETCH_MARKS) <= set(names):
        prefix = COMPONENT_KEYS[Component.SKETCH_ENCODER].prefix
    return {_renamed(prefix + name[cut:]): name for name in names} | kept


def select(tensors: Iterable[str], component: Component) -> dict[str, str]:
    """Map the component's own key (no prefix) to the checkpoint's key, in the file's order."""
    prefix = COMPONENT_KEYS[component].prefix
    return {key[len(prefix) :]: key for key in tensors if key.startswith(prefix)}


def component_of(key: str) -> Component | None:
    """The component a checkpoint's key belongs to, None for buffers and strangers."""
    for component, keys in COMPONENT_KEYS.items():
        if key.startswith(keys.prefix):
            return component
    return None


def where_to_get(component: Component) -> str:
    """Name the published files that hold a component, for the end of an error message."""
    if component is Component.SKETCH_ENCODER:
        return "The published sketch encoder is sketch_encoder.ckpt (Doubiiu/ToonCrafter)."
    if COMPONENT_KEYS[component].in_pruned:
        return f"Complete files are {FULL_FILE} and {PRUNED_FILE}."
    return f"It is complete in {FULL_FILE}; the pruned file has none."


def _has_component(names: Iterable[str]) -> bool:
    return any(name.startswith(_PREFIXES) for name in names)


def _renamed(name: str) -> str:
    for old, new in _RENAMED_PARTS.items():
        name = name.replace(old, new)
    return name
