"""The image encoder, whose features the decoder reads as references (SPEC section 6.1).

Legend: n images, c channels, h w space.
"""

from typing import TYPE_CHECKING, cast

from torch import Tensor, nn
from torch.nn import functional as F

from ...config.model import AutoencoderConfig
from ...layers.operations import Factory, Operations
from ..motion.port import hands_out_pictures
from .layers import Middle, ResnetBlock

if TYPE_CHECKING:
    from typing_extensions import Unpack


class EncoderDownsample(nn.Module):
    """Halve height and width; pads right and bottom only, as the weights were trained."""

    def __init__(self, channels: int, operations: Operations, **factory: "Unpack[Factory]") -> None:
        super().__init__()
        self.conv = operations.Conv2d(channels, channels, 3, stride=2, **factory)

    def forward(self, x: Tensor) -> Tensor:
        """Map n c h w to n c h/2 w/2."""
        return self.conv(F.pad(x, (0, 1, 0, 1)))


class EncoderLevel(nn.Module):
    """The blocks of one resolution, and the way to the next."""

    def __init__(self, blocks: list[ResnetBlock], downsample: EncoderDownsample | None) -> None:
        super().__init__()
        self.block = nn.ModuleList(blocks)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        """Transform n c h w, without the downsampling."""
        for block in self.block:
            x = block(x)
        return x


class Encoder(nn.Module):
    """Encodes images to the moments of latents, and hands out features of five depths."""

    def __init__(
        self, config: AutoencoderConfig, operations: Operations, **factory: "Unpack[Factory]"
    ) -> None:
        super().__init__()
        groups, base = config.norm_groups, config.channels
        self.operations = operations
        self.hands_out_images = hands_out_pictures(config)
        self.conv_in = operations.Conv2d(config.in_channels, base, 3, padding=1, **factory)
        stages = []
        channels = base
        for level, mult in enumerate(config.channel_mult):
            blocks = []
            for _ in range(config.num_res_blocks):
                blocks.append(ResnetBlock(channels, base * mult, groups, operations, **factory))
                channels = base * mult
            is_last = level == len(config.channel_mult) - 1
            downsample = None if is_last else EncoderDownsample(channels, operations, **factory)
            stages.append(EncoderLevel(blocks, downsample))
        self.down = nn.ModuleList(stages)
        self.mid = Middle(ResnetBlock, channels, groups, operations, **factory)
        self.norm_out = operations.ActivatedGroupNorm(groups, channels, eps=1e-6, **factory)
        self.conv_out = operations.Conv2d(channels, config.z_channels * 2, 3, padding=1, **factory)

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Encode n 3 h w in [-1, 1].

        Returns:
            The moments n 8 h/8 w/8, and the features: one per level before its downsampling, then
            those of the first convolution, then, for a decoder that moves them, the images.
        """
        first = h = self.conv_in(self.operations.arrange(x))
        features = []
        for stage in cast(list[EncoderLevel], self.down):
            h = stage(h)
            features.append(h)
            if stage.downsample is not None:
                h = stage.downsample(h)
        h = self.mid.block_2(self.mid.attn_1(self.mid.block_1(h)))
        features += [first, x] if self.hands_out_images else [first]
        return self.conv_out(self.norm_out(h)), features
