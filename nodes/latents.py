"""The LATENT of a clip, before it is sampled and after."""

import torch
from torch import Tensor

from ..tooncrafter_core.errors import KeyframeError, ModelMismatchError
from .bridge.clips.request import (
    REQUEST,
    ClipIndex,
    ClipRequest,
    Latent,
    request_of,
    single_request,
)
from .sockets import Conditioning


def make_clip(keyframes: Tensor, request: ClipRequest) -> Latent:
    """An empty clip to sample, as large as the keyframes' latents b 4 2 h w."""
    batch, channels, _, rows, columns = keyframes.shape
    return {
        "samples": torch.zeros(batch, channels, request.frames, rows, columns),
        "batch_index": [ClipIndex(place, request) for place in range(batch)],
        REQUEST: request,
    }


def keyframes_request(conditioning: Conditioning) -> ClipRequest:
    """What 'ToonCrafter Keyframes' was asked for, from a CONDITIONING.

    Raises:
        KeyframeError: it has no keyframes yet.
    """
    for _, carried in conditioning:
        if (request := request_of(carried)) is not None:
            return request
    raise KeyframeError(
        "This conditioning has no keyframes yet. Put 'ToonCrafter Keyframes' before "
        "'ToonCrafter Sketch Guidance'."
    )


def check_clip(samples: Tensor, channels: int) -> Tensor:
    """Refuse latents of another model, and a clip that was never sampled, before they are decoded.

    Raises:
        ModelMismatchError: what the LATENT holds is no clip that can be decoded.
    """
    if samples.ndim != 5 or samples.shape[1] != channels or samples.shape[2] < 2:
        raise ModelMismatchError(
            f"This LATENT has the shape {tuple(samples.shape)}; ToonCrafter's is a clip (batch, "
            f"{channels}, 2 or more frames, height, width). Connect the LATENT of the sampler "
            "after 'ToonCrafter Keyframes'."
        )
    if not bool(samples.any()):
        raise ModelMismatchError(
            "This LATENT is the empty clip of 'ToonCrafter Keyframes': nothing was sampled into "
            "it. Connect the LATENT of the sampler here, and take the sampler out of bypass."
        )
    if not bool(samples.isfinite().all()):
        raise ModelMismatchError(
            "This LATENT holds values that are not numbers (NaN or infinity): the sampling failed. "
            "Take other nodes off the MODEL, or choose another weight_dtype in 'Load ToonCrafter'."
        )
    return samples


def check_parts(positive: Conditioning, negative: Conditioning, latent: Latent) -> None:
    """Refuse, before the first step, prompts and a LATENT of different 'ToonCrafter Keyframes'.

    Raises:
        ModelMismatchError: they ask for clips between different drawings.
    """
    clip = single_request(latent)
    found = {"latent": [clip] if clip is not None else []}
    for name, side in (("positive", positive), ("negative", negative)):
        requests = (request_of(carried) for _, carried in side)
        # A side without keyframes has an error of its own, for every sampler.
        found[name] = [request for request in requests if request is not None]
    first = next((request for requests in found.values() for request in requests), None)
    wrong = [
        name
        for name, requests in found.items()
        if first is not None and not all(first.is_same_clip(one) for one in requests)
    ]
    if wrong:
        raise ModelMismatchError(
            "positive, negative and latent of the sampler come from different 'ToonCrafter "
            f"Keyframes', with other drawings, another size or another VAE ({', '.join(wrong)} "
            "differ). Connect all three of the same node."
        )
