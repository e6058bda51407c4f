"""Files whose metadata another program has dropped."""

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from support.checkpoints import meta_tensors
from support.training import SMALLEST
from tooncrafter_core.checkpoints import (
    Checkpoint,
    Component,
    build_models,
    detect,
    detect_sketch_encoder,
    read_checkpoint,
    save_checkpoint,
)
from tooncrafter_core.checkpoints.kept_texts import CONFIG_KEY, KEPT_KEYS, LONGEST
from tooncrafter_core.checkpoints.keys import COMPONENT_KEYS
from tooncrafter_core.checkpoints.load import check_models
from tooncrafter_core.checkpoints.stored_config import config_metadata, config_to_json
from tooncrafter_core.checkpoints.synthetic import made_up_checkpoint, made_up_sketch_encoder
from tooncrafter_core.cli import main
from tooncrafter_core.config.embedded import MINI as MINI_NAME
from tooncrafter_core.config.embedded import MINI_SKETCH as MINI_SKETCH_NAME
from tooncrafter_core.config.embedded import embedded_file
from tooncrafter_core.config.model import ModelConfig
from tooncrafter_core.config.presets import MINI, MINI_SKETCH, PRESETS, TINY, TINY_SKETCH
from tooncrafter_core.errors import CheckpointError, ToonCrafterError
from tooncrafter_core.sketches.guidance import load_sketch_encoder

Shapes = dict[str, tuple[int, ...]]
NO_ENCODERS: dict[str, Any] = {"text_encoder": None, "image_encoder": None}


def embedded(name: str) -> Path:
    path = embedded_file(name)
    assert path is not None
    return path


def rewritten(source: Path, target: Path) -> Path:
    """What a program writes that reads tensors and knows nothing of metadata."""
    tensors = load_file(source)
    if target.suffix == ".ckpt":
        torch.save({"state_dict": tensors}, target)
    else:
        save_file(tensors, target)
    return target


@pytest.mark.parametrize("name", ["a.safetensors", "a.ckpt"])
def test_the_mini_model_is_known_by_its_shapes(name: str, tmp_path: Path) -> None:
    found = read_checkpoint(rewritten(embedded(MINI_NAME), tmp_path / name))
    assert CONFIG_KEY not in found.metadata
    assert detect(found) == detect(read_checkpoint(embedded(MINI_NAME))) == MINI
    build_models(found)


def test_the_mini_sketch_encoder_is_known_by_its_shapes(tmp_path: Path) -> None:
    found = read_checkpoint(rewritten(embedded(MINI_SKETCH_NAME), tmp_path / "a.safetensors"))
    assert detect_sketch_encoder(found) == MINI_SKETCH
    load_sketch_encoder(found)


def shapes_of(config: ModelConfig) -> Shapes:
    return made_up_checkpoint(config).shapes


def bare(shapes: Shapes) -> Checkpoint:
    return Checkpoint.from_tensors(meta_tensors(shapes), name="bare.safetensors")


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_known_by_its_shapes_with_and_without_encoders(preset: str) -> None:
    for config in (PRESETS[preset], replace(PRESETS[preset], **NO_ENCODERS)):
        assert detect(bare(shapes_of(config))) == config


@pytest.mark.parametrize("config", [SMALLEST, TINY, MINI, replace(MINI, **NO_ENCODERS)])
@pytest.mark.parametrize("dtype", [None, torch.float16, torch.bfloat16])
def test_what_we_write_keeps_its_configuration_among_the_tensors(
    config: ModelConfig, dtype: torch.dtype | None, tmp_path: Path
) -> None:
    path = tmp_path / "a.safetensors"
    save_checkpoint(made_up_checkpoint(config), path, config=config)
    tensors = load_file(path)
    assert tensors[CONFIG_KEY].dtype == torch.uint8
    if dtype is not None:
        tensors = {key: value.to(dtype) for key, value in tensors.items()}
    save_file(tensors, tmp_path / "b.safetensors")
    found = read_checkpoint(tmp_path / "b.safetensors")
    assert detect(found) == config
    check_models(found, config)
    assert not set(KEPT_KEYS) & set(found), "it is no part of the model"


def test_a_sketch_encoder_keeps_its_configuration_with_and_without_its_prefix(
    tmp_path: Path,
) -> None:
    config = replace(TINY_SKETCH, num_head_channels=16, norm_groups=16)
    path = tmp_path / "a.safetensors"
    save_checkpoint(made_up_sketch_encoder(config), path, config=config)
    tensors = {key.removeprefix("control_model."): v for key, v in load_file(path).items()}
    save_file(tensors, tmp_path / "b.safetensors")
    for name in ("a.safetensors", "b.safetensors"):
        found = read_checkpoint(rewritten(tmp_path / name, tmp_path / "c.safetensors"))
        assert detect_sketch_encoder(found) == config
        load_sketch_encoder(found)


def test_converting_gives_the_configuration_back(tmp_path: Path) -> None:
    for name, key in ((MINI_NAME, CONFIG_KEY), (MINI_SKETCH_NAME, KEPT_KEYS[1])):
        lost, out = tmp_path / "lost.safetensors", tmp_path / "out.safetensors"
        rewritten(embedded(name), lost)
        assert main(["convert", str(lost), str(out), "--overwrite"]) == 0
        found = read_checkpoint(out)
        assert found.metadata[key] == read_checkpoint(embedded(name)).metadata[key]
        assert key in load_file(out)
    assert main(["convert", str(embedded(MINI_NAME)), str(out), "--overwrite", "--pruned"]) == 0
    pruned = read_checkpoint(rewritten(out, lost))
    assert detect(pruned) == replace(MINI, **NO_ENCODERS)


@pytest.mark.parametrize(
    "kept",
    [
        torch.full((40,), 200, dtype=torch.uint8),  # no UTF-8
        torch.full((40,), 65.5),
        torch.full((40,), -1.0),
        torch.full((4, 10), 32, dtype=torch.uint8),
        torch.full((LONGEST + 1,), 32, dtype=torch.uint8),
        torch.zeros(0, dtype=torch.uint8),
        torch.full((40,), torch.nan),
    ],
)
def test_a_text_that_is_none_any_more_counts_as_lost(kept: torch.Tensor) -> None:
    checkpoint = Checkpoint.from_tensors({**made_up_checkpoint(MINI), CONFIG_KEY: kept})
    assert CONFIG_KEY not in checkpoint.metadata
    assert detect(checkpoint) == MINI


def test_the_metadata_wins_over_the_text_among_the_tensors() -> None:
    other = replace(TINY, unet=replace(TINY.unet, default_fps=8))
    text = torch.tensor(list(config_to_json(TINY).encode()), dtype=torch.uint8)
    tensors = {**meta_tensors(shapes_of(TINY)), CONFIG_KEY: text}
    checkpoint = Checkpoint.from_tensors(tensors, metadata=config_metadata(other))
    assert detect(checkpoint) == other


def assert_reported(action: Any, *words: str) -> None:
    with pytest.raises(CheckpointError) as error:
        action()
    text = str(error.value)
    assert "\n" not in text and len(text) < 450
    assert all(word in text for word in words), text


def test_sizes_that_the_published_model_cannot_have_are_reported() -> None:
    shapes = shapes_of(SMALLEST)
    assert_reported(
        lambda: detect(bare(shapes)),
        "bare.safetensors has lost its configuration", "dropped the file's metadata", "convert",
    )  # fmt: skip
    own = replace(MINI, autoencoder=replace(MINI.autoencoder, channels=24, norm_groups=2))
    assert_reported(lambda: detect(bare(shapes_of(own))), "has lost its configuration")
    sketch = replace(MINI_SKETCH, model_channels=24, num_head_channels=24)
    tensors = meta_tensors(made_up_sketch_encoder(sketch).shapes)
    lost = Checkpoint.from_tensors(tensors, name="bare.safetensors")
    assert_reported(
        lambda: detect_sketch_encoder(lost), "has lost its configuration", "norm_groups"
    )


def test_parts_of_two_models_are_reported() -> None:
    mini, tiny = shapes_of(MINI), shapes_of(TINY)
    prefix = COMPONENT_KEYS[Component.DENOISER].prefix
    mixed = {key: shape for key, shape in tiny.items() if not key.startswith(prefix)}
    mixed |= {key: shape for key, shape in mini.items() if key.startswith(prefix)}
    assert_reported(lambda: detect(bare(mixed)), "has lost its configuration", "another model")


IMPOSSIBLE: list[tuple[str, dict[str, Any]]] = [
    ("unet", {"norm_groups": 0}),
    ("unet", {"norm_groups": 7}),
    ("unet", {"init_attention_heads": 0}),
    ("unet", {"default_fps": -3}),
    ("resampler", {"dim_head": 0}),
    ("autoencoder", {"norm_groups": 33}),
    ("autoencoder", {"reference_dim_head": -8}),
    ("text_encoder", {"heads": 0}),
    ("text_encoder", {"heads": 3}),
    ("image_encoder", {"head_width": 0}),
    ("diffusion", {"num_timesteps": 10**15}),
    ("diffusion", {"num_timesteps": 1}),
    ("diffusion", {"scale_steps": -1}),
    ("diffusion", {"linear_end": 0.0}),
    ("diffusion", {"latent_scale": float("nan")}),
    ("diffusion", {"base_scale": float("inf")}),
]


@pytest.mark.parametrize(("part", "change"), IMPOSSIBLE)
def test_a_description_that_no_model_can_have_is_reported(
    part: str, change: dict[str, Any]
) -> None:
    config = replace(TINY, **{part: replace(getattr(TINY, part), **change)})
    checkpoint = Checkpoint.from_tensors(
        meta_tensors(shapes_of(TINY)), name="bare.safetensors", metadata=config_metadata(config)
    )
    assert_reported(lambda: detect(checkpoint))


def bent(shapes: Shapes, generator: random.Random) -> Shapes:
    """The same with a few shapes changed, as no model has them."""
    changed = dict(shapes)
    for key in generator.sample(sorted(shapes), generator.choice((1, 1, 3, 30))):
        shape = list(shapes[key])
        what = generator.choice(("gone", "size", "rank", "flat"))
        if what == "gone":
            del changed[key]
            continue
        if what == "size" and shape:
            shape[generator.randrange(len(shape))] = generator.choice((0, 1, 2, 3, 7, 48, 1000))
        elif what == "rank":
            shape.append(1)
        else:
            shape = []
        changed[key] = tuple(shape)
    return changed


SIZE_KEYS = (
    "input_blocks", "init_attn.0.proj_in.weight", "middle_block", "latents", "to_q", "proj_out",
    "conv_in", "down.", "attn_refinement", "embedding", "resblocks.0", "conv1", "proj",
)  # fmt: skip


@pytest.mark.parametrize("config", [MINI, SMALLEST])
@pytest.mark.parametrize("described", [True, False])
def test_whatever_the_shapes_are_no_foreign_error_comes_out(
    config: ModelConfig, described: bool
) -> None:
    generator = random.Random(1)
    shapes = shapes_of(config)
    size_shapes = {k: v for k, v in shapes.items() if any(part in k for part in SIZE_KEYS)}
    reported: list[str] = []
    for round in range(16):
        few = bent(size_shapes if round % 2 else shapes, generator)
        rest = {k: v for k, v in shapes.items() if k not in size_shapes} if round % 2 else {}
        checkpoint = Checkpoint.from_tensors(
            meta_tensors(rest | few), metadata=config_metadata(config) if described else {}
        )
        try:
            check_models(checkpoint, detect(checkpoint))
        except ToonCrafterError as error:
            reported.append(str(error))
    assert len(reported) > 8
    assert not any("\n" in text for text in reported)
