"""The denoiser with its conditions and guidance bound, as a sampler calls it (SPEC section 9).

Legend: b batch, n conditions, t frames, c channels, h w latent cells.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import torch
from einops import repeat
from torch import Tensor, nn

from ..conditioning.condition import Condition
from ..diffusion.guidance import guide_text_and_image, guided_prediction, rescale_guidance

if TYPE_CHECKING:  # it reads checkpoints, which takes more packages than guidance itself
    from ..sketches.guidance import SketchGuidance


@dataclass(frozen=True, kw_only=True)
class Guidance:
    """Which predictions are compared, how strongly, and when."""

    scale: float
    """How strongly to follow the conditional prediction. 1, with no other ``image_scale``, leaves
    guidance out, its rescale and its predictions included."""
    image_scale: float | None = None
    """A scale of its own for the image tokens, by a third prediction, which has them and the
    unconditional text."""
    rescale: float = 0.0
    """How much of the contrast that guidance adds is taken back, 0 to 1."""
    batched: bool = False
    """Whether to compute all predictions in one call, which needs as much more memory."""
    is_guided_at: Callable[[int], bool] | None = None
    """Says at which timesteps there is guidance, None at all; elsewhere only the conditional
    prediction is made."""


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
        guidance: Guidance,
        sketches: "SketchGuidance | None" = None,
    ) -> None:
        """Bind what stays the same over the steps.

        ``unconditional`` None leaves guidance out. ``sketches`` guide every prediction, each with
        its own text. The weights must stay the same: what the denoiser reads of the text and image
        tokens is computed at the first step and kept.
        """
        self._denoiser, self._guidance, self._sketches = denoiser, guidance, sketches
        conditions = [conditional]
        is_guided = guidance.scale != 1.0 or guidance.image_scale not in (None, 1.0)
        if unconditional is not None and is_guided:
            conditions.append(unconditional)
            if guidance.image_scale is not None:
                conditions.append(replace(unconditional, image_tokens=conditional.image_tokens))
        self._num_conditions = len(conditions)
        can_join = len({condition.text.shape for condition in conditions}) == 1
        self._calls = [_join(conditions)] if guidance.batched and can_join else list(conditions)
        self._guided_calls = range(len(self._calls))
        self._alone = 0
        if guidance.is_guided_at is not None and len(self._calls) < self._num_conditions:
            self._alone = len(self._calls)
            self._calls.append(conditional)
        self._tokens: dict[int, tuple[object, ...]] = {}

    def __call__(self, z: Tensor, timestep: int) -> Tensor:
        """The guided v of latents ``b 4 t h w`` at ``timestep``, in their precision."""
        guidance = self._guidance
        if guidance.is_guided_at is not None and not guidance.is_guided_at(timestep):
            return self._predict(z, timestep, self._alone)
        predictions = torch.cat([self._predict(z, timestep, call) for call in self._guided_calls])
        conditional, *others = predictions.chunk(self._num_conditions)
        if len(others) == 2:
            unconditional, image_only = others
            guided = guide_text_and_image(
                conditional, unconditional, image_only, guidance.scale, guidance.image_scale
            )
            return rescale_guidance(guided, conditional, guidance.rescale)
        unconditional = others[0] if others else None
        return guided_prediction(conditional, unconditional, guidance.scale, guidance.rescale)

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

    def _context(self, call: int) -> tuple[object, ...]:
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
