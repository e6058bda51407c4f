"""The dual-reference decoder: any chunk the same video, references where they belong."""

import math
from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import Tensor

from support.networks import deviation, filled, normal
from tooncrafter_core.config.presets import TINY
from tooncrafter_core.layers.norms import clip_statistics
from tooncrafter_core.layers.operations import TORCH_OPERATIONS
from tooncrafter_core.models.autoencoder.autoencoder import Autoencoder, references_from
from tooncrafter_core.models.autoencoder.chunks import map_frames
from tooncrafter_core.models.autoencoder.references import ReferenceResidual
from tooncrafter_core.models.motion.flow_maps import FARTHEST_STEP
from tooncrafter_core.models.motion.picture_choice import (
    FIRST_AGREEMENT,
    FIRST_TIME_PRIOR,
    NEARER,
    SAY,
)
from tooncrafter_core.models.motion.port import WarpListener
from tooncrafter_core.models.motion.reference_warp import FIRST_TRUST

# Ways to the same video are compared in float64. In float32 each processor adds up in an order of
# its own, which through all layers comes to a hundred thousandth in the worst pixel.
SAME = 1e-11
Z = normal(2, 4, 7, 4, 8).double()


@cache
def autoencoder() -> Autoencoder:
    return filled(Autoencoder(TINY.autoencoder, device="meta")).double()


@cache
def references() -> list[Tensor]:
    features = autoencoder().encode(normal(4, 3, 32, 64, seed=3).clamp(-1, 1).double()).features
    return references_from(features, batch=2)


def decode(z: Tensor, chunk: int = 4, has_references: bool = True) -> Tensor:
    chosen = [reference[: len(z)] for reference in references()] if has_references else None
    with torch.no_grad():
        return autoencoder().decode(z, chosen, chunk)


@pytest.mark.parametrize("has_references", [True, False], ids=["references", "no-references"])
@pytest.mark.parametrize("chunk", [1, 2, 4, 6])
def test_every_chunk_size_gives_the_same_video(chunk: int, has_references: bool) -> None:
    expected = decode(Z, 16, has_references)
    assert expected.shape == (2, 3, 7, 32, 64)
    assert deviation(decode(Z, chunk, has_references), expected) < SAME


@pytest.mark.parametrize("chunk", [1, 2, 4, 16])
def test_a_clip_longer_than_every_chunk_size_is_the_same_video(chunk: int) -> None:
    z = normal(1, 4, 18, 4, 8, seed=9).double()
    expected = decode(z, 18)
    assert expected.dtype == z.dtype
    assert deviation(decode(z, chunk), expected) < SAME


def moving_autoencoder() -> Autoencoder:
    """One whose decoder moves its references."""
    return filled(Autoencoder(replace(TINY.autoencoder, warps_references=True), device="meta"))


@pytest.mark.parametrize("chunk", [1, 3])
def test_a_decoder_that_moves_references_gives_the_same_video_for_every_chunk(chunk: int) -> None:
    network, pictures = moving_autoencoder(), normal(2, 3, 32, 64, seed=3).clamp(-1, 1)
    z = Z[:1].float()
    with torch.no_grad():
        told = references_from(network.encode(pictures).features)
        assert torch.equal(told[-1][0], pictures.transpose(0, 1))
        expected = network.decode(z, told, 7)
        # Of noise, the last digits of a flow fetch something else.
        assert deviation(network.decode(z, told, chunk), expected) < 2e-4
        plain = network.decode(z, None)
    assert plain.shape == expected.shape and deviation(plain, expected) > 1e-2


def test_before_it_learns_a_moving_decoder_mixes_the_keyframes_with_what_it_draws() -> None:
    network = Autoencoder(replace(TINY.autoencoder, warps_references=True))
    network.init_weights(torch.Generator().manual_seed(0))
    pictures = normal(1, 3, 32, 64, seed=3).clamp(-1, 1).expand(2, -1, -1, -1)
    with torch.no_grad():
        posterior = network.encode(pictures)
        # Latents unlike each other: every cell of a clip that stands still is found where it was.
        z = 9 * normal(1, 4, 1, 4, 8, seed=7).expand(-1, -1, 3, -1, -1)
        decoded = network.decode(z, references_from(posterior.features))
        drawn = network.decode(z, None)
    # All four show the same, and by the first trust they weigh far more than what is drawn.
    _, _, even, _, as_it_is, as_drawn = FIRST_TRUST
    assert even > 0
    for frame, sooner in enumerate((1, 0, -1)):
        # Everywhere the same, so all who have a say want the same.
        chances = [
            sum(SAY) * (chance + way * prior * sooner) + way * NEARER * sooner
            for chance, prior in zip(
                (0.0, as_it_is + FIRST_AGREEMENT[0]), FIRST_TIME_PRIOR, strict=True
            )
            for way in (1, -1)
        ]
        parts = [math.exp(chance) for chance in (*chances, sum(SAY) * as_drawn)]
        share = parts[-1] / sum(parts)
        expected = (1 - share) * pictures[0] + share * drawn[0, :, frame]
        assert share < 0.05
        assert deviation(decoded[:, :, frame], expected[None]) < 1e-3


def test_flow_stays_near_what_was_matched_whatever_the_weights() -> None:
    network = moving_autoencoder()
    warp = network.decoder.warp
    assert warp is not None
    with torch.no_grad():
        for refinement in warp.refinements:
            refinement.maps.weight.mul_(1e6)
        told = references_from(network.encode(normal(2, 3, 32, 64, seed=3)).features)
        heard = WarpListener(flows=[])
        video = network.decode(Z[:1].float(), told, 7, heard)
    assert torch.isfinite(video).all()
    # Coarsest first, each in its own cells: at most the size of a picture from matching, doubled
    # from level to level, and a bounded change at each.
    assert heard.flows and heard.drawn is None
    assert [flow.shape[-2:] for flow in heard.flows] == [(4, 8), (8, 16), (16, 32)]
    farthest = 8.0
    for flow in heard.flows:
        farthest += FARTHEST_STEP
        assert flow.shape[:2] == (7, 4) and flow.abs().max() <= farthest
        farthest *= 2


def test_training_computes_what_inference_does() -> None:
    # With gradients nothing is overwritten in place.
    z = Z[:1].clone().requires_grad_()
    video = autoencoder().decode(z, [reference[:1] for reference in references()])
    assert deviation(video.detach(), decode(Z[:1])) < SAME
    video.mean().backward()
    assert z.grad is not None and torch.isfinite(z.grad).all()


def test_clips_of_a_batch_do_not_meet() -> None:
    assert deviation(decode(Z[:1]), decode(Z)[:1]) < SAME


def test_inputs_leave_as_they_came() -> None:
    z, first = Z.clone(), references()[0].clone()
    decode(z)
    assert torch.equal(z, Z) and torch.equal(references()[0], first)


def test_references_change_every_frame() -> None:
    difference = (decode(Z) - decode(Z, has_references=False)).abs().amax((1, 3, 4))
    assert (difference > 1e-2).all()


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_short_clips_are_decoded(frames: int) -> None:
    assert torch.isfinite(decode(Z[:, :, :frames])).all()


@pytest.mark.parametrize(("start", "stop"), [(0, 5), (0, 2), (1, 4), (3, 5)])
def test_residual_references_reach_only_the_ends(start: int, stop: int) -> None:
    layer = filled(ReferenceResidual(8, TORCH_OPERATIONS))
    prepared = layer.prepare(normal(8, 2, 3, 3))
    x = normal(5, 8, 3, 3, seed=1)
    expected = x.clone()
    expected[0] += prepared[0]
    expected[4] += prepared[1]
    torch.testing.assert_close(layer(x[start:stop], prepared, start, 5), expected[start:stop])


def test_a_single_frame_gets_both_residual_references() -> None:
    layer = filled(ReferenceResidual(8, TORCH_OPERATIONS))
    prepared, x = layer.prepare(normal(8, 2, 3, 3)), normal(1, 8, 3, 3, seed=1)
    torch.testing.assert_close(layer(x, prepared, 0, 1), x + prepared.sum(0))


def test_statistics_are_those_of_the_whole_clip() -> None:
    x = normal(5, 8, 3, 4) * normal(5, 1, 1, 1, seed=1) + 3
    mean, variance = clip_statistics(x, 2)
    group = x[:, 4:]
    torch.testing.assert_close(mean[1], group.mean())
    torch.testing.assert_close(variance[1], group.var(correction=0))


def test_a_clip_that_is_no_longer_needed_is_written_over() -> None:
    x = normal(5, 2, 1, 1)
    expected = x * 2
    out = map_frames(lambda start, stop: x[start:stop] * 2, 5, 2, into=x)
    assert out is x and torch.equal(out, expected)
    with pytest.raises(ValueError, match="at least one frame"):
        map_frames(lambda start, stop: x, 0, -1)
