"""What a v-prediction says about the noise and the clean latents (SPEC section 9, step 3).

``z`` is a noisy latent, ``v`` the network's output, ``alpha`` the schedule's cumulative product.
"""

from torch import Tensor

Number = float | Tensor


def predicted_noise(z: Tensor, v: Tensor, alpha: Number) -> Tensor:
    """The noise in ``z``."""
    return alpha**0.5 * v + (1 - alpha) ** 0.5 * z


def predicted_clean(z: Tensor, v: Tensor, alpha: Number) -> Tensor:
    """The clean latents in ``z``, times the dynamic rescale of its timestep."""
    return alpha**0.5 * z - (1 - alpha) ** 0.5 * v


def v_from_clean(z: Tensor, clean: Tensor, alpha: Number) -> Tensor:
    """The inverse of ``predicted_clean``; alpha must be below 1."""
    return (alpha**0.5 * z - clean) / (1 - alpha) ** 0.5


def v_target(clean: Tensor, noise: Tensor, alpha: Number) -> Tensor:
    """What the network is trained to predict; ``clean`` already times the dynamic rescale."""
    return alpha**0.5 * noise - (1 - alpha) ** 0.5 * clean


def noisy_latents(clean: Tensor, noise: Tensor, alpha: Number) -> Tensor:
    """The noisy latent that training shows; ``clean`` already times the dynamic rescale."""
    return alpha**0.5 * clean + (1 - alpha) ** 0.5 * noise
