"""The sketch encoder: every frame on its own, at every frame count; the published keys."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from einops import rearrange
from torch import Tensor

from golden.recipe import make_state_dict
from support.checkpoints import manifest
from support.networks import deviation
from tooncrafter_core.config.model import SketchEncoderConfig
from tooncrafter_core.models.motion.port import Residuals
from tooncrafter_core.models.sketch_encoder import SketchEncoder
from tooncrafter_core.sketches.frames import (
    SketchLayer,
    gather_hint_features,
    plan_frames,
    scale_residuals,
)

CONFIG = SketchEncoderConfig(
    model_channels=32, channel_mult=(1, 2), num_res_blocks=1, attention_resolutions=(1, 2),
    num_head_channels=16, context_dim=24,
)  # fmt: skip
STRENGTH = 0.6


@pytest.fixture(scope="module")
def encoder() -> SketchEncoder:
    network = SketchEncoder(CONFIG)
    shapes = {key: list(value.shape) for key, value in network.state_dict().items()}
    network.load_state_dict(make_state_dict("sketch", shapes))
    return network.requires_grad_(False).eval()


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def hints(number: int, seed: int = 1) -> Tensor:
    return (noise(number, 1, 64, 64, seed=seed) > 1.5).float()


def guide(encoder: SketchEncoder, x: Tensor, sketches: Tensor, frames: tuple[int, ...],
          missing: str = "empty") -> Residuals:  # fmt: skip
    """Scaled residuals of a clip whose given frames carry the sketches."""
    plan = plan_frames(
        [SketchLayer(hints=sketches, frames=frames, strength=STRENGTH)], x.shape[2], 0.0, missing
    )
    assert plan is not None
    empty = encoder.read_hints(torch.zeros(1, 1, 64, 64))
    features = gather_hint_features([encoder.read_hints(sketches)], empty, plan)
    timesteps, context = torch.full(x.shape[:1], 600), noise(x.shape[0], 7, 24, seed=3)
    return scale_residuals(encoder(x, features, timesteps, context), plan)


def assert_same(actual: Sequence[Tensor], expected: Sequence[Tensor]) -> None:
    for one, other in zip(actual, expected, strict=True):
        assert deviation(one, other) < 1e-5


def test_published_file_fits_without_leftovers() -> None:
    shapes = manifest("tooncrafter_sketch_encoder")
    network = SketchEncoder(SketchEncoderConfig(), device="meta")
    assert len(shapes) == 340
    assert {key: tuple(value.shape) for key, value in network.state_dict().items()} == shapes


def test_every_skip_connection_gets_a_residual(encoder: SketchEncoder) -> None:
    residuals = guide(encoder, noise(1, 4, 5, 8, 8), hints(1), (2,))
    sizes = [tuple(residual.shape) for residual in residuals]
    assert sizes == [(5, 32, 8, 8)] * 2 + [(5, 32, 4, 4)] + [(5, 64, 4, 4)] * 2


@pytest.mark.parametrize("num_frames", [1, 8, 16, 24])
def test_dense_and_sparse_sketches_at_every_frame_count(
    encoder: SketchEncoder, num_frames: int
) -> None:
    x, sketches = noise(1, 4, num_frames, 8, 8), hints(num_frames)
    dense = guide(encoder, x, sketches, tuple(range(num_frames)))
    unguided = guide(encoder, x, torch.zeros(1, 1, 64, 64), (0,))
    chosen = sorted({0, num_frames // 2, num_frames - 1})
    sparse = guide(encoder, x, sketches[chosen], tuple(chosen))
    for frame in range(num_frames):
        expected = dense if frame in chosen else unguided
        assert_same([r[[frame]] for r in sparse], [r[[frame]] for r in expected])
    if num_frames > 1:
        assert (dense[-1] - unguided[-1]).abs().max() > 1e-2


def test_a_frame_does_not_depend_on_which_other_frames_have_sketches(
    encoder: SketchEncoder,
) -> None:
    x, sketches = noise(1, 4, 8, 8, 8), hints(3)
    alone = guide(encoder, x, sketches[:1], (5,))
    for frames in ((5, 0, 7), (5, 4, 6), (5, 1, 2)):
        among = guide(encoder, x, sketches, frames)
        assert_same([r[[5]] for r in among], [r[[5]] for r in alone])


def test_permuting_the_frames_permutes_the_residuals(encoder: SketchEncoder) -> None:
    x, sketches, frames = noise(1, 4, 8, 8, 8), hints(3), (0, 3, 6)
    order = torch.randperm(8, generator=torch.Generator().manual_seed(5))
    new_place = order.argsort()
    moved = guide(encoder, x[:, :, order], sketches, tuple(int(new_place[f]) for f in frames))
    assert_same(moved, [r[order] for r in guide(encoder, x, sketches, frames)])


def test_permuting_the_sketches_of_still_latents_permutes_the_residuals(
    encoder: SketchEncoder,
) -> None:
    x, sketches = noise(1, 4, 1, 8, 8).expand(1, 4, 6, 8, 8), hints(2)
    there = guide(encoder, x, sketches, (1, 4))
    back = guide(encoder, x, sketches, (4, 1))
    swapped = [0, 4, 2, 3, 1, 5]
    assert_same([r[swapped] for r in there], back)


def test_two_clips_at_once_get_what_each_gets_alone(encoder: SketchEncoder) -> None:
    x, sketches, frames = noise(2, 4, 6, 8, 8), hints(2), (1, 5)
    timesteps, context = torch.tensor([600, 30]), noise(2, 7, 24, seed=3)
    plan = plan_frames([SketchLayer(hints=sketches, frames=frames)], 6, 0.0)
    assert plan is not None
    empty = encoder.read_hints(torch.zeros(1, 1, 64, 64))
    features = gather_hint_features([encoder.read_hints(sketches)], empty, plan)
    both = encoder(x, features, timesteps, context)
    for i in range(2):
        own = slice(i, i + 1)
        alone = encoder(x[own], features, timesteps[own], context[own])
        assert_same([rearrange(r, "(b t) c h w -> b t c h w", b=2)[i] for r in both], alone)


def test_frames_without_a_sketch_get_no_residual_when_told_so(encoder: SketchEncoder) -> None:
    x, sketches = noise(2, 4, 6, 8, 8), hints(1)
    some = guide(encoder, x, sketches, (2,), "none")
    full = guide(encoder, x, sketches, (2,), "empty")
    others = [0, 1, 3, 4, 5, 6, 7, 9, 10, 11]
    assert all(not r[others].any() for r in some)
    assert_same([r[[2, 8]] for r in some], [r[[2, 8]] for r in full])


def matching_encoder() -> SketchEncoder:
    network = SketchEncoder(replace(CONFIG, matches_keyframes=True))
    network.init_weights(torch.Generator().manual_seed(2))
    return network.requires_grad_(False).eval()


def matched(network: SketchEncoder, sketches: Tensor, keyframes: Tensor | None) -> Residuals:
    """Residuals of a clip of three frames; ``keyframes`` as the denoiser reads them."""
    x, context = noise(1, 4, 3, 8, 8), noise(1, 7, 24, seed=3)
    features = network.read_hints(sketches)
    return network(
        x, features, torch.tensor([600]), context, keyframe_latents=keyframes
    )  # fmt: skip


def test_an_encoder_that_matches_tells_where_sketches_show_the_keyframes() -> None:
    network, plain = matching_encoder(), SketchEncoder(CONFIG)
    sketches, keyframes = hints(3), noise(1, 12, 3, 8, 8, seed=8)
    sketches[1] = 0
    residuals = matched(network, sketches, keyframes)
    found = residuals.sketched
    assert len(residuals) == len(plain.zero_convs) + 1
    assert found is not None
    assert found.shape == (3, 5, 8, 8)
    certainty = found[:, 4:]
    # Nothing is said of a frame without a sketch.
    assert (found[1] == 0).all()
    assert certainty[[0, 2]].min() > 0 and certainty.max() < 1
    # What is found is a mixture of what the keyframes hold.
    latents = found[[0, 2], :4] / certainty[[0, 2]]
    for channel in range(4):
        held = keyframes[0, [4 + channel, 8 + channel], 0]
        assert held.min() <= latents[:, channel].min()
        assert latents[:, channel].max() <= held.max()


def test_matches_of_a_frame_depend_on_no_other_frame() -> None:
    network, keyframes = matching_encoder(), noise(1, 12, 3, 8, 8, seed=8)
    sketches = hints(3)
    others = torch.cat([hints(1, seed=5), sketches[1:2], hints(1, seed=6)])
    both = [matched(network, some, keyframes).sketched for some in (sketches, others)]
    assert both[0] is not None and both[1] is not None
    torch.testing.assert_close(both[0][1], both[1][1], atol=1e-5, rtol=1e-5)


def test_what_is_found_goes_with_the_keyframes() -> None:
    network, sketches = matching_encoder(), hints(3)
    first, last = noise(1, 4, 1, 8, 8, seed=8), noise(1, 4, 1, 8, 8, seed=9)
    told = torch.cat([first, first, last], dim=1).expand(-1, -1, 3, -1, -1)
    found = network.motion.match(network.read_hints(sketches), told, 3)
    assert found is not None
    assert found.maps.shape == (1, 10, 3, 8, 8)
    # The nearer keyframe in time counts for more: at the ends nearly alone.
    assert found.maps[:, 4, 0].min() > 0.9 and found.maps[:, 4, 2].max() < 0.1


def test_keyframes_that_are_missing_are_asked_for() -> None:
    with pytest.raises(ValueError, match="keyframe_latents"):
        matched(matching_encoder(), hints(3), None)
