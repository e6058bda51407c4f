"""Parts of the dual-reference decoder that can be left out: what Table 4 of the paper compares.

A part that is left out takes no part in decoding, whatever its weights are.
"""

import re
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor

from .autoencoder import Autoencoder

HAR, P3D, WARP = PARTS = ("har", "p3d", "warp")
"""What reads the references (hybrid attention-residual), what joins frames (pseudo-3D
convolutions), and what moves the references' pixels, which small decoders alone have and which
reads the references, too."""

OF_PARTS = {
    HAR: re.compile(r"^decoder\.attn_refinement\."),
    P3D: re.compile(r"^decoder\..*\b(time_stack|mix_factor|time_mix_conv)\b"),
    WARP: re.compile(r"^decoder\.warp\."),
}
"""The autoencoder's own keys of each part."""


@contextmanager
def only_parts(autoencoder: Autoencoder, parts: Collection[str]) -> Iterator[None]:
    """Leave out the parts of ``PARTS`` that are not named, for the length of the block."""
    with ExitStack() as stack:
        if HAR not in parts:
            stack.enter_context(without_references(autoencoder))
        if P3D not in parts:
            stack.enter_context(without_mixing_over_time(autoencoder))
        if WARP not in parts:
            stack.enter_context(without_warp(autoencoder))
        yield


@contextmanager
def without_references(autoencoder: Autoencoder) -> Iterator[None]:
    """Let the decoder see no references meanwhile: the paper's 'without HAR'."""
    decode = autoencoder.decode
    autoencoder.decode = lambda z, references=None, chunk=4, listener=None: decode(z, None, chunk)
    try:
        yield
    finally:
        del autoencoder.decode


@contextmanager
def without_mixing_over_time(autoencoder: Autoencoder) -> Iterator[None]:
    """Let every frame be decoded alone meanwhile: the paper's 'without P3D'.

    The share of what was mixed over time becomes 0 in every block, and the last temporal
    convolution lets its input through.
    """
    changed: list[tuple[Tensor, Tensor]] = [
        (weight, torch.full_like(weight, -torch.inf))
        for name, weight in autoencoder.decoder.named_parameters()
        if name.endswith("mix_factor")
    ]
    convolution = autoencoder.decoder.time_mix
    kernel = torch.zeros_like(convolution.weight)
    kernel[:, :, kernel.shape[2] // 2, 0, 0] = torch.eye(kernel.shape[0])
    changed.append((convolution.weight, kernel))
    if convolution.bias is not None:
        changed.append((convolution.bias, torch.zeros_like(convolution.bias)))
    # The weights may lie in a file that must not be written to, so they are exchanged.
    kept = [weight.data for weight, _ in changed]
    try:
        for weight, value in changed:
            weight.data = value
        yield
    finally:
        for (weight, _), value in zip(changed, kept, strict=True):
            weight.data = value


@contextmanager
def without_warp(autoencoder: Autoencoder) -> Iterator[None]:
    """Let the decoder draw every pixel itself meanwhile, as the published one does."""
    decoder = autoencoder.decoder
    kept, decoder.is_warping = decoder.is_warping, False
    try:
        yield
    finally:
        decoder.is_warping = kept
