"""The denoiser with its conditions and guidance bound, as a sampler calls it (SPEC section 9).

Legend: b batch, n conditions, t frames, c channels, h w latent cells.
"""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import torch
from einops import repeat
from torch import Tensor, nn

from ..conditioning.condition import Condition
from ..diffusion.guidance import guide_text_and_image, guided_prediction, rescale_guidance

if TYPE_CHECKING:  # it reads checkpoints, which takes more packages than guidance itself
    from ..sketches.guidance import SketchGuidance


class GuidedDenoiser:
    """Predicts the guided v of noisy latents at a timestep.

    Works in the precision of the conditions; what guidance does with the predictions is done in
    that of the latents.
    """

    def __init__(
        self,
        denoiser: nn.Module,
        conditional: Condition,
        unconditional: Condition | None,
        *,
        scale: float,
        image_scale: float | None = None,
        rescale: float = 0.0,
        batched: bool = False,
        sketches: "SketchGuidance | None" = None,
        is_guided_at: Callable[[int], bool] | None = None,
    ) -> None:
        """Bind what stays the same over the steps.

        ``unconditional`` None or a ``scale`` of 1 (with no other ``image_scale``) leaves guidance
        out, its rescale and its predictions included. ``image_scale`` adds a third prediction,
        with the image tokens and the unconditional text. ``batched`` computes all in one call,
        which needs as much more memory. ``sketches`` guide every prediction, each with its own
        text. ``is_guided_at`` says at which timesteps there is guidance, None at all; elsewhere
        only the conditional prediction is made. The weights must stay the same: what the denoiser
        reads of the text and image tokens is computed at the first step and kept.
        """
        self._denoiser, self._sketches = denoiser, sketches
        self._scale, self._image_scale, self._rescale = scale, image_scale, rescale
        conditions = [conditional]
        is_guided = scale != 1.0 or image_scale not in (None, 1.0)
        if unconditional is not None and is_guided:
            conditions.append(unconditional)
            if image_scale is not None:
                conditions.append(replace(unconditional, image_tokens=conditional.image_tokens))
        self._num_conditions = len(conditions)
        can_join = len({condition.text.shape for condition in conditions}) == 1
        self._calls = [_join(conditions)] if batched and can_join else list(conditions)
        self._guided_calls = range(len(self._calls))
        self._is_guided_at, self._alone = is_guided_at, 0
        if is_guided_at is not None and len(self._calls) < self._num_conditions:
            self._alone = len(self._calls)
            self._calls.append(conditional)
        self._tokens: dict[int, tuple[Any, ...]] = {}

    def __call__(self, z: Tensor, timestep: int) -> Tensor:
        """The guided v of latents ``b 4 t h w`` at ``timestep``, in their precision."""
        if self._is_guided_at is not None and not self._is_guided_at(timestep):
            return self._predict(z, timestep, self._alone)
        predictions = torch.cat([self._predict(z, timestep, call) for call in self._guided_calls])
        conditional, *others = predictions.chunk(self._num_conditions)
        if len(others) == 2:
            unconditional, image_only = others
            guided = guide_text_and_image(
                conditional, unconditional, image_only, self._scale, self._image_scale
            )
            return rescale_guidance(guided, conditional, self._rescale)
        unconditional = others[0] if others else None
        return guided_prediction(conditional, unconditional, self._scale, self._rescale)

    def _predict(self, z: Tensor, timestep: int, call: int) -> Tensor:
        """Predict v for one condition, or for several that were joined to a longer batch."""
        condition = self._calls[call]
        keyframes = condition.keyframe_latents
        noisy = repeat(z.to(keyframes), "b ... -> (n b) ...", n=len(keyframes) // len(z))
        guided = {}
        if self._sketches is not None:
            inputs = (condition.text, condition.image_tokens, keyframes)
            guided["control"] = self._sketches.residuals(noisy, timestep, *inputs)
        v = self._denoiser(
            torch.cat([noisy, keyframes], dim=1),
            torch.full((len(keyframes),), timestep, device=keyframes.device),
            *self._context(call),
            condition.motion_fps,
            **guided,
        )
        return v.to(z)

    def _context(self, call: int) -> tuple[Any, ...]:
        """Text and image tokens of a call, as the denoiser takes them."""
        if call not in self._tokens:
            tokens = self._calls[call].text, self._calls[call].image_tokens
            prepare = getattr(self._denoiser, "prepare_context", None)
            self._tokens[call] = tokens if prepare is None else (prepare(*tokens), None)
        return self._tokens[call]


def _join(conditions: list[Condition]) -> Condition:
    """One condition whose batch is that of all, one after the other."""
    return Condition(
        **{
            field.name: torch.cat([getattr(condition, field.name) for condition in conditions])
            for field in fields(Condition)
        }
    )
