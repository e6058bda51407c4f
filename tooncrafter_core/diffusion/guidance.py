"""Classifier-free guidance on v-predictions (SPEC section 9, steps 1 and 2)."""

import torch
from torch import Tensor


def is_in_interval(timestep: int, num_timesteps: int, start: float, end: float) -> bool:
    """Whether a timestep lies in a part of the sampling, which goes from 0 to 1.

    For guidance in an interval only (Kynkäänniemi et al., arXiv 2404.07724).
    """
    return start <= 1 - (timestep + 1) / num_timesteps <= end


def guide(conditional: Tensor, unconditional: Tensor, scale: float) -> Tensor:
    """Push the prediction away from the unconditional one."""
    return unconditional + scale * (conditional - unconditional)


def guide_text_and_image(
    conditional: Tensor,
    unconditional: Tensor,
    image_only: Tensor,
    scale: float,
    image_scale: float | None = None,
) -> Tensor:
    """Guide by the image and by the text with a scale of their own each.

    ``image_only`` is predicted with the image tokens and the unconditional text. An
    ``image_scale`` of None takes ``scale``.
    """
    image_scale = scale if image_scale is None else image_scale
    by_image = unconditional + image_scale * (image_only - unconditional)
    return by_image + scale * (conditional - image_only)


def rescale_guidance(guided: Tensor, conditional: Tensor, amount: float) -> Tensor:
    """Bring the guided prediction's spread back towards the conditional one's.

    Guidance raises the contrast. ``amount`` 0 leaves the prediction as it is, 1 gives it the
    standard deviation of ``conditional``, taken over everything but the batch. A prediction of one
    value everywhere, as an untrained network's, stays finite.
    """
    if amount == 0:
        return guided
    dims = tuple(range(1, guided.ndim))
    spread = guided.std(dims, keepdim=True).clamp_min(torch.finfo(guided.dtype).tiny)
    ratio = conditional.std(dims, keepdim=True) / spread
    return guided * (amount * ratio + (1 - amount))


def guided_prediction(
    conditional: Tensor, unconditional: Tensor | None, scale: float, rescale: float
) -> Tensor:
    """The prediction a sampler works with; without guidance there is no rescale either."""
    if unconditional is None or scale == 1.0:
        return conditional
    return rescale_guidance(guide(conditional, unconditional, scale), conditional, rescale)
