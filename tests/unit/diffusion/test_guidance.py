"""Guidance and its rescale do what their formulas say."""

import torch

from support.networks import normal
from tooncrafter_core.diffusion.guidance import (
    guide,
    guide_text_and_image,
    guided_prediction,
    rescale_guidance,
)

COND, UNCOND, IMAGE = (normal(2, 4, 3, 2, 2, seed=seed) for seed in (1, 2, 3))


def test_scale_one_is_the_conditional_prediction() -> None:
    torch.testing.assert_close(guide(COND, UNCOND, 1.0), COND)
    assert guided_prediction(COND, UNCOND, 1.0, 0.7) is COND
    assert guided_prediction(COND, None, 7.5, 0.7) is COND


def test_two_equal_scales_are_one() -> None:
    both = guide_text_and_image(COND, UNCOND, IMAGE, 7.5)
    torch.testing.assert_close(both, guide(COND, UNCOND, 7.5))
    assert torch.equal(both, guide_text_and_image(COND, UNCOND, IMAGE, 7.5, 7.5))


def test_image_and_text_have_scales_of_their_own() -> None:
    out = guide_text_and_image(COND, UNCOND, IMAGE, 3.0, 2.0)
    torch.testing.assert_close(out, UNCOND + 2 * (IMAGE - UNCOND) + 3 * (COND - IMAGE))


def test_full_rescale_gives_the_spread_of_the_conditional_clip() -> None:
    guided = guide(COND, UNCOND, 7.5)
    rescaled = rescale_guidance(guided, COND, 1.0)
    dims = (1, 2, 3, 4)
    torch.testing.assert_close(rescaled.std(dims), COND.std(dims))
    assert guided.std() > 3 * COND.std()


def test_half_a_rescale_is_the_mean_of_both() -> None:
    guided = guide(COND, UNCOND, 7.5)
    mean = (guided + rescale_guidance(guided, COND, 1.0)) / 2
    torch.testing.assert_close(rescale_guidance(guided, COND, 0.5), mean)
    assert rescale_guidance(guided, COND, 0.0) is guided


def test_clips_of_a_batch_are_rescaled_apart() -> None:
    guided = guide(COND, UNCOND, 7.5)
    alone = rescale_guidance(guided[1:], COND[1:], 0.7)
    torch.testing.assert_close(rescale_guidance(guided, COND, 0.7)[1:], alone)


def test_a_prediction_of_zeros_stays_one_and_an_overflow_is_not_hidden() -> None:
    zeros = torch.zeros_like(COND)
    assert torch.equal(rescale_guidance(zeros, zeros, 0.7), zeros)
    overflown = COND.clone()
    overflown[0, 0, 0, 0, 0] = float("inf")
    assert not torch.isfinite(rescale_guidance(overflown, COND, 0.7)).all()
