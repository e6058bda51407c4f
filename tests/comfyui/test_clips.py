"""Clips of any length, in batches, and begun from another clip."""

from typing import Any

import pytest
import torch
from torch import Tensor

import nodes as host_nodes
from support.host_models import HostModels, relative, run_decode, run_keyframes, run_sampler
from support.host_sampling import LATENT_SCALE, Ready, sample_by_parts, sigmas_of
from tooncrafter_core.diffusion.noise import NoiseStream


@pytest.mark.parametrize("frames", [2, 8, 15, 16, 17, 24])
def test_any_number_of_frames_is_drawn_and_decoded(
    tiny: HostModels, keyframes: tuple[Tensor, Tensor], frames: int
) -> None:
    ready = run_keyframes(tiny, *keyframes, frames=frames)
    latent = run_sampler(tiny.model, *ready, steps=1)
    image = run_decode(tiny, latent, *keyframes)
    assert image.shape == (frames, 64, 64, 3)
    assert torch.isfinite(image).all()


@pytest.mark.parametrize("frames", [2, 3, 4, 5, 6])
def test_second_pass_of_the_node_changes_the_middle_alone_and_never_shows_a_keyframe_twice(
    tiny: HostModels, keyframes: tuple[Tensor, Tensor], frames: int
) -> None:
    samples = NoiseStream(frames, (1, 4, frames, 8, 8)).start()
    once, twice = (
        run_decode(tiny, {"samples": samples}, *keyframes, second_pass=second_pass)
        for second_pass in (False, True)
    )
    # The same sums in the same order; another pass sees other neighbours.
    changed = [i for i in range(frames) if not torch.allclose(once[i], twice[i], atol=1e-5)]
    assert changed == (sorted({(frames - 1) // 2, frames // 2}) if frames >= 5 else [])


def test_batch_of_two_clips_gives_what_each_gives_alone(
    tiny: HostModels, ready: Ready, keyframes: tuple[Tensor, Tensor]
) -> None:
    positive, negative, latent = ready
    two = torch.cat([latent["samples"]] * 2)
    noise = NoiseStream(9, two.shape).start()
    sigmas = sigmas_of(tiny.model, 2)
    both = sample_by_parts(tiny.model, (positive, negative, {"samples": two}), sigmas,
                           noise=noise, eta=0)  # fmt: skip
    for i in range(2):
        alone = sample_by_parts(tiny.model, ready, sigmas, noise=noise[i : i + 1], eta=0)
        # Guidance magnifies rounding; rows that saw each other would be far apart.
        assert relative(both[i : i + 1], alone) < 2e-3
    image = run_decode(tiny, {"samples": both}, *keyframes)
    assert image.shape == (8, 64, 64, 3)
    second = run_decode(tiny, {"samples": both[1:]}, *keyframes)
    assert torch.allclose(image[4:], second, atol=1e-3)


def test_sampler_node_takes_a_batch_of_clips_with_noise_of_their_own(
    tiny: HostModels, ready: Ready
) -> None:
    positive, negative, latent = ready
    two = {**latent, "samples": torch.cat([latent["samples"]] * 2)}
    out = run_sampler(tiny.model, positive, negative, two)["samples"]
    assert out.shape[0] == 2
    assert not torch.allclose(out[0], out[1], atol=0.1)


def test_partial_denoising_keeps_what_the_clip_was(tiny: HostModels, ready: Ready) -> None:
    positive, negative, latent = ready
    start = torch.randn(1, 4, 4, 8, 8, generator=torch.Generator().manual_seed(3)) / LATENT_SCALE
    given = (positive, negative, {**latent, "samples": start})
    distances = [
        relative(
            host_nodes.common_ksampler(
                tiny.model, 5, 4, 1.0, "euler", "normal", *given, denoise=denoise
            )[0]["samples"],
            start,
        )
        for denoise in (0.05, 0.3, 1.0)
    ]
    assert distances == sorted(distances)
    assert distances[0] < distances[2] / 2


def _sampled(
    tiny: HostModels, sampler: str, positive: Any, negative: Any, latent: dict[str, Any]
) -> torch.Tensor:
    """A clip of our sampler, or of one of ComfyUI's."""
    if sampler == "ours":
        return run_sampler(tiny.model, positive, negative, latent)["samples"]
    return host_nodes.common_ksampler(
        tiny.model, 5, 3, 2.0, sampler, "normal", positive, negative, latent
    )[0]["samples"]


@pytest.mark.parametrize("sampler", ["ours", "euler"])
def test_masked_part_of_the_clip_stays_as_it_was(
    tiny: HostModels, ready: Ready, sampler: str
) -> None:
    positive, negative, latent = ready
    start = torch.randn(1, 4, 4, 8, 8, generator=torch.Generator().manual_seed(3)) / LATENT_SCALE
    mask = torch.zeros(1, 64, 64)
    mask[:, :, 32:] = 1
    given = {**latent, "samples": start, "noise_mask": mask}
    out = _sampled(tiny, sampler, positive, negative, given)
    assert torch.allclose(out[..., :4], start[..., :4], atol=1e-3)
    assert not torch.allclose(out[..., 4:], start[..., 4:], atol=1.0)


@pytest.mark.parametrize("sampler", ["ours", "euler"])
def test_a_mask_for_each_frame_redraws_a_stretch_of_the_clip(
    tiny: HostModels, ready: Ready, sampler: str
) -> None:
    positive, negative, latent = ready
    start = torch.randn(1, 4, 4, 8, 8, generator=torch.Generator().manual_seed(3)) / LATENT_SCALE
    mask = torch.zeros(4, 64, 64)
    mask[2] = 1
    mask[3, 32:] = 1
    given = {**latent, "samples": start, "noise_mask": mask}
    out = _sampled(tiny, sampler, positive, negative, given)
    assert torch.allclose(out[:, :, :2], start[:, :, :2], atol=1e-3)
    assert torch.allclose(out[:, :, 3, :4], start[:, :, 3, :4], atol=1e-3)
    assert not torch.allclose(out[:, :, 2], start[:, :, 2], atol=1.0)
    assert not torch.allclose(out[:, :, 3, 4:], start[:, :, 3, 4:], atol=1.0)
