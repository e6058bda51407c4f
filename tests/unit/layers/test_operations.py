"""The plain layers compute what torch's do, in the forms the networks need."""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import nn

from support.networks import deviation, filled, normal
from tooncrafter_core.layers.operations import TORCH_OPERATIONS, Operations


def test_plain_operations_are_operations() -> None:
    assert isinstance(TORCH_OPERATIONS, Operations)


def test_temporal_convolution_is_a_conv3d() -> None:
    conv = filled(TORCH_OPERATIONS.TemporalConv3d(6, 4, (3, 1, 1), padding=(1, 0, 0)))
    plain = nn.Conv3d(6, 4, (3, 1, 1), padding=(1, 0, 0))
    plain.load_state_dict(conv.state_dict())
    plain.requires_grad_(False)
    x = normal(2, 6, 5, 3, 4)
    assert deviation(conv(x), plain(x)) < 1e-5


def test_normalising_by_given_statistics_is_a_group_norm_of_the_clip() -> None:
    norm = filled(TORCH_OPERATIONS.ClipGroupNorm(2, 6, eps=1e-5))
    frames = normal(5, 6, 3, 4) * 3 + 1
    groups = rearrange(frames, "t (g c) h w -> g (t c h w)", g=2)
    normed = norm.normalize(frames[1:3], groups.mean(1), groups.var(1, correction=0))
    clip = F.group_norm(rearrange(frames, "t c h w -> 1 c t h w"), 2, norm.weight, norm.bias, 1e-5)
    expected = rearrange(clip, "1 c t h w -> t c h w")[1:3]
    assert deviation(normed, expected) < 1e-5


def test_statistics_get_gradients_when_training() -> None:
    norm = filled(TORCH_OPERATIONS.ClipGroupNorm(2, 6, eps=1e-5))
    frames = normal(5, 6, 3, 4)
    expected = F.group_norm(
        rearrange(frames, "t c h w -> 1 c t h w"), 2, norm.weight, norm.bias, 1e-5
    )
    given = frames.clone().requires_grad_()
    groups = rearrange(given, "t (g c) h w -> g (t c h w)", g=2)
    normed = norm.normalize(given, groups.mean(1), groups.var(1, correction=0))
    assert deviation(normed.detach(), rearrange(expected, "1 c t h w -> t c h w")) < 1e-5
    # A shift of the whole clip changes nothing, so the gradients of a channel group add to zero.
    (gradient,) = torch.autograd.grad((normed**3).sum(), given)
    sums = rearrange(gradient, "t (g c) h w -> g (t c h w)", g=2).sum(1)
    assert sums.abs().max() < 1e-3 * gradient.abs().max()


def test_attention_is_the_softmax_of_scaled_products() -> None:
    q, k, v = normal(2, 5, 8, seed=1), normal(2, 7, 8, seed=2), normal(2, 7, 8, seed=3)
    heads = [rearrange(x, "b n (h d) -> b h n d", h=2) for x in (q, k, v)]
    weights = (heads[0] @ heads[1].mT / 4**0.5).softmax(-1)
    expected = rearrange(weights @ heads[2], "b h n d -> b n (h d)")
    assert deviation(TORCH_OPERATIONS.attention(q, k, v, 2), expected) < 1e-5
    assert torch.equal(q, normal(2, 5, 8, seed=1))
