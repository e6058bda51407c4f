"""Sampling by ComfyUI's SamplerCustom and our SAMPLER and SIGMAS, in the test process.

Imported only by tests in `tests/comfyui`.
"""

from typing import Any

import comfy.sample
from tooncrafter_pack.nodes.sampling import ToonCrafterDDIM, ToonCrafterSigmas
from torch import Tensor

from tooncrafter_core.diffusion.noise import NoiseStream

Ready = tuple[Any, Any, dict[str, Any]]
"""positive, negative and LATENT of 'ToonCrafter Keyframes'."""

LATENT_SCALE = 0.18215


def sample_by_parts(
    model: Any,
    ready: Ready,
    sigmas: Tensor,
    *,
    noise: Tensor | None = None,
    start: Tensor | None = None,
    cfg: float = 7.5,
    eta: float = 1.0,
    seed: int = 123,
    callback: Any = None,
    mask: Tensor | None = None,
) -> Tensor:
    """What SamplerCustom does with our SAMPLER."""
    positive, negative, latent = ready
    start = latent["samples"] if start is None else start
    noise = NoiseStream(seed, start.shape).start() if noise is None else noise
    return comfy.sample.sample_custom(
        model, noise, cfg, ToonCrafterDDIM.execute(eta).args[0], sigmas, positive, negative, start,
        noise_mask=mask, callback=callback, disable_pbar=True, seed=seed,
    )  # fmt: skip


def sigmas_of(model: Any, steps: int, spacing: str = "trailing") -> Tensor:
    """What 'ToonCrafter Sigmas' gives."""
    return ToonCrafterSigmas.execute(model, steps, spacing).args[0]
