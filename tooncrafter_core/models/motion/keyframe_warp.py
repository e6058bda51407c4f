"""The small denoiser's way to move the keyframes' latents instead of drawing new ones.

Legend: b batch, t frames, c channels, h w space, k keyframes (2).
"""

from typing import TYPE_CHECKING, NamedTuple

import torch
from einops import rearrange, reduce
from torch import Tensor, nn

from ...layers.operations import Factory, Operations
from ..initialization import zero
from .keyframe_matching import KeyframeMatching, Matches
from .sketched_frames import follow_sketches
from .values import KeyframeLatents
from .warping import warp

if TYPE_CHECKING:
    from typing_extensions import Unpack

CELLS_PER_UNIT = 4.0
"""Of the predicted flow: what moves, moves some cells, and layers learn numbers near one."""


class Moved(NamedTuple):
    """What is known of the keyframes' motion in a clip before the network has looked."""

    warp: "KeyframeWarp"
    x: Tensor
    """The network's input, b (4 c) t h w."""
    keyframes: KeyframeLatents
    matches: Matches
    features: Tensor
    """(b t) c h w, for the network's first features."""

    def shown(self, h: Tensor) -> Tensor:
        """The network's first features (b t) c h w with what was matched."""
        return h + self.features

    def corrected(
        self, v: Tensor, features: Tensor, embedding: Tensor, sketched: Tensor | None
    ) -> Tensor:
        """The prediction v, b c t h w, with what is moved; see ``KeyframeWarp.forward``."""
        return v + self.warp(features, embedding, self, sketched)


class Still(NamedTuple):
    """A clip in which the network draws everything, as the published one does."""

    def shown(self, h: Tensor) -> Tensor:
        """The network's first features as they are."""
        return h

    def corrected(
        self, v: Tensor, features: Tensor, embedding: Tensor, sketched: Tensor | None
    ) -> Tensor:
        """The prediction as it is."""
        del features, embedding, sketched
        return v


class StillKeyframes(nn.Module):
    """Stands where nothing is moved; without weights."""

    def init_weights(self, generator: torch.Generator) -> None:
        """Nothing to fill."""

    def look(self, x: Tensor) -> Still:
        """Nothing is matched."""
        del x
        return Still()


class KeyframeWarp(nn.Module):
    """Adds to v shares of the noisy latents, the keyframes' and the moved keyframes'.

    The keyframes are matched first; their flow is improved by the network and grows with the way in
    time, so that the ends are the keyframes themselves.
    """

    def __init__(
        self,
        channels: int,
        embed_dim: int,
        latents: int,
        operations: Operations,
        **factory: "Unpack[Factory]",
    ) -> None:
        """``channels`` of the features, ``embed_dim`` of the timestep, ``latents`` channels."""
        super().__init__()
        self.latents = latents
        self.matching = KeyframeMatching(latents, operations, **factory)
        self.tell = operations.Conv2d(latents + 3, channels, 3, padding=1, **factory)
        self.flow = operations.Conv2d(channels, 6, 3, padding=1, **factory)
        # Noisy latents, the three kinds of ``keyframes_everywhere``, the moved, the matched.
        shares = operations.Linear(embed_dim, 6 * latents, **factory)
        self.shares = nn.Sequential(nn.SiLU(), shares)

    def init_weights(self, generator: torch.Generator) -> None:
        """Let it add nothing; CPU ``generator``."""
        zero(self.tell, self.flow, self.shares[-1])
        self.matching.init_weights(generator)

    def look(self, x: Tensor) -> Moved:
        """Match the keyframes in the network's input ``b (4 c) t h w``."""
        keyframes = KeyframeLatents.read(x, self.latents)
        matches = self.matching(*keyframes, x.shape[2])
        maps = [matches.latents, matches.way / CELLS_PER_UNIT, matches.certainty]
        maps = rearrange(torch.cat(maps, dim=1), "b c t h w -> (b t) c h w")
        return Moved(self, x, keyframes, matches, self.tell(maps.to(x)))

    def forward(
        self,
        features: Tensor,
        embedding: Tensor,
        moved: Moved,
        sketched: Tensor | None = None,
    ) -> Tensor:
        """What is added to v, ``b c t h w``.

        ``features`` are ``(b t) c h w``, ``embedding`` that of the timestep ``b c``, ``moved`` what
        ``look`` gave. ``sketched`` is what sketches show of the keyframes; see ``Residuals``.
        """
        x, c = moved.x, self.latents
        num_frames = x.shape[2]
        maps = rearrange(self.flow(features).float(), "(b t) c h w -> b t c h w", t=num_frames)
        flow = CELLS_PER_UNIT * rearrange(maps[:, :, :4], "b t (k n) h w -> b t k n h w", k=2)
        way = rearrange(moved.matches.way, "b n t h w -> b t n h w")
        time = torch.linspace(0, 1, num_frames, device=x.device)
        ways = rearrange(torch.stack([time, 1 - time]), "k t -> t k 1 1 1")
        flow = ways * (flow + torch.stack([-way, way], dim=2))
        keyframes = rearrange(x[:, 2 * c :], "b (k c) t h w -> (b t k) c h w", c=c)
        fetched = warp(keyframes, rearrange(flow, "b t k n h w -> (b t k) n h w"))
        fetched = rearrange(fetched, "(b t k) c h w -> b t k c h w", t=num_frames, k=2)
        # Of two keyframes equally fit, the nearer counts for more, and at the ends alone.
        nearness = (1 - ways[..., 0]).clamp(min=1e-6).log()
        weights = (maps[:, :, 4:] + nearness).softmax(2)
        mixed = reduce(weights.unsqueeze(3) * fetched, "b t k c h w -> b c t h w", "sum")
        matched = moved.matches.latents
        if sketched is not None:
            mixed, matched = follow_sketches(
                self.matching, moved.keyframes, sketched, mixed, matched
            )
        shares = rearrange(self.shares(embedding), "b c -> b c 1 1 1")
        seen = torch.cat([x, mixed.to(x), matched.to(x)], dim=1)
        return reduce(shares * seen, "b (n c) t h w -> b c t h w", "sum", c=c)
