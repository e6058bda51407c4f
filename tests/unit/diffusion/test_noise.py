"""All noise comes from one seed, in the reference's order."""

import pytest
import torch

from tooncrafter_core.diffusion.noise import MAX_SEED, NoiseStream, seed_going_on
from tooncrafter_core.errors import ToonCrafterError

SHAPE = (1, 4, 6, 2, 3)


def test_noise_is_what_the_reference_draws_one_after_the_other() -> None:
    torch.manual_seed(7)
    encoder = torch.randn(6, 4, 2, 3)
    start, first, second = (torch.randn(SHAPE) for _ in range(3))
    stream = NoiseStream(7, SHAPE)
    keyframes = stream.keyframes()
    assert keyframes.shape == (1, 4, 2, 2, 3)
    assert torch.equal(keyframes[0, :, 0], encoder[0])
    assert torch.equal(keyframes[0, :, 1], encoder[-1])
    assert torch.equal(stream.start(), start)
    assert torch.equal(stream.step(start), first)
    assert torch.equal(stream.step(start), second)


def test_a_stream_that_begins_in_the_middle_skips_what_comes_before() -> None:
    whole = NoiseStream(7, SHAPE)
    whole.keyframes()
    start = whole.start()
    assert torch.equal(NoiseStream(7, SHAPE).start(), start)
    assert torch.equal(NoiseStream(7, SHAPE).step(start), whole.step(start))


def test_drawing_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    NoiseStream(7, SHAPE).start()
    assert torch.equal(torch.get_rng_state(), before)


def test_step_noise_comes_in_the_precision_of_the_latents() -> None:
    assert NoiseStream(7, SHAPE).step(torch.empty(0, dtype=torch.float16)).dtype == torch.float16


@pytest.mark.parametrize("seed", [-1, MAX_SEED + 1])
def test_seeds_that_no_generator_takes_are_refused(seed: int) -> None:
    with pytest.raises(ToonCrafterError, match="A seed lies between 0"):
        NoiseStream(seed, SHAPE)


def test_the_largest_seed_works() -> None:
    assert torch.isfinite(NoiseStream(MAX_SEED, SHAPE).start()).all()


def test_a_run_that_goes_on_has_another_seed_at_every_timestep_and_always_the_same() -> None:
    seeds = [seed_going_on(seed, timestep) for seed in (7, 8) for timestep in range(0, 1000, 111)]
    assert len({7, 8, *seeds}) == len(seeds) + 2
    assert seeds == [seed_going_on(s, t) for s in (7, 8) for t in range(0, 1000, 111)]
    assert 0 <= seed_going_on(MAX_SEED, 999) <= MAX_SEED
