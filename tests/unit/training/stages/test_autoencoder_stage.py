"""The stage that trains encoder and image decoder from scratch, against plain arithmetic."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from support.networks import filled, normal
from support.tiny import tiny_models
from tooncrafter_core.checkpoints.load import Models
from tooncrafter_core.config.presets import TINY
from tooncrafter_core.errors import TrainingError
from tooncrafter_core.models.autoencoder.autoencoder import Autoencoder
from tooncrafter_core.training.inputs.draws import draw_seeds
from tooncrafter_core.training.stages.autoencoder_stage import AutoencoderSettings, AutoencoderStage

SEEDS = draw_seeds(3, 0, [0, 1])


def models(dtype: torch.dtype = torch.float32) -> Models:
    autoencoder = filled(Autoencoder(TINY.autoencoder, device="meta")).to(dtype)
    return replace(tiny_models(), autoencoder=autoencoder)


def clips(dtype: torch.dtype = torch.float32) -> Tensor:
    return normal(2, 3, 3, 48, 64).tanh().to(dtype)


def settings(**others: object) -> AutoencoderSettings:
    return AutoencoderSettings(**{"crop_width": 32, "crop_height": 40, **others})  # type: ignore[arg-type]


def twin(autoencoder: Autoencoder, video: Tensor) -> Tensor:
    """The loss of both clips by plain arithmetic, one picture at a time."""
    total = torch.zeros((), dtype=torch.float64)
    for clip, seed in zip(video, SEEDS.tolist(), strict=True):
        generator = torch.Generator().manual_seed(seed)
        frame = int(torch.randn(3, generator=generator).argmin())
        top = int(torch.randint(48 - 40 + 1, (), generator=generator))
        left = int(torch.randint(64 - 32 + 1, (), generator=generator))
        picture = clip[:, frame, top : top + 40, left : left + 32][None]
        moments, _ = autoencoder.encoder(picture)
        mean, log_variance = autoencoder.quant_conv(moments).split(4, dim=1)
        noise = torch.randn(1, 4, 5, 4, generator=generator)[0].double()
        decoded = plain_decoder(autoencoder, mean + (log_variance / 2).exp() * noise)
        difference = decoded - picture
        kl = (mean**2 + log_variance.exp() - 1 - log_variance) / 2
        total = total + difference.abs().mean() + 3 * (difference**2).mean() + 1e-5 * kl.mean()
    return total / 2


def plain_decoder(autoencoder: Autoencoder, z: Tensor) -> Tensor:
    """The image decoder layer by layer, as Stable Diffusion has it."""
    decoder = autoencoder.decoder
    h = decoder.conv_in(z)
    h = decoder.mid.block_2.forward(decoder.mid.attn_1(decoder.mid.block_1.forward(h)))
    for stage in reversed(list(decoder.up)):
        for block in stage.block:  # type: ignore[union-attr]
            h = block.forward(h)
        if stage.upsample is not None:
            h = stage.upsample(h)  # type: ignore[operator]
    norm = decoder.norm_out
    normed = F.group_norm(h, norm.num_groups, norm.weight, norm.bias, norm.eps)
    return decoder.conv_out(F.silu(normed))


def test_loss_and_gradients_equal_a_plain_twin_in_float64() -> None:
    stage = AutoencoderStage(models(), settings())
    losses = stage("model", {"video": clips(), "seeds": SEEDS}, 0)
    losses.total.backward()
    double = models(torch.float64).autoencoder.requires_grad_(True)
    expected = twin(double, clips(torch.float64))  # type: ignore[arg-type]
    expected.backward()
    assert abs(losses.total - expected) < 1e-5 * expected
    wanted = dict(double.named_parameters())
    learners = dict(stage.learners("model"))
    assert len(learners) > 100
    for key, parameter in learners.items():
        assert parameter.grad is not None, key
        gradient = wanted.pop(key.removeprefix("first_stage_model.")).grad
        assert gradient is not None
        # Biases before a norm of single channels have no gradient but rounding.
        assert (parameter.grad - gradient).norm() < 1e-3 * gradient.norm() + 1e-6, key
    # What does not learn has no part in the twin either.
    assert wanted and all(parameter.grad is None for parameter in wanted.values())


def test_what_joins_frames_and_reads_references_is_unchanged_to_the_bit() -> None:
    given = models()
    stage = AutoencoderStage(given, settings())
    learners = dict(stage.learners("model"))
    before = {key: value.clone() for key, value in given.autoencoder.state_dict().items()}
    optimizer = torch.optim.AdamW(learners.values(), lr=1e-3)
    for step in range(20):
        optimizer.zero_grad()
        batch = {"video": clips(), "seeds": draw_seeds(0, step, [0, 1])}
        stage("model", batch, step).total.backward()
        optimizer.step()
    for key, value in given.autoencoder.state_dict().items():
        learns = f"first_stage_model.{key}" in learners
        assert torch.equal(value, before[key]) is not learns, key


def test_lpips_counts_from_its_step_on() -> None:
    stage = AutoencoderStage(models(), settings(lpips=0.5, lpips_from=10))
    batch = {"video": clips(), "seeds": SEEDS}
    with torch.no_grad():
        before, after = (stage("model", batch, step) for step in (9, 10))
    assert "lpips" not in before.parts
    assert float(after.total - before.total) == pytest.approx(
        0.5 * float(after.parts["lpips"]), rel=1e-4
    )


def test_a_new_autoencoder_decodes_clips_as_its_image_decoder_does() -> None:
    autoencoder = Autoencoder(TINY.autoencoder)
    autoencoder.init_weights(torch.Generator().manual_seed(1))
    with torch.no_grad():
        posterior = autoencoder.encode(clips()[0].transpose(0, 1))
        assert posterior.log_variance.mean() == pytest.approx(-6, abs=1.5)
        alone = autoencoder.decode_images(posterior.mean)
        references = [feature[None, [0, 2]].transpose(1, 2) for feature in posterior.features]
        together = autoencoder.decode(posterior.mean.transpose(0, 1)[None], references)
    assert (together[0].transpose(0, 1) - alone).abs().max() < 1e-5
    assert 0.3 < alone.std() < 3


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"crop_width": 30}, "multiples of 8"),
        ({"frames_per_clip": 0}, "frames_per_clip must be 1"),
        ({"l1": 0.0, "mse": 0.0}, "l1 or mse above it"),
        ({"lpips_backbone": "resnet"}, "alexnet, vgg16; not 'resnet'"),
    ],
)
def test_wrong_settings_are_reported(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(TrainingError, match=words):
        AutoencoderStage(models(), settings(**wrong))


def test_a_crop_larger_than_the_clips_is_reported() -> None:
    stage = AutoencoderStage(models(), settings(crop_width=128))
    with pytest.raises(TrainingError, match=r"128x40 pixels were asked for.* of 64x48"):
        stage("model", {"video": clips(), "seeds": SEEDS}, 0)
