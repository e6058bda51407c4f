"""The critic of the decoder stage: a discriminator of true and decoded patches.

PatchGAN of Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks" (CVPR
2017), with the hinge loss of Lim and Ye, "Geometric GAN" (2017).

Legend: n pictures, c channels, h w space; pictures in [-1, 1].
"""

import torch
from torch import Tensor, distributed, nn
from torch.nn import functional as F

from ...models.initialization import draw_normal

FIRST_STD = 0.02
"""Standard deviation of the initial weights, as in the PatchGAN paper."""

HIGHEST_WEIGHT = 1e4
"""Largest weight of the critic, reached where its gradient is nearly zero."""


class PatchDiscriminator(nn.Module):
    """Scores every patch of a picture: positive means true; 70 pixels a patch with three layers.

    Norms are computed for each picture alone: with batch statistics a picture's score would depend
    on the other pictures and on their division among processes. The paper's networks had batches
    of one picture, where both are the same.
    """

    def __init__(self, channels: int = 64, layers: int = 3) -> None:
        """``channels`` of the first layer; ``layers`` halve the size, two more follow."""
        super().__init__()
        widths = [channels * min(2**index, 8) for index in range(layers + 1)]
        body: list[nn.Module] = [nn.Conv2d(3, widths[0], 4, stride=2, padding=1)]
        for index in range(1, layers + 1):
            stride = 2 if index < layers else 1
            body += [
                nn.LeakyReLU(0.2),
                nn.Conv2d(widths[index - 1], widths[index], 4, stride, padding=1, bias=False),
                nn.GroupNorm(widths[index], widths[index]),
            ]
        body += [nn.LeakyReLU(0.2), nn.Conv2d(widths[-1], 1, 4, padding=1)]
        self.body = nn.Sequential(*body)

    @torch.no_grad()
    def init_weights(self, generator: torch.Generator) -> None:
        """Fill the network; CPU ``generator``."""
        for layer in self.body:
            if isinstance(layer, nn.Conv2d):
                draw_normal(layer.weight, FIRST_STD, generator)
                if layer.bias is not None:
                    layer.bias.zero_()

    def forward(self, pictures: Tensor) -> Tensor:
        """``n 3 h w`` to scores ``n 1 h/8 w/8``, about; sides of 32 or more."""
        return self.body(pictures)


def critic_loss(of_true: Tensor, of_decoded: Tensor) -> Tensor:
    """The hinge loss of the critic: scores on the wrong side of 1 and -1."""
    return 0.5 * (F.relu(1 - of_true).mean() + F.relu(1 + of_decoded).mean())


def generator_loss(of_decoded: Tensor) -> Tensor:
    """The loss of the decoder: low for pictures that the critic scores as true."""
    return -of_decoded.mean()


def adaptive_weight(reconstruction: Tensor, judged: Tensor, last: Tensor) -> Tensor:
    """Ratio of the reconstruction's gradient to the critic's at the weights of the last layer.

    Gradients are averaged over the processes. A batch in parts has a ratio for each part, so
    another ``machine.micro_batch`` gives another weight.
    """
    lengths = []
    for loss in (reconstruction, judged):
        (gradient,) = torch.autograd.grad(loss, last, retain_graph=True)
        if distributed.is_initialized():
            distributed.all_reduce(gradient)
            gradient = gradient / distributed.get_world_size()
        lengths.append(gradient.norm())
    return (lengths[0] / (lengths[1] + 1e-4)).clamp(max=HIGHEST_WEIGHT).detach()
