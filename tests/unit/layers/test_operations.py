"""The plain layers compute what torch's do, in the forms the networks need."""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import nn

from support.networks import deviation, filled, normal
from tooncrafter_core.layers.features import Biased
from tooncrafter_core.layers.kinds import KINDS
from tooncrafter_core.layers.operations import TORCH_OPERATIONS, Operations


def test_plain_operations_have_every_kind_of_layer() -> None:
    kinds = Operations.__annotations__
    assert set(kinds) == {"Linear", *KINDS}
    assert all(issubclass(getattr(TORCH_OPERATIONS, name), nn.Module) for name in kinds)


def test_a_shift_joins_the_bias_that_waits() -> None:
    values, bias, shift = normal(2, 3, 4, 4), normal(3, seed=1), normal(2, 3, seed=2)
    assert Biased(values).shifted(shift).bias is shift
    joined = Biased(values, bias).shifted(shift)
    assert joined.values is values
    torch.testing.assert_close(joined.bias, bias + shift)


def test_a_norm_and_a_sum_add_the_bias_that_waits() -> None:
    values, other = normal(2, 6, 4, 4), normal(2, 6, 4, 4, seed=1)
    bias, share = normal(6, seed=2), normal(1, seed=3)
    added = values + rearrange(bias, "c -> c 1 1")
    norm = filled(TORCH_OPERATIONS.ActivatedGroupNorm(2, 6))
    expected = F.silu(F.group_norm(added, 2, norm.weight, norm.bias))
    assert deviation(norm(Biased(values, bias)), expected) < 1e-5
    mixed = TORCH_OPERATIONS.add(other, Biased(values, bias), share)
    assert deviation(mixed, other + share * added) < 1e-5
    both = TORCH_OPERATIONS.add(Biased(other, bias), Biased(values, bias))
    assert deviation(both, other + added + rearrange(bias, "c -> c 1 1")) < 1e-5


def test_norms_of_the_transformers_are_torchs_with_what_surrounds_them() -> None:
    frames, x, y = normal(6, 4, 2, 3), normal(2, 5, 8), normal(2, 5, 8, seed=1)
    over_time = filled(TORCH_OPERATIONS.TemporalGroupNorm(2, 4))
    clips = rearrange(frames, "(b t) c h w -> b c t h w", t=3)
    normed = F.group_norm(clips, 2, over_time.weight, over_time.bias)
    expected = rearrange(normed, "b c t h w -> (b h w) t c")
    assert deviation(over_time(frames, 3), expected) < 1e-5
    summed = filled(TORCH_OPERATIONS.SummedLayerNorm(8))
    total, normed = summed(x, y)
    assert torch.equal(total, x + y)
    assert deviation(normed, F.layer_norm(total, (8,), summed.weight, summed.bias)) < 1e-5


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
