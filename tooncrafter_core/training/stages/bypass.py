"""Context managers that change how networks run: layers left out, activations not kept."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ...models.autoencoder.layers import TemporalStack, VideoResBlock
from ...models.residual import ResBlock, TemporalConvStack
from ...models.transformers import SpatialTransformer, TemporalTransformer

Forward = Callable[..., Any]

BLOCKS = (ResBlock, SpatialTransformer, TemporalTransformer, VideoResBlock, TemporalStack)
"""Layers between which activations are kept."""


@contextmanager
def without_temporal_layers(network: nn.Module) -> Iterator[None]:
    """Let every temporal layer of a denoiser return what it was given (Table 3, variant III)."""

    def skip(_: Forward) -> Forward:
        def forward(x: Tensor, *_: Any, **__: Any) -> Tensor:
            return x

        return forward

    with _replaced(network, (TemporalTransformer, TemporalConvStack), skip):
        yield


@contextmanager
def checkpointed_activations(network: nn.Module) -> Iterator[None]:
    """Keep only the inputs of each block, and compute the rest again in the backward pass.

    Only the forward pass has to be inside. Gradients stay the same.
    """

    def keep_inputs(forward: Forward) -> Forward:
        def checkpointed(*args: Any, **kwargs: Any) -> Any:
            return checkpoint(forward, *args, use_reentrant=False, **kwargs)

        return checkpointed

    with _replaced(network, BLOCKS, keep_inputs):
        yield


@contextmanager
def _replaced(
    network: nn.Module, kinds: tuple[type[nn.Module], ...], change: Callable[[Forward], Forward]
) -> Iterator[None]:
    """Give every layer of some classes another ``forward`` while the context is open."""
    layers = [layer for layer in network.modules() if isinstance(layer, kinds)]
    before = [vars(layer).get("forward") for layer in layers]
    for layer in layers:
        layer.forward = change(layer.forward)
    try:
        yield
    finally:
        for layer, forward in zip(layers, before, strict=True):
            if forward is None:
                del layer.forward
            else:
                layer.forward = forward
