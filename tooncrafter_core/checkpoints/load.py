"""Fills networks from a checkpoint: strictly, and without a second copy in memory.

Networks are built on the meta device and take over the tensors as they are read, one after another.
Where a tensor must change its number format or device, it is changed at once (SPEC section 0).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

from ..config.model import ModelConfig, TextEncoderConfig
from ..errors import CheckpointError
from ..layers.kernels.memory_order import arrange_weights
from ..layers.operations import TORCH_OPERATIONS, Operations
from .detect import detect, part_of
from .files.read import Checkpoint
from .keys import COMPONENT_KEYS, OPTIONAL, REQUIRED, Component, select, where_to_get

if TYPE_CHECKING:  # a network's file is read when a checkpoint has it
    from ..models.autoencoder.autoencoder import Autoencoder
    from ..models.clip.encoders import ImageEncoder, TextEncoder
    from ..models.denoiser import Denoiser
    from ..models.projector import Resampler


@dataclass(frozen=True, kw_only=True)
class Models:
    """The networks of a checkpoint, ready to use; the encoders None when it has none."""

    config: ModelConfig
    denoiser: "Denoiser"
    projector: "Resampler"
    autoencoder: "Autoencoder"
    text_encoder: "TextEncoder | None"
    image_encoder: "ImageEncoder | None"


@dataclass(frozen=True, kw_only=True)
class Mismatch:
    """How a component's tensors differ from what its network needs."""

    missing: tuple[str, ...]
    left_over: tuple[str, ...]
    wrong_shape: tuple[str, ...]
    """As 'key (found (1, 2), needed (3, 4))'."""
    num_needed: int

    def __bool__(self) -> bool:
        return bool(self.missing or self.left_over or self.wrong_shape)

    def __str__(self) -> str:
        parts = (
            (self.missing, "missing"),
            (self.left_over, "left over"),
            (self.wrong_shape, "of the wrong shape"),
        )
        listed = [f"{len(keys)} {what}: {_first(keys)}" for keys, what in parts if keys]
        return f"of {self.num_needed} tensors {'; '.join(listed)}"


def build_models(
    checkpoint: Checkpoint,
    dtype: torch.dtype | None = None,
    device: torch.device | str = "cpu",
    operations: Operations = TORCH_OPERATIONS,
) -> Models:
    """Build and fill every network the checkpoint has, frozen and in evaluation mode.

    ``dtype`` None keeps the file's number format. Peak memory is the size of the result, plus a
    tenth; what happens to the file afterwards changes nothing.
    ``CheckpointError`` when the file is not ToonCrafter's or a component does not fit.
    SPEC sections 0 and 1.
    """
    config = detect(checkpoint)
    networks: dict[str, nn.Module | None] = {}
    for component in (*REQUIRED, *OPTIONAL):
        networks[component.value] = None
        if part_of(config, component) is not None:
            network = build_network(component, config, checkpoint, operations)
            load_component(network, checkpoint, component, dtype=dtype, device=device)
            networks[component.value] = network.eval().requires_grad_(False)
    return Models(config=config, **networks)  # type: ignore[arg-type]


def check_models(checkpoint: Checkpoint, config: ModelConfig) -> None:
    """Compare every component with its network, without reading a tensor.

    ``CheckpointError`` for the first that does not fit. SPEC section 0.
    """
    for component in (*REQUIRED, *OPTIONAL):
        if part_of(config, component) is not None:
            network = build_network(component, config, checkpoint)
            check_component(network, checkpoint, component)


def build_network(
    component: Component,
    config: ModelConfig,
    checkpoint: Checkpoint | None = None,
    operations: Operations = TORCH_OPERATIONS,
) -> nn.Module:
    """The component's network on the meta device, without memory for its weights.

    The checkpoint has the sizes of the text tensors that the image encoder carries along unused;
    without one they are as wide as the text encoder's.
    """
    part = part_of(config, component)
    if component is Component.DENOISER:
        from ..models.denoiser import Denoiser

        return Denoiser(part, operations=operations, device="meta")
    if component is Component.PROJECTOR:
        from ..models.projector import Resampler

        return Resampler(part, operations=operations, device="meta")
    if component is Component.AUTOENCODER:
        from ..models.autoencoder.autoencoder import Autoencoder

        return Autoencoder(part, operations=operations, device="meta")
    from ..models.clip.encoders import ImageEncoder, TextEncoder

    if component is Component.TEXT_ENCODER:
        return TextEncoder(part, device="meta")
    return ImageEncoder(part, device="meta", text=_unused_text(config, checkpoint))


def load_component(
    module: nn.Module,
    checkpoint: Checkpoint,
    component: Component,
    *,
    dtype: torch.dtype | None = None,
    device: torch.device | str = "cpu",
) -> None:
    """Give ``module`` the component's tensors, by assignment; it may be on the meta device.

    ``CheckpointError`` names what is missing, left over or of the wrong shape; then ``module`` is
    as before. SPEC section 0.
    """
    check_component(module, checkpoint, component)
    names = select(checkpoint.info, component)
    device = torch.device(device)
    tensors = {own: checkpoint[key].to(device, dtype) for own, key in names.items()}
    module.load_state_dict(tensors, strict=True, assign=True)
    arrange_weights(module)


def check_component(module: nn.Module, checkpoint: Checkpoint, component: Component) -> None:
    """Compare one network with its tensors; ``CheckpointError`` when they differ."""
    if mismatch := compare(module, checkpoint.shapes, component):
        title = COMPONENT_KEYS[component].title
        raise CheckpointError(
            f"{checkpoint.name} does not fit the {title}: {mismatch}. {where_to_get(component)}"
        )
    for own, key in select(checkpoint.info, component).items():
        if not checkpoint.info[key].dtype.is_floating_point:
            dtype = str(checkpoint.info[key].dtype).removeprefix("torch.")
            raise CheckpointError(
                f"{checkpoint.name} keeps '{own}' of the {COMPONENT_KEYS[component].title} as "
                f"{dtype}; weights are floating-point. {where_to_get(component)}"
            )


def compare(
    module: nn.Module, shapes: Mapping[str, tuple[int, ...]], component: Component
) -> Mismatch:
    """Compare a network's tensors with a checkpoint's, names and shapes; falsy when they agree."""
    needed = {key: tuple(value.shape) for key, value in module.state_dict().items()}
    found = {own: shapes[key] for own, key in select(shapes, component).items()}
    return Mismatch(
        missing=tuple(key for key in needed if key not in found),
        left_over=tuple(key for key in found if key not in needed),
        wrong_shape=tuple(
            f"{key} (found {found[key]}, needed {shape})"
            for key, shape in needed.items()
            if key in found and found[key] != shape and not _is_scalar(found[key], shape)
        ),
        num_needed=len(needed),
    )


def _is_scalar(found: tuple[int, ...], needed: tuple[int, ...]) -> bool:
    """Whether a list of one number is found where a number is needed; torch loads it as such."""
    return needed == () and found == (1,)


def _unused_text(config: ModelConfig, checkpoint: Checkpoint | None) -> TextEncoderConfig | None:
    """Sizes of the text tensors that the image encoder's part of a checkpoint holds."""
    prefix = COMPONENT_KEYS[Component.IMAGE_ENCODER].prefix
    shapes: Mapping[str, tuple[int, ...]] = checkpoint.shapes if checkpoint else {}
    names = ("token_embedding.weight", "positional_embedding", "text_projection")
    found = [shapes.get(prefix + name, ()) for name in names]
    if any(len(shape) != 2 for shape in found):
        return config.text_encoder
    (vocab_size, width), (context_length, _), (_, embed_dim) = found
    return TextEncoderConfig(
        width=width, heads=1, layers=1,
        context_length=context_length, vocab_size=vocab_size, embed_dim=embed_dim,
    )  # fmt: skip


def _first(keys: tuple[str, ...], number: int = 3) -> str:
    return ", ".join(keys[:number]) + (", ..." if len(keys) > number else "")
