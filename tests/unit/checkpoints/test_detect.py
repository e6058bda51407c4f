"""What detection reads off the shapes of published, odd and foreign files."""

from dataclasses import replace

import pytest
import torch

from support.checkpoints import component_shapes, manifest, meta_tensors, tiny_tensors
from tooncrafter_core.checkpoints import (
    Checkpoint,
    Component,
    compare,
    detect,
    detect_component_files,
    detect_sketch_encoder,
    is_sketch_encoder,
)
from tooncrafter_core.checkpoints.keys import OPTIONAL, REQUIRED
from tooncrafter_core.checkpoints.load import build_network, check_models
from tooncrafter_core.checkpoints.stored_config import (
    CONFIG_KEY,
    config_from_json,
    config_metadata,
    config_to_json,
)
from tooncrafter_core.checkpoints.synthetic import made_up_sketch_encoder
from tooncrafter_core.config.model import (
    AutoencoderConfig,
    ImageEncoderConfig,
    ModelConfig,
    ResamplerConfig,
    SketchEncoderConfig,
    TextEncoderConfig,
    UNetConfig,
)
from tooncrafter_core.config.presets import MINI_SKETCH, TINY, TOONCRAFTER_512
from tooncrafter_core.errors import CheckpointError
from tooncrafter_core.models.sketch_encoder import SketchEncoder

PRUNED = replace(TOONCRAFTER_512, text_encoder=None, image_encoder=None)


def of_shapes(shapes: dict[str, tuple[int, ...]], **options: dict[str, str]) -> Checkpoint:
    return Checkpoint.from_tensors(meta_tensors(shapes), name="file.ckpt", **options)


@pytest.mark.parametrize(
    ("name", "count", "config"),
    [("tooncrafter_512", 2668, TOONCRAFTER_512), ("kijai_model", 1976, PRUNED)],
)
def test_published_file_is_recognised_and_fits_without_leftovers(
    name: str, count: int, config: ModelConfig
) -> None:
    checkpoint = of_shapes(manifest(name))
    assert len(checkpoint) == count
    assert detect(checkpoint) == config
    check_models(checkpoint, config)
    used = 0
    for component in (*REQUIRED, *OPTIONAL):
        if getattr(config, component.value, True) is not None:
            network = build_network(component, config, checkpoint)
            mismatch = compare(network, checkpoint.shapes, component)
            assert not mismatch, str(mismatch)
            used += mismatch.num_needed
    assert used + 13 == count  # 13 schedule buffers belong to no network


def test_tiny_preset_is_recognised() -> None:
    checkpoint = Checkpoint.from_tensors(tiny_tensors())
    assert detect(checkpoint) == TINY
    check_models(checkpoint, TINY)


ODD = ModelConfig(
    unet=UNetConfig(
        model_channels=64, channel_mult=(1, 3), num_res_blocks=3, attention_resolutions=(2,),
        num_head_channels=32, context_dim=48, transformer_depth=2,
    ),
    resampler=ResamplerConfig(
        dim=32, depth=3, heads=2, video_length=5, embedding_dim=96, output_dim=48, ff_mult=2
    ),
    autoencoder=AutoencoderConfig(
        channels=32, channel_mult=(1, 2, 3), num_res_blocks=1, reference_attention_levels=(2,),
        reference_heads=3,
    ),
    text_encoder=TextEncoderConfig(
        width=128, heads=2, layers=4, context_length=40, vocab_size=300, embed_dim=20
    ),
    image_encoder=ImageEncoderConfig(
        width=128, head_width=64, layers=3, patch_size=16, image_size=64, mlp_ratio=2.0,
        embed_dim=24,
    ),
)  # fmt: skip


def odd_shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for component in (*REQUIRED, *OPTIONAL):
        shapes |= {k: tuple(v) for k, v in component_shapes(component, ODD).items()}
    return shapes


def test_every_size_is_read_off_the_shapes() -> None:
    checkpoint = of_shapes(odd_shapes())
    assert detect(checkpoint) == ODD
    check_models(checkpoint, ODD)


def test_head_counts_come_from_the_metadata() -> None:
    config = replace(
        ODD,
        unet=replace(ODD.unet, init_attention_heads=4, num_head_channels=64, default_fps=8),
        resampler=replace(ODD.resampler, dim_head=32, heads=4, num_queries=8, video_length=10),
        text_encoder=replace(ODD.text_encoder, heads=8),
        image_encoder=replace(ODD.image_encoder, head_width=16),
        diffusion=replace(ODD.diffusion, scale_steps=7),
    )
    checkpoint = of_shapes(odd_shapes(), metadata={CONFIG_KEY: config_to_json(config)})
    assert detect(checkpoint) == config


@pytest.mark.parametrize(
    ("config", "reported"),
    [
        (replace(ODD, unet=replace(ODD.unet, context_dim=49)), "unet.context_dim: 49"),
        (replace(ODD, resampler=replace(ODD.resampler, depth=2)), "resampler.depth: 2"),
        (replace(ODD, text_encoder=None), "text_encoder: absent"),
    ],
)
def test_metadata_that_contradicts_the_tensors_is_an_error(
    config: ModelConfig, reported: str
) -> None:
    checkpoint = of_shapes(odd_shapes(), metadata={CONFIG_KEY: config_to_json(config)})
    with pytest.raises(CheckpointError, match=reported):
        detect(checkpoint)


def test_config_survives_json() -> None:
    for config in (TOONCRAFTER_512, TINY, PRUNED, ODD):
        assert config_from_json(config_to_json(config)) == config


def test_a_file_that_was_pruned_of_its_encoders_may_still_describe_them() -> None:
    tensors = {
        key: value
        for key, value in tiny_tensors().items()
        if not key.startswith(("cond_stage_model.", "embedder."))
    }
    found = detect(Checkpoint.from_tensors(tensors, metadata=config_metadata(TINY)))
    assert found == replace(TINY, text_encoder=None, image_encoder=None)


@pytest.mark.parametrize(
    "text", ['{"unet": {"colour": 1}}', '{"unet": {"model_channels": "many"}}', "[", "3", '"x"']
)
def test_unknown_or_broken_metadata_is_an_error(text: str) -> None:
    with pytest.raises(CheckpointError, match="metadata"):
        config_from_json(text)


UNET = "model.diffusion_model.input_blocks."
TEXT_KEYS = UNET + "1.1.transformer_blocks.0.attn2.to_k.weight"
IMAGE_MODEL = {UNET + "0.0.weight": (320, 4, 3, 3), "first_stage_model.encoder.conv_in.weight": ()}


def without(part: str) -> dict[str, tuple[int, ...]]:
    return {k: v for k, v in manifest("kijai_model").items() if part not in k}


@pytest.mark.parametrize(
    ("shapes", "reported"),
    [
        ({**IMAGE_MODEL, TEXT_KEYS: (320, 768)}, "is a Stable Diffusion 1.x checkpoint"),
        ({**IMAGE_MODEL, TEXT_KEYS: (320, 1024)}, "is a Stable Diffusion 2.x checkpoint"),
        ({"conditioner.embedders.0.x": (), **IMAGE_MODEL}, "is an SDXL checkpoint"),
        (without("attn_refinement"), "is a DynamiCrafter checkpoint"),
        (
            {"encoder.conv_in.weight": (), "decoder.conv_in.weight": ()},
            "is a VAE alone",
        ),
        ({"text_model.encoder.layers.0.mlp.fc1.weight": ()}, "is a text encoder"),
        ({"vision_model.encoder.layers.0.mlp.fc1.weight": ()}, "is an image encoder"),
        ({"lora_unet_x.lora_up.weight": (), "lora_unet_x.lora_down.weight": ()}, "is a LoRA"),
        (
            {"input_hint_block.0.weight": (16, 1, 3, 3), "zero_convs.0.0.weight": ()},
            "is a ToonCrafter sketch encoder",
        ),
        (
            {"control_model.input_hint_block.0.weight": (16, 3, 3, 3)},
            "is a ControlNet",
        ),
        (
            {k.removeprefix("model.diffusion_model."): v for k, v in without("first_st").items()},
            "denoiser alone",
        ),
        ({"a.weight": (1,)}, "is no ToonCrafter checkpoint: it has no denoiser and no image"),
        (without("image_proj_model"), "ToonCrafter needs"),
    ],
)
def test_files_of_other_models_are_named(shapes: dict[str, tuple[int, ...]], reported: str) -> None:
    with pytest.raises(CheckpointError, match=reported) as error:
        detect(of_shapes(shapes))
    assert "model.ckpt" in str(error.value) and "pruned-fp16" in str(error.value)


def test_a_missing_tensor_that_says_a_size_names_the_component() -> None:
    with pytest.raises(CheckpointError, match=r"sizes of the image projector.*'proj_out.weight'"):
        detect(of_shapes(without("image_proj_model.proj_out.weight")))


def test_sizes_that_do_not_divide_are_an_error() -> None:
    shapes = manifest("kijai_model") | {"image_proj_model.latents": (1, 250, 1024)}
    with pytest.raises(CheckpointError, match="token count 250 is not a multiple of 16"):
        detect(of_shapes(shapes))


def test_sketch_encoder_is_recognised_with_and_without_its_prefix() -> None:
    shapes = {"input_hint_block.0.weight": (16, 1, 3, 3), "zero_convs.0.0.weight": (1,)}
    for prefix in ("", "control_model."):
        checkpoint = of_shapes({prefix + key: shape for key, shape in shapes.items()})
        assert is_sketch_encoder(checkpoint)
        assert set(checkpoint) == {"control_model." + key for key in shapes}
    assert not is_sketch_encoder(of_shapes(manifest("kijai_model")))


SKETCH = manifest("tooncrafter_sketch_encoder")


@pytest.mark.parametrize("prefix", ["", "control_model."])
def test_published_sketch_encoder_is_detected_and_fits_without_leftovers(prefix: str) -> None:
    checkpoint = of_shapes({prefix + key: shape for key, shape in SKETCH.items()})
    config = detect_sketch_encoder(checkpoint)
    assert config == SketchEncoderConfig()
    network = SketchEncoder(config, device="meta")
    mismatch = compare(network, checkpoint.shapes, Component.SKETCH_ENCODER)
    assert mismatch.num_needed == len(SKETCH) == 340
    assert not mismatch, str(mismatch)


def test_sizes_of_another_sketch_encoder_are_read_off_the_shapes() -> None:
    config = SketchEncoderConfig(
        model_channels=32, channel_mult=(1, 3, 4), num_res_blocks=1, attention_resolutions=(2, 4),
        num_head_channels=32, transformer_depth=2, context_dim=48,
    )  # fmt: skip
    tensors = SketchEncoder(config, device="meta").state_dict()
    assert detect_sketch_encoder(Checkpoint.from_tensors(tensors)) == config


def test_a_sketch_encoder_takes_from_metadata_what_shapes_do_not_show() -> None:
    config = replace(MINI_SKETCH, num_head_channels=16)
    checkpoint = made_up_sketch_encoder(config)
    assert detect_sketch_encoder(checkpoint) == config
    lying = Checkpoint.from_tensors(
        made_up_sketch_encoder(MINI_SKETCH),
        metadata=config_metadata(replace(MINI_SKETCH, context_dim=32)),
    )
    with pytest.raises(CheckpointError, match=r"sketch_encoder.context_dim: 32 .* 64 by"):
        detect_sketch_encoder(lying)


def control_net(
    hint_channels: int, width: int, prefix: str = "control_model."
) -> dict[str, tuple[int, ...]]:
    """Another control network, as far as it must be like one."""
    keys = {
        key: (*shape[:1], width) if key.endswith("attn2.to_k.weight") else shape
        for key, shape in SKETCH.items()
    }
    keys["input_hint_block.0.weight"] = (16, hint_channels, 3, 3)
    return {prefix + key: shape for key, shape in keys.items()}


DIFFUSERS_KEY = "mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight"


@pytest.mark.parametrize(
    ("shapes", "reported"),
    [
        (control_net(3, 768), "a ControlNet for Stable Diffusion 1.x (it reads hints of 3 channels "
         "and text 768 wide)"),
        (control_net(3, 768, ""), "a ControlNet for Stable Diffusion 1.x"),
        (control_net(3, 1024), "a ControlNet for Stable Diffusion 2.x (it reads hints of 3"),
        (control_net(1, 768), "a ControlNet for Stable Diffusion 1.x (it reads hints of 1 channel"),
        (control_net(3, 2048), "a ControlNet for SDXL"),
        ({"controlnet_cond_embedding.conv_in.weight": (16, 3, 3, 3), DIFFUSERS_KEY: (1280, 2048)},
         "a ControlNet for SDXL (it reads hints of 3 channels and text 2048 wide)"),
        ({"controlnet_cond_embedding.conv_in.weight": (16, 3, 3, 3)},
         "a ControlNet for another model (it reads hints of 3 channels)"),
        ({"adapter.body.0.block1.weight": (320, 320, 3, 3)}, "a T2I adapter"),
        ({"body.0.block1.weight": (320, 320, 3, 3), "conv_in.weight": (320, 64, 3, 3)},
         "a T2I adapter"),
        ({"lora_controlnet": (0,), "input_hint_block.0.weight": (16, 3, 3, 3)}, "a Control-LoRA"),
        (manifest("kijai_model"), "a ToonCrafter checkpoint"),
        (manifest("tooncrafter_512"), "a ToonCrafter checkpoint"),
        ({"conditioner.embedders.0.x": (1,)}, "an SDXL checkpoint"),
        ({"something": (1,)}, "no control network"),
    ],
)  # fmt: skip
def test_other_files_are_named_in_place_of_the_sketch_encoder(
    shapes: dict[str, tuple[int, ...]], reported: str
) -> None:
    with pytest.raises(CheckpointError) as error:
        detect_sketch_encoder(of_shapes(shapes))
    assert str(error.value).startswith(f"file.ckpt is {reported}")
    assert "sketch_encoder.ckpt (Doubiiu/ToonCrafter)" in str(error.value)


def test_an_incomplete_sketch_encoder_is_refused() -> None:
    shapes = {key: shape for key, shape in SKETCH.items() if not key.startswith("middle_block.1")}
    with pytest.raises(CheckpointError, match="sizes of the sketch encoder cannot be found"):
        detect_sketch_encoder(of_shapes(shapes))


@pytest.mark.parametrize(
    ("key", "shape", "reported"),
    [
        ("text_model.embeddings.token_embedding.weight", (49408, 1024),
         (Component.TEXT_ENCODER, "huggingface", "ViT-H")),
        ("text_model.embeddings.token_embedding.weight", (49408, 768),
         (Component.TEXT_ENCODER, "huggingface", "ViT-L")),
        ("token_embedding.weight", (49408, 1280),
         (Component.TEXT_ENCODER, "open_clip", "ViT-bigG")),
        ("vision_model.embeddings.patch_embedding.weight", (1280, 3, 14, 14),
         (Component.IMAGE_ENCODER, "huggingface", "ViT-H")),
        ("visual.conv1.weight", (1664, 3, 14, 14),
         (Component.IMAGE_ENCODER, "open_clip", "ViT-bigG")),
        ("visual.conv1.weight", (7, 3, 14, 14),
         (Component.IMAGE_ENCODER, "open_clip", "unknown, 7 wide")),
    ],
)  # fmt: skip
def test_encoder_files_are_recognised(
    key: str, shape: tuple[int, ...], reported: tuple[Component, str, str]
) -> None:
    (found,) = detect_component_files(of_shapes({key: shape}))
    assert (found.component, found.layout, found.name) == reported
    assert not detect_component_files(of_shapes({"a": (1,)}))


def test_detection_leaves_tensors_unread() -> None:
    def never() -> dict[str, torch.Tensor]:
        raise AssertionError("a tensor was read")

    checkpoint = Checkpoint(never, of_shapes(manifest("kijai_model")).info)
    check_models(checkpoint, detect(checkpoint))
