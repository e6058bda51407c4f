"""What a sketch encoder does besides when it compares sketches with the keyframes.

Legend: b batch, t frames, n sketches, c channels, h w space.
"""

from typing import TYPE_CHECKING, NamedTuple

import torch
from einops import rearrange, repeat
from torch import Tensor, nn

from ...layers.operations import Factory, Operations
from .sketch_matching import SketchMatches, SketchMatching
from .values import KeyframeLatents

if TYPE_CHECKING:
    from typing_extensions import Unpack


class Compared(NamedTuple):
    """What a sketch encoder goes on with."""

    features: Tensor
    """(b t) c h w, for the first features of the encoder."""
    shown: Tensor | None = None
    """The same of what sketches show of the keyframes, if they were compared."""
    sketched: Tensor | None = None
    """See ``Residuals``."""


class PlainSketches:
    """Sketches are not compared with anything."""

    def layers(self) -> dict[str, nn.Module]:
        """No layers."""
        return {}

    def init_weights(self, generator: torch.Generator) -> None:
        """Nothing to fill."""

    def marked(self, features: Tensor, hints: Tensor) -> Tensor:
        """The features n c h w of hints n 1 H W as they are."""
        del hints
        return features

    def compare(self, features: Tensor, keyframe_latents: Tensor | None, x: Tensor) -> Compared:
        """The features as they are."""
        del keyframe_latents, x
        return Compared(features)

    def match(
        self, features: Tensor, keyframe_latents: Tensor | None, num_frames: int
    ) -> SketchMatches | None:
        """Nothing is matched."""
        del features, keyframe_latents, num_frames
        return None


class SketchMotion:
    """Finds what the sketches show of the keyframes.

    Its layers are the sketch encoder's own, by the names in its file.
    """

    def __init__(
        self, hint_channels: int, latents: int, operations: Operations, **factory: "Unpack[Factory]"
    ) -> None:
        """``hint_channels`` of the sketches' features, ``latents`` of the keyframes."""
        conv = operations.Conv2d
        self.latents = latents
        self.matching = SketchMatching(hint_channels, latents, operations, **factory)
        self.tell = conv(self.matching.num_maps, hint_channels, 3, padding=1, **factory)
        seen = hint_channels + self.matching.num_maps
        self.certainty = conv(seen, 1, 3, padding=1, **factory)

    def layers(self) -> dict[str, nn.Module]:
        """The layers by their names in the sketch encoder."""
        return {"matching": self.matching, "tell": self.tell, "certainty": self.certainty}

    def init_weights(self, generator: torch.Generator) -> None:
        """Let nearness alone decide at first; CPU ``generator``."""
        self.matching.init_weights(generator)

    def marked(self, features: Tensor, hints: Tensor) -> Tensor:
        """Features n c h w with a channel more: 1 for hints n 1 H W that show anything."""
        shows = (hints.amax((1, 2, 3), keepdim=True) > 0).to(features)
        return torch.cat([features, shows.expand_as(features[:, :1])], dim=1)

    def compare(self, features: Tensor, keyframe_latents: Tensor | None, x: Tensor) -> Compared:
        """Match marked features (b t) c h w of a clip with noisy latents ``x``, b c t h w."""
        matches = self.match(features, keyframe_latents, x.shape[2])
        maps = rearrange(matches.maps.to(x), "b c t h w -> (b t) c h w")
        features, shows = features[:, :-1], features[:, -1:]
        seen = torch.cat([features, maps], dim=1)
        certainty = shows * self.certainty(seen).sigmoid()
        latents = rearrange(matches.latents.to(x), "b c t h w -> (b t) c h w")
        sketched = torch.cat([certainty * latents, certainty], dim=1)
        return Compared(features, self.tell(maps), sketched)

    def match(
        self, features: Tensor, keyframe_latents: Tensor | None, num_frames: int
    ) -> SketchMatches:
        """What marked features, t c h w or (b t) c h w, show of the keyframes.

        ``keyframe_latents`` is what the denoiser reads after the noisy latents. ``ValueError`` when
        it is missing.
        """
        if keyframe_latents is None:
            raise ValueError(
                "This sketch encoder compares sketches with the keyframes: hand it the latents of "
                "both (keyframe_latents)."
            )
        batch = keyframe_latents.shape[0]
        if features.shape[0] == num_frames:
            features = repeat(features, "t c h w -> (b t) c h w", b=batch)
        hints = features[:, :-1].unflatten(0, (batch, num_frames))
        keyframes = KeyframeLatents.read(keyframe_latents, self.latents)
        return self.matching(hints, keyframes.first.to(hints), keyframes.last.to(hints))
