"""The sketch stage against plain arithmetic in float64, and what its encoder begins as."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from support.networks import filled, normal
from support.tiny import STEADY, STEADY_SKETCH, steady_models
from tooncrafter_core.checkpoints.load import Models
from tooncrafter_core.checkpoints.synthetic import made_up_tensor
from tooncrafter_core.config.model import SketchEncoderConfig
from tooncrafter_core.config.presets import TINY_SKETCH
from tooncrafter_core.errors import ModelMismatchError, TrainingError
from tooncrafter_core.layers.operations import TORCH_OPERATIONS
from tooncrafter_core.models.denoiser import Denoiser
from tooncrafter_core.models.sketch_encoder import SketchEncoder
from tooncrafter_core.training.groups import Group
from tooncrafter_core.training.inputs.draws import draw_seeds
from tooncrafter_core.training.outputs.previewing import PreviewSettings
from tooncrafter_core.training.settings.config import StartConfig
from tooncrafter_core.training.stages.sketching import SketchSettings, SketchStage
from tooncrafter_core.training.start.networks import start_models
from tooncrafter_core.training.start.sketch_encoder import copy_encoder, start_sketch_encoder

SEEDS = draw_seeds(5, 0, [0, 1])
NAMES = ("denoiser", "projector", "autoencoder", "text_encoder", "image_encoder")


def models(dtype: torch.dtype = torch.float32) -> Models:
    steady = steady_models()
    return replace(steady, **{n: copy.deepcopy(getattr(steady, n)).to(dtype) for n in NAMES})


def encoder(dtype: torch.dtype = torch.float32) -> SketchEncoder:
    return filled(SketchEncoder(STEADY_SKETCH, device="meta")).to(dtype)


def batch() -> dict[str, Any]:
    has_sketch = torch.tensor([[False, True, False], [True, False, True]])
    sketches = normal(2, 1, 3, 64, 64, seed=3).sigmoid()
    return {
        "video": normal(2, 3, 3, 64, 64).tanh(), "fps": torch.tensor([10.0, 24.0]),
        "caption": ["a cat jumps", "rain"], "key": ["a", "b"], "seeds": SEEDS,
        "sketches": sketches * has_sketch[:, None, :, None, None], "has_sketch": has_sketch,
    }  # fmt: skip


def stage_of(given: Models, sketch_encoder: SketchEncoder, **settings: Any) -> SketchStage:
    learn = (Group.SKETCH_ENCODER,)
    return SketchStage(given, sketch_encoder, SketchSettings(**settings), learn, PreviewSettings())


def twin(given: Models, sketch_encoder: SketchEncoder, tokens_read: str) -> Tensor:
    """The loss of both clips, one frame after the other through the sketch encoder."""
    reported, total = batch(), torch.zeros((), dtype=torch.float64)
    alphas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    roots = (1 - alphas).cumprod(0).sqrt()
    roots = (roots - roots[-1]) * roots[0] / (roots[0] - roots[-1])
    for index in range(2):
        generator = torch.Generator().manual_seed(int(SEEDS[index]))
        frames = reported["video"][index].double().transpose(0, 1)
        moments = given.autoencoder.quant_conv(given.autoencoder.encoder(frames)[0])
        mean, log_variance = moments.split(4, dim=1)
        drawn = torch.randn(4, 3, 8, 8, generator=generator).double().transpose(0, 1)
        clean = 0.18215 * (mean + (log_variance / 2).exp() * drawn)
        step = int(torch.randint(1000, (), generator=generator))
        noise = torch.randn(4, 3, 8, 8, generator=generator).double().transpose(0, 1)
        scaled = clean * max(1 - 0.3 * step / 399, 0.7)
        root, rest = roots[step], (1 - roots[step] ** 2).sqrt()
        noisy, target = root * scaled + rest * noise, root * noise - rest * scaled
        ends = torch.stack([clean[0], torch.zeros_like(clean[0]), clean[2]])
        text = given.text_encoder.encode([reported["caption"][index]])  # type: ignore[union-attr,operator]
        tokens = given.projector(given.image_encoder.encode(reported["video"][index][None, :, 0]))  # type: ignore[union-attr,operator]
        tokens = torch.stack([tokens[:, 16 * f : 16 * f + 16] for f in (0, 8, 15)], dim=1)
        context = text if tokens_read == "text" else torch.cat([text, tokens.flatten(1, 2)], dim=1)
        alone = [
            sketch_encoder(
                noisy[frame][None, :, None],
                sketch_encoder.read_hints(reported["sketches"][index][None, :, frame].double()),
                torch.tensor([step]),
                context,
            )
            for frame in range(3)
        ]
        v = given.denoiser(
            torch.cat([noisy, ends], dim=1).transpose(0, 1)[None], torch.tensor([step]), text,
            tokens, reported["fps"][index : index + 1],
            control=[torch.cat(residuals) for residuals in zip(*alone, strict=True)],
        )  # fmt: skip
        total = total + ((v[0].transpose(0, 1) - target) ** 2).mean()
    return total / 2


@pytest.mark.parametrize("tokens", ["text", "all"])
def test_loss_and_gradients_equal_a_plain_twin_in_float64(tokens: str) -> None:
    stage = stage_of(models(), encoder(), tokens=tokens, condition_dropout=0.0)
    loss = stage("model", batch(), 0).total
    loss.backward()
    double = encoder(torch.float64).requires_grad_(True)
    expected = twin(models(torch.float64), double, tokens)
    expected.backward()
    assert abs(loss - expected) < 1e-5 * expected
    learners = dict(stage.learners("model"))
    assert {f"control_model.{k}" for k, _ in double.named_parameters()} == set(learners)
    for key, parameter in double.named_parameters():
        found = learners[f"control_model.{key}"].grad
        assert found is not None and parameter.grad is not None, key
        # Among one pixel, which is all that the middle has, attention has no use for a query.
        assert (found - parameter.grad).norm() < 1e-4 * parameter.grad.norm() + 1e-7, key
    frozen = [p for k, p in stage.official_parameters() if k not in learners]
    assert frozen and all(parameter.grad is None for parameter in frozen)


def test_a_new_encoder_is_a_copy_whose_guidance_begins_at_zero(smallest: Path) -> None:
    start = StartConfig(checkpoint=str(smallest))
    given = start_models(start, TORCH_OPERATIONS, 0)
    weights = given.denoiser.state_dict()
    new = start_sketch_encoder(start, given.config.unet, weights, TORCH_OPERATIONS, 0)
    own = new.state_dict()
    assert torch.equal(own["input_blocks.0.0.weight"], weights["input_blocks.0.0.weight"][:, :4])
    assert torch.equal(own["middle_block.2.in_layers.2.weight"],
                       weights["middle_block.3.in_layers.2.weight"])  # fmt: skip
    assert torch.equal(own["time_embed.0.weight"], weights["time_embed.0.weight"])
    with torch.no_grad():
        hints = new.read_hints(normal(3, 1, 32, 32))
        residuals = new(normal(1, 4, 3, 4, 4), hints, torch.tensor([5]), normal(1, 7, 8))
    assert all(not residual.any() for residual in residuals)


def test_an_image_model_becomes_a_sketch_encoder() -> None:
    """Stable Diffusion 2.1 has the same keys, without what is for clips."""
    new = SketchEncoder(TINY_SKETCH)
    new.init_weights(torch.Generator().manual_seed(0))
    copied = [
        k for k in new.state_dict() if not k.startswith(("zero_", "middle_block_o", "input_h"))
    ]
    image_model = {k: made_up_tensor("sd", k, tuple(new.state_dict()[k].shape)) for k in copied}
    copy_encoder(new, image_model, "sd.safetensors")
    assert all(torch.equal(new.state_dict()[key], image_model[key]) for key in copied)
    del image_model["time_embed.0.weight"]
    with pytest.raises(TrainingError, match=r"sd cannot become .*'time_embed.0.weight' is missing"):
        copy_encoder(new, image_model, "sd")


def test_an_encoder_that_matches_learns_by_the_latents_of_sketched_frames() -> None:
    moving = replace(STEADY.unet, in_channels=16, warps_keyframes=True)
    given = replace(
        models(),
        config=replace(STEADY, unet=moving),
        denoiser=filled(Denoiser(moving, device="meta")),
    )
    matching = filled(SketchEncoder(replace(STEADY_SKETCH, matches_keyframes=True), device="meta"))
    stage = stage_of(given, matching, matching=1.0, condition_dropout=0.0)
    losses = stage("model", batch(), 0)
    assert set(losses.parts) == {"mse", "matching"}
    torch.testing.assert_close(
        losses.total.detach(), losses.parts["mse"] + losses.parts["matching"]
    )
    losses.total.backward()
    assert matching.matching.describe_sketch.weight.grad.abs().max() > 0  # type: ignore[union-attr]
    # Without its weight the loss is that of v alone.
    alone = stage_of(given, matching, condition_dropout=0.0)("model", batch(), 0)
    torch.testing.assert_close(alone.total.detach(), losses.parts["mse"])
    with pytest.raises(TrainingError, match="more only for a sketch encoder that compares"):
        stage_of(models(), encoder(), matching=1.0)
    with pytest.raises(ModelMismatchError, match="warps_keyframes"):
        stage_of(models(), matching)


def test_an_encoder_of_another_model_is_refused() -> None:
    other = filled(SketchEncoder(SketchEncoderConfig(
        model_channels=32, channel_mult=(1, 2), num_res_blocks=1, context_dim=64,
        num_head_channels=32), device="meta"))  # fmt: skip
    with pytest.raises(ModelMismatchError, match="belongs to another model"):
        stage_of(steady_models(), other)
    with pytest.raises(TrainingError, match=r"stage\.tokens is one of text, all; not 'some'"):
        stage_of(steady_models(), encoder(), tokens="some")
