"""Sketches in ComfyUI on a tiny model with made-up weights, in the test process."""

from typing import Any

import comfy.conds
import comfy.model_management
import comfy.sampler_helpers
import pytest
import torch
from tooncrafter_pack.nodes.bridge.control import HostSketchEncoder, SketchControl
from tooncrafter_pack.nodes.line_art import ToonCrafterLineArt
from tooncrafter_pack.nodes.sketch import ToonCrafterSketchGuidance
from torch import Tensor

import nodes as host_nodes
from support.host_models import (
    HostModels,
    picture,
    relative,
    run_decode,
    run_keyframes,
    run_sampler,
)
from support.host_sampling import sample_by_parts, sigmas_of
from support.host_sketches import (
    Ready,
    control_of,
    counted,
    drawings,
    guide,
    guide_by_stock_node,
    residuals,
    tiny_control,
)
from support.tiny import tiny_models as tiny_core
from tooncrafter_core.checkpoints.synthetic import made_up_sketch_encoder
from tooncrafter_core.device.memory import sketch_encoder_bytes
from tooncrafter_core.interpolation.pipeline import interpolate
from tooncrafter_core.interpolation.settings import InterpolationSettings
from tooncrafter_core.pictures.fitting import fit
from tooncrafter_core.pictures.keyframes import Keyframes
from tooncrafter_core.sketches.frames import SketchLayer
from tooncrafter_core.sketches.guidance import load_sketch_encoder
from tooncrafter_core.sketches.hints import to_hint

NOISE = torch.randn(1, 4, 1, 8, 8, generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope="module")
def control(pack: Any) -> SketchControl:
    return tiny_control()


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[int]]:
    """Of every call of the sketch encoder, how many clips or hints it read."""
    seen: dict[str, list[int]] = {"forward": [], "read_hints": []}
    for name, calls in seen.items():
        monkeypatch.setattr(
            HostSketchEncoder, name, counted(getattr(HostSketchEncoder, name), calls)
        )
    return seen


def sampled(tiny: HostModels, ready: Ready, **options: Any) -> Tensor:
    """Two steps of 'ToonCrafter Sampler (DDIM)'."""
    return run_sampler(tiny.model, *ready, **options)["samples"]


def still(frames: int) -> Tensor:
    """A clip of noise that is the same in every frame."""
    return NOISE.expand(1, 4, frames, 8, 8)


def clip(tiny: HostModels, keyframes: tuple[Tensor, Tensor], frames: int) -> Ready:
    return run_keyframes(tiny, *keyframes, frames=frames)


# Which frames


@pytest.mark.parametrize("frames", [8, 16, 24])
def test_sparse_and_dense_sketches_guide_clips_of_any_length(
    tiny: HostModels, keyframes: tuple[Tensor, Tensor], control: SketchControl, frames: int
) -> None:
    ready, sketches = clip(tiny, keyframes, frames), drawings(frames)
    dense = guide(ready, control, sketches, "all")
    sparse = guide(ready, control, sketches[[0, frames // 2, -1]], f"1, {frames // 2 + 1}, -1")
    every, some = (residuals(tiny, control_of(one), still(frames)) for one in (dense, sparse))
    unguided = residuals(tiny, control_of(guide(ready, control, sketches[:1], "1")), still(frames))
    for frame in (0, frames // 2, frames - 1):
        assert all(torch.allclose(a[frame], b[frame], atol=1e-5)
                   for a, b in zip(every, some, strict=True))  # fmt: skip
    for frame in (1, frames - 2):
        assert all(torch.allclose(a[frame], b[-1], atol=1e-5)
                   for a, b in zip(some, unguided, strict=True))  # fmt: skip
    plain, guided = (sampled(tiny, one, steps=1, cfg=1.0) for one in (ready, sparse))
    assert torch.isfinite(guided).all() and not torch.equal(guided, plain)


def test_permuting_the_frames_of_sketches_permutes_the_residuals(
    tiny: HostModels, keyframes: tuple[Tensor, Tensor], control: SketchControl
) -> None:
    ready, sketches = clip(tiny, keyframes, 8), drawings(3)
    there = residuals(tiny, control_of(guide(ready, control, sketches, "1, 4, 7")), still(8))
    moved = residuals(tiny, control_of(guide(ready, control, sketches, "6, 1, 3")), still(8))
    for before, after in zip(there, moved, strict=True):
        assert torch.allclose(before[[0, 3, 6, 1]], after[[5, 0, 2, 1]], atol=1e-5)


def test_frames_of_chained_nodes_have_their_own_strengths_and_the_later_wins(
    tiny: HostModels, ready: Ready, control: SketchControl
) -> None:
    one, two = drawings(2).split(1)
    chained = guide(guide(ready, control, one, "1", 0.2), control, two, "3", 0.8)
    parts = residuals(tiny, control_of(chained), still(4))
    weak = residuals(tiny, control_of(guide(ready, control, one, "1", 0.2)), still(4))
    strong = residuals(tiny, control_of(guide(ready, control, two, "3", 0.8)), still(4))
    for found, a, b in zip(parts, weak, strong, strict=True):
        assert torch.allclose(found[0], a[0], atol=1e-5)
        assert torch.allclose(found[2], b[2], atol=1e-5)
    again = guide(guide(ready, control, one, "1", 0.2), control, two, "1", 0.8)
    once = guide(ready, control, two, "1", 0.8)
    assert torch.equal(sampled(tiny, again), sampled(tiny, once))
    assert control_of(again).previous_controlnet is None


def test_frames_without_sketch_get_an_empty_one_or_nothing(
    tiny: HostModels, ready: Ready, control: SketchControl
) -> None:
    empty, none = (
        residuals(tiny, control_of(guide(ready, control, drawings(), "2", other_frames=mode)),
                  still(4))
        for mode in ("empty", "none")
    )  # fmt: skip
    for with_empty, with_none in zip(empty, none, strict=True):
        assert with_empty[0].abs().max() > 0 and with_none[0].abs().max() == 0
        assert torch.allclose(with_empty[1], with_none[1], atol=1e-5)


def test_start_and_end_are_shares_of_sampling(
    tiny: HostModels, ready: Ready, control: SketchControl
) -> None:
    guided = control_of(guide(ready, control, drawings(), "2", start=0.25, end=0.75))
    active = [t for t in (999, 760, 740, 500, 260, 240, 0) if residuals(tiny, guided, still(4), t)]
    assert active == [740, 500, 260]


# Strength


def test_strength_zero_is_no_guidance_to_the_bit(
    tiny: HostModels, ready: Ready, control: SketchControl
) -> None:
    guided = guide(ready, control, drawings(), "2", 0.0)
    assert torch.equal(sampled(tiny, guided), sampled(tiny, ready))


def test_largest_strength_stays_finite(
    tiny: HostModels, ready: Ready, control: SketchControl
) -> None:
    guided = guide(ready, control, drawings(4), "all", 10.0)
    assert torch.isfinite(sampled(tiny, guided)).all()


# Samplers, batches, the core


@pytest.mark.parametrize("sampler", ["euler", "dpmpp_2m"])
def test_ksampler_follows_sketches(
    tiny: HostModels, ready: Ready, control: SketchControl, sampler: str
) -> None:
    guided = guide(ready, control, drawings(), "2")
    plain, drawn = (
        host_nodes.common_ksampler(tiny.model, 5, 2, 2.0, sampler, "normal", *one)[0]["samples"]
        for one in (ready, guided)
    )
    assert torch.isfinite(drawn).all() and not torch.equal(drawn, plain)


def test_both_halves_of_guidance_in_one_batch_or_apart_give_the_same(
    tiny: HostModels, ready: Ready, control: SketchControl, passes: dict[str, list[int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    guided = guide(ready, control, drawings(), "2")
    together = sampled(tiny, guided, steps=3)
    assert passes["forward"] == [2, 2, 2]
    passes["forward"].clear()
    monkeypatch.setattr(comfy.conds.CONDCrossAttn, "can_concat", lambda self, other: False)
    apart = sampled(tiny, guided, steps=3)
    assert passes["forward"] == [1] * 6
    assert relative(together, apart) < 2e-3


def test_hints_are_read_once_a_run(
    tiny: HostModels, ready: Ready, control: SketchControl, passes: dict[str, list[int]]
) -> None:
    guided = guide(guide(ready, control, drawings(2), "1, 3"), control, drawings(), "4")
    sampled(tiny, guided, steps=3)
    assert passes["read_hints"] == [2, 1, 1]  # each node's, and an empty one for all others


@pytest.mark.parametrize("tokens", ["text", "all"])
def test_nodes_and_core_draw_the_same_frames_from_a_seed(
    tiny: HostModels, keyframes: tuple[Tensor, Tensor], tokens: Any
) -> None:
    control = tiny_control()
    control.tokens_read = tokens
    ready = run_keyframes(tiny, *keyframes, width=72, height=64, seed=9)
    sketches = drawings(2, 90, 50)
    latent = run_sampler(tiny.model, *guide(ready, control, sketches, "2, -1"), seed=9)
    found = run_decode(tiny, latent, *keyframes)

    first, last, ink = (p.movedim(-1, 1) * 2 - 1 for p in (*keyframes, sketches))
    settings = InterpolationSettings(
        prompt="an anime scene", width=72, height=64, num_frames=4, steps=2, seed=9,
        sketch_tokens=tokens,
    )  # fmt: skip
    video = interpolate(
        tiny_core(), Keyframes.at_ends(first, last), settings,
        sketches=[SketchLayer(hints=to_hint(ink).hints, frames=(1, 3))],
        sketch_encoder=load_sketch_encoder(made_up_sketch_encoder()),
    )  # fmt: skip
    expected = ((video[0] + 1) / 2).clamp(0, 1).permute(1, 2, 3, 0)
    assert relative(found, expected) < 5e-3


def test_stock_node_takes_a_sketch_for_every_frame(
    tiny: HostModels, keyframes: tuple[Tensor, Tensor], control: SketchControl
) -> None:
    ready, sketches = clip(tiny, keyframes, 16), drawings(16)
    stock = guide_by_stock_node(ready, control, sketches)
    ours = guide(ready, control, sketches, "all")
    found, expected = (sampled(tiny, one, steps=1) for one in (stock, ours))
    assert relative(found, expected) < 1e-4


# Sizes and kinds of pictures


@pytest.mark.parametrize("mode", ["crop", "pad", "stretch", "official"])
@pytest.mark.parametrize("size", [(40, 100), (150, 60)])
def test_sketches_are_fitted_as_the_keyframes_are(
    tiny: HostModels, keyframes: tuple[Tensor, Tensor], control: SketchControl, mode: Any,
    size: tuple[int, int],
) -> None:  # fmt: skip
    ready = run_keyframes(tiny, *keyframes, width=104, height=72, fit=mode)
    sketch = drawings(1, *size)
    (layer,) = control_of(guide(ready, control, sketch, "2")).layers
    expected = 1 - (fit(sketch.movedim(-1, 1) * 2 - 1, 104, 72, mode, 64)[0][:, :1] + 1) / 2
    assert layer.hints.shape == expected.shape == (1, 1, 128, 128)
    _, placement = fit(sketch.movedim(-1, 1), 104, 72, mode, 64)
    found, wanted = (placement.picture.cut(x) > 0.3 for x in (layer.hints, expected))
    assert (found == wanted).float().mean() > 0.93
    assert torch.isfinite(sampled(tiny, guide(ready, control, sketch, "2"), steps=1)).all()


def test_a_photograph_is_accepted_and_its_warning_is_shown(
    ready: Ready, control: SketchControl, caplog: pytest.LogCaptureFixture
) -> None:
    arguments = (control, picture(3, 90, 120), "2", 0.6, 0.0, 1.0, "auto", "empty")
    output = ToonCrafterSketchGuidance.execute(*ready[:2], *arguments)
    (warning,) = output.ui["text"]
    assert "large filled areas" in warning and warning in caplog.text
    assert len(output.ui["images"]) == 1
    drawn = ToonCrafterSketchGuidance.execute(*ready[:2], control, drawings(), *arguments[2:])
    assert not drawn.ui["text"]


def test_line_art_draws_what_sketch_guidance_reads(
    tiny: HostModels, ready: Ready, control: SketchControl
) -> None:
    scene = torch.full((2, 96, 128, 3), 0.8)
    scene[:, 20:70, 30:90] = torch.tensor([0.2, 0.4, 0.9])
    white, black = (
        ToonCrafterLineArt.execute(scene, 1.0, 0.08, on_black).args[0] for on_black in (False, True)
    )
    assert white.shape == (2, 96, 128, 3)
    assert torch.allclose(white, 1 - black)
    assert white[:, :5].min() > 0.95 and white[:, 16:24, 40:80].amin(dim=1).max() < 0.2
    layers = [control_of(guide(ready, control, art, "1, 2")).layers[0] for art in (white, black)]
    assert torch.allclose(layers[0].hints, layers[1].hints, atol=0.05)


# Memory, cancelling


def test_sketch_encoder_joins_the_models_of_a_run_with_its_memory(
    ready: Ready, control: SketchControl
) -> None:
    guided = control_of(guide(ready, control, drawings(), "2"))
    conds = {"positive": [{"control": guided}], "negative": [{"control": guided}]}
    models, memory = comfy.sampler_helpers.get_additional_models(conds, torch.float32)
    assert models.count(control.patcher) >= 1 and guided.get_models() == [control.patcher]
    least = sketch_encoder_bytes(control.encoder.config, 1, 16, 8, 8, 4)
    assert least <= memory / len(models) <= 1.5 * least


def test_cancelled_run_keeps_nothing_and_the_next_is_as_if_it_had_not_been(
    tiny: HostModels, ready: Ready, control: SketchControl
) -> None:
    guided = guide(ready, control, drawings(), "2")
    whole = sample_by_parts(tiny.model, guided, sigmas_of(tiny.model, 3))
    held: list[int] = []

    def cancel(step: int, *_: Any) -> None:
        held.append(len(control_of(guided)._features))
        if step == 1:
            raise comfy.model_management.InterruptProcessingException

    with pytest.raises(comfy.model_management.InterruptProcessingException):
        sample_by_parts(tiny.model, guided, sigmas_of(tiny.model, 3), callback=cancel)
    assert held == [1, 1]
    assert not control_of(guided)._features and control_of(guided)._sampling is None
    assert not any(tiny.model.callbacks.get("on_cleanup", {}).values())
    assert torch.equal(sample_by_parts(tiny.model, guided, sigmas_of(tiny.model, 3)), whole)
