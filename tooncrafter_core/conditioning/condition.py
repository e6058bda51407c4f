"""The condition of a clip: what the denoiser reads in every step of the sampling."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Condition:
    """What the denoiser is conditioned on besides the noisy latents and the timestep.

    ``b`` batch, ``t`` frames, ``l`` tokens, ``c`` channels, ``h w`` latent cells (SPEC section 7).
    """

    text: Tensor
    """``b l c``: the prompt's tokens, the same for every frame."""
    image_tokens: Tensor
    """``b t l c``: the first keyframe's tokens, each frame its own; or ``b l c``: shared by all."""
    keyframe_latents: Tensor
    """``b 4 t h w``: latents of the two keyframes at the two ends, zeros between them."""
    motion_fps: Tensor
    """``b``, float32: lower values mean larger motion between frames."""

    @property
    def num_frames(self) -> int:
        """Frames of the clip that is asked for."""
        return self.keyframe_latents.shape[2]

    def to(
        self,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> "Condition":
        """The same condition elsewhere or in another precision; the motion fps stay float32."""
        return replace(
            self,
            text=self.text.to(device=device, dtype=dtype),
            image_tokens=self.image_tokens.to(device=device, dtype=dtype),
            keyframe_latents=self.keyframe_latents.to(device=device, dtype=dtype),
            motion_fps=self.motion_fps.to(device=device),
        )
