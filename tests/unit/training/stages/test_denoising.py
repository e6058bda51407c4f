"""The denoiser's training loss against plain arithmetic, one clip at a time in float64."""

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from support.networks import normal
from support.tiny import tiny_models
from support.training import SMALLEST
from tooncrafter_core.checkpoints.load import Models, build_models
from tooncrafter_core.checkpoints.synthetic import made_up_checkpoint
from tooncrafter_core.errors import TrainingError
from tooncrafter_core.training.groups import Group
from tooncrafter_core.training.inputs.draws import draw_seeds
from tooncrafter_core.training.inputs.encoding import encode_clips
from tooncrafter_core.training.outputs.previewing import PreviewSettings
from tooncrafter_core.training.stages.denoising import DenoisingSettings, DenoisingStage

FRAMES = 3
SEEDS = draw_seeds(5, 0, [0, 1, 2])
ALL = (Group.SPATIAL, Group.TEMPORAL, Group.PROJECTOR, Group.OTHER)
RECTIFIED = (Group.PROJECTOR, Group.SPATIAL)


def models(dtype: torch.dtype = torch.float32) -> Models:
    tiny = tiny_models()
    names = ("denoiser", "projector", "autoencoder", "text_encoder", "image_encoder")
    networks = {name: copy.deepcopy(getattr(tiny, name)).to(dtype) for name in names}
    return replace(tiny, **networks)


def batch() -> dict[str, Any]:
    return {
        "video": normal(3, 3, FRAMES, 64, 64).tanh(),
        "fps": torch.tensor([10.0, 24.0, 7.5]),
        "caption": ["a cat jumps", "", "rain"],
        "key": ["a", "b", "c"],
        "seeds": SEEDS,
    }


def stage_of(given: Models, learn: tuple[Group, ...], **settings: Any) -> DenoisingStage:
    return DenoisingStage(given, DenoisingSettings(**settings), learn, PreviewSettings())


def alphas_and_scales() -> tuple[np.ndarray, np.ndarray]:
    """SPEC section 8 in float64."""
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    roots = np.sqrt(np.cumprod(1 - betas))
    roots = (roots - roots[-1]) * roots[0] / (roots[0] - roots[-1])
    return roots**2, np.concatenate([np.linspace(1, 0.7, 400), np.full(600, 0.7)])


def twin(given: Models, share: float) -> tuple[Tensor, list[tuple[bool, bool]]]:
    """The loss of all clips, and for each whether its text and its picture were left out."""
    alphas, scales = alphas_and_scales()
    reported, total, left_out = batch(), torch.zeros((), dtype=torch.float64), []
    for index in range(3):
        generator = torch.Generator().manual_seed(int(SEEDS[index]))
        frames = reported["video"][index].double().transpose(0, 1)
        moments = given.autoencoder.quant_conv(given.autoencoder.encoder(frames)[0])
        mean, log_variance = moments.split(4, dim=1)
        drawn = torch.randn(4, FRAMES, 8, 8, generator=generator).double().transpose(0, 1)
        clean = 0.18215 * (mean + (log_variance / 2).exp() * drawn)
        step = int(torch.randint(1000, (), generator=generator))
        noise = torch.randn(4, FRAMES, 8, 8, generator=generator).double().transpose(0, 1)
        chance = float(torch.rand((), generator=generator))
        without = (chance < 2 * share, share <= chance < 3 * share)
        left_out.append(without)
        a, scaled = float(alphas[step]), clean * float(scales[step])
        noisy, target = (
            a**0.5 * scaled + (1 - a) ** 0.5 * noise,
            (a**0.5 * noise - (1 - a) ** 0.5 * scaled),
        )
        ends = torch.zeros_like(clean)
        ends[0], ends[-1] = clean[0], clean[-1]
        text = given.text_encoder.encode(["" if without[0] else reported["caption"][index]])  # type: ignore[union-attr,operator]
        picture = (
            torch.zeros(1, 3, 224, 224) if without[1] else reported["video"][index][None, :, 0]
        )
        tokens = given.projector(given.image_encoder.encode(picture))  # type: ignore[union-attr,operator]
        tokens = torch.stack([tokens[:, 16 * f : 16 * f + 16] for f in (0, 8, 15)], dim=1)
        v = given.denoiser(
            torch.cat([noisy, ends], dim=1).transpose(0, 1)[None],
            torch.tensor([step]),
            text,
            tokens,
            reported["fps"][index : index + 1],
        )
        total = total + ((v[0].transpose(0, 1) - target) ** 2).mean()
    return total / 3, left_out


@pytest.mark.parametrize(("learn", "share"), [(ALL, 0.05), (RECTIFIED, 0.3)])
def test_loss_and_gradients_equal_a_plain_twin_in_float64(
    learn: tuple[Group, ...], share: float
) -> None:
    stage = stage_of(models(), learn, condition_dropout=share)
    loss = stage("model", batch(), 0).total
    loss.backward()
    double = models(torch.float64)
    for network in (double.denoiser, double.projector):
        network.requires_grad_(True)
    expected, left_out = twin(double, share)
    expected.backward()
    # The case is only worth something when texts and pictures were left out and kept.
    assert share < 0.1 or all(len(set(column)) == 2 for column in zip(*left_out, strict=True))
    assert abs(loss - expected) < 1e-5 * expected
    wanted = {f"model.diffusion_model.{k}": v for k, v in double.denoiser.named_parameters()}
    wanted |= {f"image_proj_model.{k}": v for k, v in double.projector.named_parameters()}
    learners = dict(stage.learners("model"))
    assert len(learners) > 100
    for key, parameter in learners.items():
        gradient = wanted[key].grad
        assert parameter.grad is not None and gradient is not None, key
        # Biases before a norm of single channels have no gradient but rounding.
        assert (parameter.grad - gradient).norm() < 1e-3 * gradient.norm() + 1e-6, key
    frozen = [p for p in stage.parameters() if all(p is not q for q in learners.values())]
    assert all(parameter.grad is None for parameter in frozen)


def test_frozen_weights_are_unchanged_to_the_bit_after_twenty_steps() -> None:
    given = build_models(made_up_checkpoint(SMALLEST, "frozen"))
    stage = stage_of(given, RECTIFIED)
    learners = dict(stage.learners("model"))
    before = {k: p.detach().clone() for k, p in stage.official_parameters()}
    buffers = {k: b.clone() for k, b in stage.named_buffers()}
    optimizer = torch.optim.AdamW(learners.values(), lr=1e-3)
    reported = {**batch(), "video": normal(3, 3, 4, 32, 32).tanh()}
    for step in range(20):
        optimizer.zero_grad()
        stage("model", {**reported, "seeds": draw_seeds(0, step, [0, 1, 2])}, step).total.backward()
        optimizer.step()
    for key, parameter in stage.official_parameters():
        assert torch.equal(parameter, before[key]) is (key not in learners), key
    assert all(torch.equal(b, buffers[k]) for k, b in stage.named_buffers())


def test_a_prepared_batch_gives_the_loss_of_its_video() -> None:
    given, reported = models(), batch()
    stage = stage_of(given, RECTIFIED)
    clips = encode_clips(given.autoencoder, given.image_encoder, reported["video"])  # type: ignore[arg-type]
    prepared = {name: value for name, value in reported.items() if name != "video"}
    prepared |= {name: getattr(clips, name) for name in vars(clips)}
    with torch.no_grad():
        assert torch.equal(stage("model", reported, 0).total, stage("model", prepared, 0).total)


def test_bypassed_temporal_layers_neither_act_nor_learn() -> None:
    given = models()
    stage = stage_of(given, RECTIFIED, bypass_temporal=True)
    loss = stage("model", batch(), 0).total
    loss.backward()
    with torch.no_grad():
        for key, parameter in stage.official_parameters():
            if ".init_attn." in key or "temopral_conv" in key:
                parameter.add_(1.0)
    assert torch.equal(loss, stage("model", batch(), 0).total)
    stage.settings.bypass_temporal = False
    assert not torch.equal(loss, stage("model", batch(), 0).total)


def test_each_frame_stands_alone_when_temporal_layers_are_bypassed() -> None:
    from tooncrafter_core.training.stages.bypass import without_temporal_layers

    denoiser = models().denoiser
    x, text, tokens = normal(1, 8, 3, 8, 8), normal(1, 77, 64), normal(1, 3, 16, 64)
    changed = x.clone()
    changed[:, :, 2] += 1
    with torch.no_grad(), without_temporal_layers(denoiser):
        a, b = (denoiser(v, torch.tensor([500]), text, tokens) for v in (x, changed))
    assert torch.equal(a[:, :, :2], b[:, :, :2]) and not torch.equal(a[:, :, 2], b[:, :, 2])
    with torch.no_grad():
        after = [denoiser(v, torch.tensor([500]), text, tokens) for v in (x, changed)]
    assert not torch.equal(after[0][:, :, :2], after[1][:, :, :2])


@pytest.mark.parametrize("share", [-0.1, 0.4])
def test_a_share_that_is_none_is_reported(share: float) -> None:
    with pytest.raises(TrainingError, match="condition_dropout lies between 0 and 1/3"):
        stage_of(models(), RECTIFIED, condition_dropout=share)


@torch.no_grad()
def test_clips_at_the_last_timestep_see_noise_alone_and_may_be_taken_by_absolute_error() -> None:
    found = {}
    for error in ("squared", "absolute"):
        stage, seen = stage_of(models(), ALL, last_timestep=1.0, last_error=error), []
        stage.denoiser.register_forward_hook(
            lambda _, given, v, seen=seen: seen.extend([*given[:2], v])
        )
        # Of two frames the condition holds the whole clean clip.
        reported = {**batch(), "video": batch()["video"][:, :, [0, -1]]}
        found[error], (x, timesteps, v) = stage("model", reported, 0), seen
        assert timesteps.tolist() == [999, 999, 999]
        noise, clean = x.chunk(2, dim=1)
        assert abs(float(noise.std()) - 1) < 0.1
        difference = v + float(alphas_and_scales()[1][999]) * clean
        expected = difference.square() if error == "squared" else difference.abs()
        assert found[error].total.item() == pytest.approx(float(expected.mean()), rel=1e-4)
        squared = float(difference.square().mean())
        assert found[error].parts["mse"].item() == pytest.approx(squared, rel=1e-4)


@pytest.mark.parametrize("wrong", [{"last_timestep": 1.5}, {"last_error": "cubed"}])
def test_a_wrong_setting_of_the_last_timestep_is_reported(wrong: dict[str, Any]) -> None:
    with pytest.raises(TrainingError, match="last_timestep lies between 0 and 1"):
        stage_of(models(), RECTIFIED, **wrong)
