"""The mini preset through the nodes, with a vocabulary of one word and four tokens a frame."""

from typing import Any

import pytest
import torch
from tooncrafter_pack.nodes.bridge.autoencoder import ToonCrafterVAE
from tooncrafter_pack.nodes.bridge.denoiser import load_model
from tooncrafter_pack.nodes.bridge.encoders.sketch import load_sketch_control
from tooncrafter_pack.nodes.bridge.patchers import choose_dtypes
from tooncrafter_pack.tooncrafter_core.config import presets
from tooncrafter_pack.tooncrafter_core.device.precision import inference_dtypes
from tooncrafter_pack.tooncrafter_core.errors import ToonCrafterError

from support.host_models import (
    build_models,
    picture,
    relative,
    run_decode,
    run_keyframes,
    run_sampler,
)
from support.host_sketches import drawings, guide
from tooncrafter_core.checkpoints import build_models as build_core
from tooncrafter_core.checkpoints import detect, detect_sketch_encoder
from tooncrafter_core.checkpoints.latent_colours import LatentColours, latent_rgb_metadata
from tooncrafter_core.checkpoints.synthetic import made_up_checkpoint, made_up_sketch_encoder
from tooncrafter_core.config.presets import MINI, MINI_SKETCH
from tooncrafter_core.interpolation.pipeline import interpolate
from tooncrafter_core.interpolation.settings import InterpolationSettings
from tooncrafter_core.pictures.keyframes import Keyframes
from tooncrafter_core.sketches.frames import SketchLayer
from tooncrafter_core.sketches.guidance import load_sketch_encoder
from tooncrafter_core.sketches.hints import to_hint


def test_nodes_and_core_draw_the_same_frames_along_a_sketch(pack: Any) -> None:
    checkpoint, sketch_checkpoint = made_up_checkpoint(MINI), made_up_sketch_encoder(MINI_SKETCH)
    assert detect(checkpoint) == MINI
    models = build_models(checkpoint, MINI)
    control = load_sketch_control(sketch_checkpoint, detect_sketch_encoder(sketch_checkpoint))
    first, last, ink = picture(1), picture(2), drawings()
    ready = run_keyframes(models, first, last, width=72, height=64, seed=9)
    latent = run_sampler(models.model, *guide(ready, control, ink, "2"), seed=9)
    found = run_decode(models, latent, first, last)

    a, b, lines = (image.movedim(-1, 1) * 2 - 1 for image in (first, last, ink))
    settings = InterpolationSettings(
        prompt="an anime scene", width=72, height=64, num_frames=4, steps=2, seed=9
    )
    video = interpolate(
        build_core(checkpoint), Keyframes.at_ends(a, b), settings,
        sketches=[SketchLayer(hints=to_hint(lines).hints, frames=(1,))],
        sketch_encoder=load_sketch_encoder(sketch_checkpoint),
    )  # fmt: skip
    expected = ((video[0] + 1) / 2).clamp(0, 1).permute(1, 2, 3, 0)
    assert relative(found, expected) < 5e-3


def test_all_prompts_are_one_to_a_vocabulary_of_one(pack: Any) -> None:
    models = build_models(made_up_checkpoint(MINI), MINI)
    one, other = (models.prompt(text)[0][0] for text in ("a cat", "two dogs run (home:1.0)"))
    assert one.shape == (1, 77, 64)
    assert relative(one, other) < 1e-5


def test_previews_have_the_colours_that_the_checkpoint_brings(
    pack: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import latent_preview

    monkeypatch.setattr(
        latent_preview.args, "preview_method", latent_preview.LatentPreviewMethod.Latent2RGB
    )
    checkpoint = made_up_checkpoint(MINI)
    plain = load_model(checkpoint, MINI, torch.float32)
    colours = LatentColours(
        ((0.5, 0.0, 0.0), (0.0, 0.25, 0.0), (0.0, 0.0, -0.5), (0.1, 0.1, 0.1)), (0.2, -0.2, 0.4)
    )
    checkpoint.metadata |= latent_rgb_metadata(colours)
    own = load_model(checkpoint, MINI, torch.float32)
    latents = torch.randn(1, 4, 1, 5, 6, generator=torch.Generator().manual_seed(1))
    pixels = []
    for model in (plain, own):
        previewer = latent_preview.get_previewer(model.load_device, model.model.latent_format)
        picture = previewer.decode_latent_to_preview(latents)
        pixels.append(torch.tensor(list(picture.getdata())).reshape(5, 6, 3))
    expected = ((colours(latents[:, :, 0])[0].movedim(0, -1) + 1) * 127.5).clamp(0, 255)
    # Levels are cut off, and one hundredth is for sums that end on either side of a level.
    assert (pixels[1] - expected).abs().max() <= 1.01
    assert (pixels[0] - expected).abs().max() > 20


def test_it_computes_in_bfloat16_where_a_card_would_take_float16(
    pack: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import comfy.model_management

    # As a card with tensor cores answers.
    for question in ("should_use_fp16", "should_use_bf16"):
        monkeypatch.setattr(comfy.model_management, question, lambda *_, **__: True)
    size = 1000
    assert choose_dtypes(size, inference_dtypes(presets.TINY)).compute == torch.float16
    for config in (presets.MINI, presets.MINI_SKETCH):
        assert choose_dtypes(size, inference_dtypes(config)).compute == torch.bfloat16
        with pytest.raises(ToonCrafterError, match="Choose default, bf16 or fp32"):
            choose_dtypes(size, inference_dtypes(config), torch.float16)
    vae = ToonCrafterVAE(made_up_checkpoint(MINI), presets.MINI)
    assert vae.working_dtypes == [torch.bfloat16, torch.float32]
