"""Conditions from keyframe latents, image tokens and prompts."""

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from tooncrafter_core.conditioning.build import (
    ConditionNetworks,
    Prompts,
    build_conditions,
    frame_image_tokens,
    keyframes_at_ends,
    keyframes_everywhere,
    motion_fps_vector,
    nearest_frames,
    place_keyframes,
)
from tooncrafter_core.config.model import UNetConfig
from tooncrafter_core.errors import KeyframeError, ModelMismatchError


class Projector(nn.Module):
    """Sixteen trained frames of two tokens, each the mean of its picture plus its position."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(5), requires_grad=False)

    def forward(self, tokens: Tensor) -> Tensor:
        positions = torch.arange(32.0)[None, :, None]
        return tokens.mean(dim=(1, 2), keepdim=True) + positions + self.weight


TEXT = SimpleNamespace(
    encode=lambda prompts: torch.stack([torch.full((77, 5), float(len(p))) for p in prompts])
)
IMAGE = SimpleNamespace(encode=lambda images: images.flatten(2).mean(2)[:, None].expand(-1, 4, -1))

PROMPT = Prompts("a cat")


def conditions(
    image: Tensor | None = None,
    keyframe_latents: Tensor | None = None,
    prompts: Prompts = PROMPT,
    num_frames: int = 16,
    **changes: object,
) -> tuple:
    networks = ConditionNetworks(TEXT, IMAGE, Projector(), num_queries=2)
    image = torch.full((1, 3, 20, 30), 0.5) if image is None else image
    latents = torch.ones(1, 4, 2, 3, 5) if keyframe_latents is None else keyframe_latents
    placed = keyframes_at_ends(latents, num_frames)
    return build_conditions(networks, image, placed, prompts, **changes)


def test_keyframes_stand_at_the_ends_and_zeros_between() -> None:
    latents = torch.randn(2, 4, 2, 3, 5)
    clip = keyframes_at_ends(latents, 16)
    assert clip.shape == (2, 4, 16, 3, 5)
    assert torch.equal(clip[:, :, 0], latents[:, :, 0])
    assert torch.equal(clip[:, :, -1], latents[:, :, 1])
    assert clip[:, :, 1:-1].count_nonzero() == 0


def test_every_frame_can_be_shown_both_keyframes_and_their_even_blend() -> None:
    latents = torch.randn(2, 4, 2, 3, 5)
    clip = keyframes_everywhere(latents, 5)
    blend, first, last = clip.chunk(3, dim=1)
    assert torch.equal(first, latents[:, :, :1].expand_as(first))
    assert torch.equal(last, latents[:, :, 1:].expand_as(last))
    assert torch.equal(blend[:, :, [0, -1]], latents)
    steps = blend.diff(dim=2)
    even = (latents[:, :, 1:] - latents[:, :, :1]).expand_as(steps) / 4
    assert torch.allclose(steps, even, atol=1e-6)


def test_a_denoiser_that_moves_the_keyframes_gets_them_in_every_frame() -> None:
    latents = torch.randn(1, 4, 2, 3, 5)
    still, moving = UNetConfig(), UNetConfig(warps_keyframes=True, in_channels=16)
    assert torch.equal(place_keyframes(latents, 5, still), keyframes_at_ends(latents, 5))
    assert torch.equal(place_keyframes(latents, 5, moving), keyframes_everywhere(latents, 5))


def test_two_frames_are_the_two_keyframes() -> None:
    latents = torch.randn(1, 4, 2, 3, 5)
    assert torch.equal(keyframes_at_ends(latents, 2), latents)


@pytest.mark.parametrize(("keyframes", "frames"), [(1, 16), (3, 16), (2, 1), (2, 0)])
def test_other_counts_of_keyframes_or_too_few_frames_are_refused(
    keyframes: int, frames: int
) -> None:
    for place in (keyframes_at_ends, keyframes_everywhere):
        with pytest.raises(KeyframeError, match="2 keyframes"):
            place(torch.zeros(1, 4, keyframes, 3, 5), frames)


def test_the_trained_frame_count_is_a_reshape() -> None:
    tokens = torch.randn(2, 256, 7)
    framed = frame_image_tokens(tokens, num_queries=16, num_frames=16)
    assert torch.equal(framed, tokens.reshape(2, 16, 16, 7))
    assert framed.data_ptr() == tokens.data_ptr()


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        (1, [0]),
        (2, [0, 15]),
        (3, [0, 8, 15]),
        (4, [0, 5, 10, 15]),
        (15, [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15]),
    ],
)
def test_other_frame_counts_take_the_nearest_trained_frame(
    frames: int, expected: list[int]
) -> None:
    tokens = torch.arange(32.0)[None, :, None]
    framed = frame_image_tokens(tokens, num_queries=2, num_frames=frames)
    assert framed.shape == (1, frames, 2, 1)
    assert (framed[0, :, 0, 0] / 2).tolist() == expected


@pytest.mark.parametrize("frames", [2, 7, 15, 16, 17, 31, 49, 96])
def test_nearest_frames_start_first_end_last_and_never_turn_back(frames: int) -> None:
    nearest = nearest_frames(16, frames)
    assert len(nearest) == frames
    assert (nearest[0], nearest[-1]) == (0, 15)
    assert nearest == sorted(nearest)


def test_shared_tokens_stay_as_they_are() -> None:
    tokens = torch.randn(1, 256, 7)
    assert frame_image_tokens(tokens, 16, 15, mode="shared") is tokens


def test_tokens_of_another_model_are_refused() -> None:
    with pytest.raises(ModelMismatchError, match="does not belong"):
        frame_image_tokens(torch.zeros(1, 250, 7), 16, 16)
    with pytest.raises(ValueError, match="per_frame"):
        frame_image_tokens(torch.zeros(1, 256, 7), 16, 16, mode="other")  # type: ignore[arg-type]


def test_motion_fps_is_one_float32_number_per_row() -> None:
    like = torch.zeros(3, 2, dtype=torch.bfloat16)
    assert motion_fps_vector(10, like).tolist() == [10.0] * 3
    assert motion_fps_vector(10, like).dtype == torch.float32
    assert motion_fps_vector(torch.tensor([1, 2, 3]), like).tolist() == [1.0, 2.0, 3.0]


def test_unconditional_is_empty_text_and_grey_through_both_networks() -> None:
    conditional, unconditional = conditions()
    assert conditional.text.unique().tolist() == [5.0]
    assert unconditional.text.unique().tolist() == [0.0]
    positions = torch.arange(32.0).reshape(1, 16, 2, 1)
    torch.testing.assert_close(
        conditional.image_tokens, (positions + 1.5).expand(1, 16, 2, 5), check_stride=False
    )
    torch.testing.assert_close(
        unconditional.image_tokens, (positions + 1.0).expand(1, 16, 2, 5), check_stride=False
    )
    assert unconditional.keyframe_latents is conditional.keyframe_latents
    assert unconditional.motion_fps is conditional.motion_fps
    assert conditional.num_frames == 16


def test_negative_prompt_takes_the_place_of_the_empty_text() -> None:
    _, unconditional = conditions(prompts=Prompts("a cat", "ugly dog"))
    assert unconditional.text.unique().tolist() == [8.0]


def test_a_batch_shares_one_prompt_or_has_one_each() -> None:
    images, latents = torch.zeros(2, 3, 9, 9), torch.zeros(2, 4, 2, 3, 5)
    shared, unconditional = conditions(image=images, keyframe_latents=latents)
    assert shared.text.shape == (2, 77, 5)
    assert unconditional.image_tokens.shape == (2, 16, 2, 5)
    own, _ = conditions(image=images, keyframe_latents=latents, prompts=Prompts(["a", "abc"]))
    assert own.text[:, 0, 0].tolist() == [1.0, 3.0]
    with pytest.raises(ValueError, match="3 prompts for 2 clips"):
        conditions(image=images, keyframe_latents=latents, prompts=Prompts(["a", "b", "c"]))
    with pytest.raises(ValueError, match="1 first keyframes for latents of 2"):
        conditions(keyframe_latents=latents)


def test_shared_mode_gives_tokens_without_a_frame_axis() -> None:
    conditional, unconditional = conditions(token_mode="shared", num_frames=15)
    assert conditional.image_tokens.shape == unconditional.image_tokens.shape == (1, 32, 5)
    assert conditional.keyframe_latents.shape[2] == 15


def test_condition_moves_and_changes_precision_but_keeps_the_fps_exact() -> None:
    conditional, _ = conditions(motion_fps=23.976)
    half = conditional.to(dtype=torch.bfloat16)
    assert half.text.dtype == half.image_tokens.dtype == torch.bfloat16
    assert half.keyframe_latents.dtype == torch.bfloat16
    assert half.motion_fps.dtype == torch.float32
    assert conditional.to("meta").motion_fps.device.type == "meta"
