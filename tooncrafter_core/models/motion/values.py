"""What goes between the networks and the motion of keyframes, by names.

Legend: b batch, t frames, c channels, h w space.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, overload

from torch import Tensor


class KeyframeLatents(NamedTuple):
    """The latents of both keyframes, each b c h w."""

    first: Tensor
    last: Tensor

    @classmethod
    def read(cls, channels_of_condition: Tensor, channels: int) -> "KeyframeLatents":
        """Of b c t h w whose last channels are the keyframes', the same in every frame."""
        frame = channels_of_condition[:, :, 0]
        return cls(frame[:, -2 * channels : -channels], frame[:, -channels:])


@dataclass(frozen=True, eq=False)
class Residuals(Sequence[Tensor]):
    """What a sketch encoder adds to the denoiser, each (b t) c h w."""

    blocks: Sequence[Tensor]
    """For the skip connections in the order of the input blocks; the middle block's last."""
    sketched: Tensor | None = None
    """(b t) (c + 1) h w: latents that sketches show of the keyframes, times how sure they are, and
    how sure; from encoders that compare sketches with the keyframes."""

    def changed(self, change: Callable[[Tensor], Tensor]) -> "Residuals":
        """The same with every tensor changed."""
        sketched = None if self.sketched is None else change(self.sketched)
        return Residuals([change(block) for block in self.blocks], sketched)

    def __len__(self) -> int:
        """How many blocks get one."""
        return len(self.blocks)

    @overload
    def __getitem__(self, index: int) -> Tensor: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Tensor]: ...
    def __getitem__(self, index: int | slice) -> Tensor | Sequence[Tensor]:
        """A block's."""
        return self.blocks[index]

    def __iter__(self) -> Iterator[Tensor]:
        """Block by block."""
        return iter(self.blocks)


@dataclass(frozen=True, kw_only=True)
class WarpListener:
    """Hears what a decoder's warp does with each clip, in training.

    While it listens, each pixel chooses its picture alone; see ``picture_choice``. What has no list
    is not kept.
    """

    flows: list[Tensor] | None = None
    """What each level made of the flow, t 4 h w, in its cells."""
    drawn: list[Tensor] | None = None
    """What was drawn, t c h w."""
    chosen: list[tuple[Tensor, Tensor]] | None = None
    """The pictures t 5 c h w with their weights t 5 h w."""

    def hear_flow(self, flow: Tensor) -> None:
        """Keep a level's flow."""
        if self.flows is not None:
            self.flows.append(flow)

    def hear_drawn(self, drawn: Tensor) -> None:
        """Keep what was drawn."""
        if self.drawn is not None:
            self.drawn.append(drawn)

    def hear_choice(self, pictures: Tensor, weights: Tensor) -> None:
        """Keep the pictures and their weights."""
        if self.chosen is not None:
            self.chosen.append((pictures, weights))
