"""ToonCrafter Redraw: frames or a region drawn again, everything else to the bit."""

from typing import Any

import pytest
import torch
from tooncrafter_pack.nodes.redraw import ToonCrafterRedraw
from tooncrafter_pack.tooncrafter_core.errors import ToonCrafterError
from torch import Tensor

import nodes as host_nodes
from support.host_models import HostModels, picture, run_decode, run_keyframes, run_sampler
from support.host_sampling import LATENT_SCALE, Ready

WIDTH, HEIGHT, FRAMES = 72, 56, 6
"""Not what the model draws: it draws 128x64 around them."""


@pytest.fixture(scope="module")
def clip() -> Tensor:
    """A clip as a file gives it."""
    blots = torch.cat([picture(seed, HEIGHT, WIDTH) for seed in range(FRAMES)])
    return (blots * 255).round() / 255


@pytest.fixture(scope="module")
def asked(tiny: HostModels, clip: Tensor) -> Ready:
    return run_keyframes(tiny, clip[:1], clip[-1:], width=WIDTH, height=HEIGHT, frames=FRAMES)


def redraw(tiny: HostModels, asked: Ready, clip: Tensor, **options: Any) -> Any:
    return ToonCrafterRedraw.execute(tiny.vae, asked[2], clip, **options).args


def hand() -> Tensor:
    """A mask of one small part, as Load Image gives it."""
    mask = torch.zeros(1, HEIGHT, WIDTH)
    mask[:, 20:32, 40:52] = 1
    return mask


def drawn_again(tiny: HostModels, asked: Ready, latent: Any, sampler: str) -> Tensor:
    """Sampled and decoded."""
    if sampler == "ours":
        return run_decode(tiny, run_sampler(tiny.model, *asked[:2], latent))
    sampled = host_nodes.common_ksampler(
        tiny.model, 5, 3, 2.0, sampler, "normal", *asked[:2], latent
    )
    return run_decode(tiny, sampled[0])


@pytest.mark.parametrize("sampler", ["ours", "euler"])
def test_frames_of_a_stretch_are_drawn_again_and_all_others_stay_to_the_bit(
    tiny: HostModels, asked: Ready, clip: Tensor, sampler: str
) -> None:
    latent, mask = redraw(tiny, asked, clip, from_frame=3, to_frame=4)
    found = drawn_again(tiny, asked, latent, sampler)
    assert torch.equal(found[[0, 1, 4, 5]], clip[[0, 1, 4, 5]])
    assert ((found[2:4] - clip[2:4]).abs() > 1 / 255).float().mean() > 0.9
    assert torch.equal(mask[:, 0, 0], torch.tensor([0.0, 0, 1, 1, 0, 0]))


@pytest.mark.parametrize("sampler", ["ours", "euler"])
def test_a_hand_is_drawn_again_in_all_frames_and_pixels_around_it_stay_to_the_bit(
    tiny: HostModels, asked: Ready, clip: Tensor, sampler: str
) -> None:
    latent, mask = redraw(
        tiny, asked, clip, mask=hand(), from_frame=1, to_frame=-1, grow=4, feather=2
    )
    found = drawn_again(tiny, asked, latent, sampler)
    assert (mask > 0).sum() == FRAMES * 20 * 20
    assert torch.equal(found[mask == 0], clip[mask == 0])
    for frame, before, part in zip(found, clip, mask, strict=True):
        assert (frame - before)[part == 1].abs().mean() > 2 / 255


def test_the_sampler_may_change_only_the_cells_that_the_mask_touches(
    tiny: HostModels, asked: Ready, clip: Tensor
) -> None:
    masks = torch.cat([hand() * (number % 2) for number in range(FRAMES)])
    latent, _ = redraw(tiny, asked, clip, mask=masks, grow=0, feather=0)
    sampled = run_sampler(tiny.model, *asked[:2], latent)["samples"]
    moved = (sampled - latent["samples"]).abs().amax(dim=1)[0] > 1e-3 / LATENT_SCALE
    assert torch.equal(moved, latent["noise_mask"][0, 0] > 0)
    # The clip lies at 28, 4 of what the model draws.
    expected = torch.zeros(FRAMES, 8, 16, dtype=torch.bool)
    expected[1:-1:2, 3:5, 8:10] = True
    assert torch.equal(moved, expected)


def test_the_encoded_clip_keeps_its_requests_and_every_clip_of_a_batch_its_rest(
    tiny: HostModels, asked: Ready, clip: Tensor
) -> None:
    latent, _ = redraw(tiny, asked, clip, from_frame=3, to_frame=4)
    (two,) = host_nodes.RepeatLatentBatch().repeat(latent, 2)
    found = run_decode(tiny, run_sampler(tiny.model, *asked[:2], two))
    assert len(found) == 2 * FRAMES
    for part in found.split(FRAMES):
        assert torch.equal(part[[0, 1, 4, 5]], clip[[0, 1, 4, 5]])
    assert not torch.allclose(found[2], found[2 + FRAMES], atol=0.02)


def test_clips_of_two_redraws_are_not_decoded_as_one(
    tiny: HostModels, asked: Ready, clip: Tensor
) -> None:
    one, _ = redraw(tiny, asked, clip)
    other, _ = redraw(tiny, asked, clip.flip(0).contiguous())
    joined = {
        **one,
        "samples": torch.cat([one["samples"], other["samples"]]),
        "batch_index": one["batch_index"] + other["batch_index"],
    }
    with pytest.raises(ToonCrafterError, match="'ToonCrafter Redraw'"):
        run_decode(tiny, joined)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"mask": torch.ones(1, 64, 64)}, "The mask is 64x64 pixels and the frames are 72x56"),
        ({"mask": torch.ones(3, HEIGHT, WIDTH)}, "There are 3 masks"),
        ({"mask": torch.zeros(1, HEIGHT, WIDTH)}, "The mask is empty in frames 2 to 5"),
        ({"from_frame": 0}, "no frame 0"),
        ({"from_frame": 5, "to_frame": 3}, "run backwards"),
        ({"to_frame": 7}, "no frame 7"),
        ({"grow": -1}, "grow"),
    ],
)
def test_what_cannot_be_redrawn_is_said_in_a_sentence(
    tiny: HostModels, asked: Ready, clip: Tensor, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ToonCrafterError, match=said):
        redraw(tiny, asked, clip, **changes)


def test_frames_of_another_clip_are_refused(tiny: HostModels, asked: Ready, clip: Tensor) -> None:
    for frames, said in (
        (clip[:4], "The clip has 4 frames of 72x56"),
        (clip[:, :48], "6 frames of 72x48, and 'ToonCrafter Keyframes' was asked for 6 of 72x56"),
        (torch.cat([clip, clip[..., :1]], dim=-1), "three channels"),
        (torch.full_like(clip, float("nan")), "not numbers"),
    ):
        with pytest.raises(ToonCrafterError, match=said):
            redraw(tiny, asked, frames)
    lost = (*asked[:2], {"samples": asked[2]["samples"]})
    with pytest.raises(ToonCrafterError, match="does not come from 'ToonCrafter Keyframes'"):
        redraw(tiny, lost, clip)
