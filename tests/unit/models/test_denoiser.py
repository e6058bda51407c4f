"""The denoiser as a whole."""

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor

from support.networks import deviation, filled, normal
from tooncrafter_core.conditioning.build import keyframes_everywhere
from tooncrafter_core.config.presets import TINY
from tooncrafter_core.layers.features import values_and_bias
from tooncrafter_core.layers.operations import TorchOperations
from tooncrafter_core.models.denoiser import Denoiser
from tooncrafter_core.models.motion.warping import warp

CONFIG = TINY.unet
X = normal(2, 8, 3, 8, 16)
TIMESTEPS = torch.tensor([999, 400])
TEXT = normal(2, 77, CONFIG.context_dim, seed=1)
IMAGE = normal(2, 3, 16, CONFIG.context_dim, seed=2)
FPS = torch.tensor([10.0, 24.0])


@cache
def denoiser() -> Denoiser:
    return filled(Denoiser(CONFIG, device="meta"))


@cache
def prediction() -> Tensor:
    return denoiser()(X, TIMESTEPS, TEXT, IMAGE, FPS)


def test_clips_of_a_batch_do_not_meet() -> None:
    assert prediction().shape == (2, 4, 3, 8, 16)
    alone = denoiser()(X[1:], TIMESTEPS[1:], TEXT[1:], IMAGE[1:], FPS[1:])
    assert deviation(alone, prediction()[1:]) < 1e-4


@pytest.mark.parametrize("image", [IMAGE, IMAGE[:, 0]], ids=["each-frame", "shared"])
def test_a_prepared_context_gives_the_same_bits(image: Tensor) -> None:
    prepared = denoiser().prepare_context(TEXT, image)
    expected = denoiser()(X, TIMESTEPS, TEXT, image, FPS)
    for _ in range(2):  # a step leaves it as it was
        assert torch.equal(denoiser()(X, TIMESTEPS, prepared, fps=FPS), expected)


def test_a_prepared_context_leaves_no_projection_to_the_steps() -> None:
    prepared = denoiser().prepare_context(TEXT, IMAGE)
    asked: list[str] = []
    hooks = [
        layer.register_forward_hook(lambda *_, name=name: asked.append(name))
        for name, layer in denoiser().named_modules()
        if name.endswith(("to_k_ip", "to_v_ip"))
    ]
    denoiser()(X, TIMESTEPS, prepared, fps=FPS)
    for hook in hooks:
        hook.remove()
    assert len(hooks) > 0 and not asked


def test_a_prepared_context_of_another_frame_count_is_refused_in_words() -> None:
    prepared = denoiser().prepare_context(TEXT, IMAGE)
    with pytest.raises(ValueError, match="are for 3 frames, the latents have 5"):
        denoiser()(normal(2, 8, 5, 8, 8), TIMESTEPS, prepared)


def test_image_tokens_must_come_with_text_tokens() -> None:
    with pytest.raises(ValueError, match="needs image tokens"):
        denoiser()(X, TIMESTEPS, TEXT)


def test_motion_fps_is_24_unless_given() -> None:
    unsaid = denoiser()(X, TIMESTEPS, TEXT, IMAGE)
    assert deviation(unsaid[1], prediction()[1]) < 1e-5
    assert (unsaid[0] - prediction()[0]).abs().max() > 1e-4


@pytest.mark.parametrize("frames", [1, 2, 17])
def test_any_number_of_frames_works(frames: int) -> None:
    image = normal(1, frames, 16, CONFIG.context_dim)
    v = denoiser()(normal(1, 8, frames, 8, 8), TIMESTEPS[:1], TEXT[:1], image)
    assert v.shape == (1, 4, frames, 8, 8) and torch.isfinite(v).all()


def test_sizes_that_do_not_divide_are_refused_in_words() -> None:
    with pytest.raises(ValueError, match=r"20x8 cells, but both sides must be multiples of 8\."):
        denoiser()(normal(1, 8, 3, 8, 20), TIMESTEPS[:1], TEXT[:1], IMAGE[:1])


def test_image_tokens_of_another_frame_count_are_refused_in_words() -> None:
    with pytest.raises(ValueError, match="are for 3 frames, the latents have 5"):
        denoiser()(normal(1, 8, 5, 8, 8), TIMESTEPS[:1], TEXT[:1], IMAGE[:1])


def control_shapes() -> list[torch.Size]:
    """What the skip connections look like, in order, the middle block's last."""
    shapes: list[torch.Size] = []

    def note(_module: Any, _args: Any, out: Tensor) -> None:
        shapes.append(out.shape)

    network = denoiser()
    hooks = [list(block.children())[-1].register_forward_hook(note)
             for block in [*network.input_blocks, network.middle_block]]  # fmt: skip
    network(X, TIMESTEPS, TEXT, IMAGE, FPS)
    for hook in hooks:
        hook.remove()
    return shapes


def test_control_of_zeros_changes_nothing_and_each_residual_counts() -> None:
    zeros = [torch.zeros(shape) for shape in control_shapes()]
    assert len(zeros) == len(denoiser().input_blocks) + 1
    untouched = list(zeros)
    assert torch.equal(denoiser()(X, TIMESTEPS, TEXT, IMAGE, FPS, zeros), prediction())
    assert len(zeros) == len(untouched)
    for index in range(len(zeros)):
        control = [*zeros[:index], normal(*zeros[index].shape), *zeros[index + 1 :]]
        v = denoiser()(X, TIMESTEPS, TEXT, IMAGE, FPS, control)
        assert (v - prediction()).abs().max() > 1e-4, index


def test_every_attention_gets_the_options_of_the_host() -> None:
    seen: list[Any] = []

    class Recording(TorchOperations):
        def attention(
            self, q: Tensor, k: Tensor, v: Tensor, heads: int, options: Any = None
        ) -> Tensor:
            seen.append(options)
            return super().attention(q, k, v, heads)

    network = filled(Denoiser(CONFIG, operations=Recording(), device="meta"))
    options = {"patches": {}}
    network(X, TIMESTEPS, TEXT, IMAGE, FPS, options=options)
    assert len(seen) > 20
    assert all(given is options for given in seen)


def test_a_new_denoiser_that_moves_keyframes_predicts_zero_and_then_what_it_moved() -> None:
    network = Denoiser(replace(CONFIG, warps_keyframes=True, in_channels=16))
    network.init_weights(torch.Generator().manual_seed(0))
    ends = normal(2, 4, 2, 8, 16, seed=4)
    shown = torch.cat([X[:, :4], keyframes_everywhere(ends, 3)], dim=1)
    with torch.no_grad():
        assert not network(shown, TIMESTEPS, TEXT, IMAGE, FPS).any()
        shares = network.keyframe_warp.shares[-1]
        shares.bias[:4], shares.bias[-8:-4], shares.bias[-4:] = 2.0, -1.0, 0.5
        found = network(shown, TIMESTEPS, TEXT, IMAGE, FPS) - 2 * X[:, :4]
        matches = network.keyframe_warp.matching(*ends.unbind(2), 3)
    # Even at the ends a millionth is of the keyframe that moved there from the other end.
    first, last = ends.unbind(2)
    come = torch.stack([warp(last, matches.way[:, :, 0]), warp(first, -matches.way[:, :, -1])], 2)
    mixed = (ends + 1e-6 * come) / (1 + 1e-6)
    assert deviation(found[:, :, [0, -1]], 0.5 * matches.latents[:, :, [0, -1]] - mixed) < 1e-5


def test_the_same_seed_fills_a_network_the_same_way_with_no_layer_too_loud() -> None:
    one, same, other = (Denoiser(CONFIG) for _ in range(3))
    for network, seed in ((one, 1), (same, 1), (other, 2)):
        network.init_weights(torch.Generator().manual_seed(seed))
    pairs = list(zip(one.parameters(), same.parameters(), other.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b, _ in pairs)
    assert any(not torch.equal(a, c) for a, _, c in pairs)
    sizes: list[Tensor] = []
    hooks = [
        layer.register_forward_hook(
            lambda layer, _, out: sizes.append(values_and_bias(out).values.std())
        )
        for layer in one.modules()
        if isinstance(layer, torch.nn.Conv2d)
    ]
    with torch.no_grad():
        one(X, TIMESTEPS, TEXT, IMAGE, FPS)
    assert len(sizes) == len(hooks) and max(sizes) < 10
