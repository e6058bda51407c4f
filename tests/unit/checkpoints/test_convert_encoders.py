"""Encoders from files of their own, in both layouts, equal to those inside a checkpoint."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from support.checkpoints import tiny_tensors
from support.networks import normal
from tooncrafter_core.checkpoints import Checkpoint, Component, Models, build_models
from tooncrafter_core.checkpoints.convert_encoders import (
    encoder_checkpoint,
    find_encoder,
    with_encoder,
)
from tooncrafter_core.checkpoints.files.tensor_info import tensor_infos
from tooncrafter_core.checkpoints.keys import COMPONENT_KEYS
from tooncrafter_core.config.presets import TINY
from tooncrafter_core.errors import CheckpointError

TEXT, IMAGE = Component.TEXT_ENCODER, Component.IMAGE_ENCODER
Tensors = dict[str, Tensor]


def own(component: Component) -> Tensors:
    """The encoder's tensors in OpenCLIP's layout."""
    prefix = COMPONENT_KEYS[component].prefix
    return {k.removeprefix(prefix): v for k, v in tiny_tensors().items() if k.startswith(prefix)}


def huggingface(component: Component) -> Tensors:
    """The same tensors as Hugging Face names them, written out independently of the converter."""
    is_text = component is TEXT
    tower, source = ("text_model.", "") if is_text else ("vision_model.", "visual.")
    names = {
        "token_embedding.weight": "embeddings.token_embedding.weight",
        "positional_embedding": "embeddings.position_embedding.weight",
        "class_embedding": "embeddings.class_embedding",
        "conv1.weight": "embeddings.patch_embedding.weight",
        "ln_final": "final_layer_norm", "ln_pre": "pre_layrnorm", "ln_post": "post_layernorm",
        "transformer.resblocks": "encoder.layers", "attn.out_proj": "self_attn.out_proj",
        "ln_1": "layer_norm1", "ln_2": "layer_norm2", "c_fc": "fc1", "c_proj": "fc2",
    }  # fmt: skip
    out: Tensors = {tower + "embeddings.position_ids": torch.arange(77)[None]}
    for key, value in own(component).items():
        if not key.startswith(source) or key in ("text_projection", "logit_scale", "visual.proj"):
            continue
        key = key.removeprefix(source)
        for old, new in names.items():
            key = key.replace(old, new)
        if "in_proj" in key:
            block, kind = key.split("attn.in_proj_")
            for part, rows in zip("qkv", value.chunk(3), strict=True):
                out[f"{tower}{block}self_attn.{part}_proj.{kind}"] = rows.clone()
        else:
            out[tower + key] = value
    projection = own(component)["text_projection" if is_text else "visual.proj"]
    return {**out, ("text" if is_text else "visual") + "_projection.weight": projection.T.clone()}


def read(tensors: Tensors, component: Component) -> Checkpoint:
    file = Checkpoint.from_tensors(tensors, name="clip.safetensors")
    return encoder_checkpoint(file, component, TINY)


@pytest.fixture(scope="module")
def pruned() -> Models:
    return build_models(Checkpoint.from_tensors(tiny_tensors(with_encoders=False)))


@pytest.fixture(scope="module")
def complete() -> Models:
    return build_models(Checkpoint.from_tensors(tiny_tensors()))


LAYOUTS: list[Callable[[Component], Tensors]] = [own, huggingface]


@pytest.mark.parametrize("prefix", ["", "clip."], ids=["bare", "prefixed"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_text_encoder_of_its_own_file_is_the_checkpoints(
    pruned: Models, complete: Models, layout: Callable[[Component], Tensors], prefix: str
) -> None:
    file = {prefix + key: value for key, value in layout(TEXT).items()}
    models = with_encoder(pruned, read(file, TEXT), TEXT)
    assert models.config.text_encoder == TINY.text_encoder
    prompts = ["an anime scene", ""]
    expected = complete.text_encoder.encode(prompts)
    assert torch.equal(models.text_encoder.encode(prompts), expected)


@pytest.mark.parametrize("prefix", ["", "clip."], ids=["bare", "prefixed"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_image_encoder_of_its_own_file_is_the_checkpoints(
    pruned: Models, complete: Models, layout: Callable[[Component], Tensors], prefix: str
) -> None:
    file = {prefix + key: value for key, value in layout(IMAGE).items()}
    models = with_encoder(pruned, read(file, IMAGE), IMAGE)
    pictures = normal(1, 3, 50, 60)
    expected = complete.image_encoder.encode(pictures)
    assert torch.equal(models.image_encoder.encode(pictures), expected)


def test_both_encoders_may_come_from_one_file(pruned: Models) -> None:
    for layout in LAYOUTS:
        file = {f"clip.{key}": v for key, v in {**layout(TEXT), **layout(IMAGE)}.items()}
        models = pruned
        for component in (TEXT, IMAGE):
            models = with_encoder(models, read(file, component), component)
        assert models.text_encoder is not None and models.image_encoder is not None


def test_a_complete_checkpoint_lends_its_encoders(pruned: Models, complete: Models) -> None:
    models = pruned
    for component in (TEXT, IMAGE):
        models = with_encoder(models, read(tiny_tensors(), component), component)
    assert models.config == complete.config
    expected = complete.text_encoder.encode(["a"])
    assert torch.equal(models.text_encoder.encode(["a"]), expected)


def test_half_precision_is_made_on_loading(pruned: Models) -> None:
    models = with_encoder(pruned, read(huggingface(TEXT), TEXT), TEXT, dtype=torch.float16)
    assert all(p.dtype == torch.float16 for p in models.text_encoder.parameters())


def test_a_projection_that_the_file_leaves_out_is_filled_in(pruned: Models) -> None:
    for component, key in ((TEXT, "text_projection.weight"), (IMAGE, "visual_projection.weight")):
        tensors = huggingface(component)
        del tensors[key]
        with_encoder(pruned, read(tensors, component), component)


def test_the_unused_last_layer_may_be_left_out() -> None:
    # Of the published width: Stable Diffusion 2.1's file has 23 of 24 layers.
    width = 1024
    shapes = {
        "text_model.embeddings.token_embedding.weight": (3, width),
        "text_model.embeddings.position_embedding.weight": (77, width),
        "text_model.final_layer_norm.weight": (width,),
        "text_model.final_layer_norm.bias": (width,),
    }
    for layer in range(23):
        block = f"text_model.encoder.layers.{layer}."
        for name in ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj",
                     "self_attn.out_proj"):  # fmt: skip
            shapes |= {f"{block}{name}.weight": (width, width), f"{block}{name}.bias": (width,)}
    tensors = {key: torch.empty(shape, device="meta") for key, shape in shapes.items()}
    config = replace(TINY, unet=replace(TINY.unet, context_dim=width))
    file = Checkpoint.from_tensors(tensors, name="clip.safetensors")
    keys = encoder_checkpoint(file, TEXT, config)
    last = "cond_stage_model.model.transformer.resblocks.23.attn.in_proj_weight"
    assert keys.shapes[last] == (3 * width, width)


class Counted(dict[str, Tensor]):
    """Tensors that note which of them were read."""

    def __init__(self, tensors: Tensors) -> None:
        super().__init__(tensors)
        self.read: list[str] = []

    def __getitem__(self, key: str) -> Tensor:
        self.read.append(key)
        return super().__getitem__(key)


@pytest.mark.parametrize("component", [TEXT, IMAGE])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_of_a_whole_clip_each_tensor_of_one_encoder_is_read_once_and_when_it_is_loaded(
    pruned: Models, layout: Callable[[Component], Tensors], component: Component
) -> None:
    tensors = Counted({**layout(TEXT), **layout(IMAGE)})
    file = Checkpoint(tensors, tensor_infos(tensors))
    encoder = encoder_checkpoint(file, component, TINY)
    assert not tensors.read
    with_encoder(pruned, encoder, component)
    assert len(tensors.read) == len(set(tensors.read)) > 10
    others = ("vision", "visual") if component is TEXT else ("text", "transformer", "token")
    assert not [key for key in tensors.read if key.startswith(others)]


def test_of_a_complete_checkpoint_nothing_is_read_before_the_encoder_is_loaded() -> None:
    tensors = Counted(tiny_tensors())
    encoder_checkpoint(Checkpoint(tensors, tensor_infos(tensors)), IMAGE, TINY)
    assert not tensors.read


def test_queries_and_keys_of_two_precisions_are_packed_in_the_wider(pruned: Models) -> None:
    tensors = huggingface(TEXT)
    key = "text_model.encoder.layers.0.self_attn.k_proj.weight"
    tensors[key] = tensors[key].half()
    encoder = read(tensors, TEXT)
    packed = "cond_stage_model.model.transformer.resblocks.0.attn.in_proj_weight"
    assert encoder[packed].dtype is encoder.info[packed].dtype is torch.float32
    assert tuple(encoder[packed].shape) == encoder.shapes[packed]


def test_queries_and_keys_of_two_widths_are_named_as_missing(pruned: Models) -> None:
    tensors = huggingface(TEXT)
    key = "text_model.encoder.layers.0.self_attn.k_proj.weight"
    tensors[key] = tensors[key][:, :-1].clone()
    with pytest.raises(CheckpointError, match=r"in_proj_weight"):
        with_encoder(pruned, read(tensors, TEXT), TEXT)


def test_a_missing_tensor_is_named(pruned: Models) -> None:
    tensors = huggingface(TEXT)
    del tensors["text_model.encoder.layers.1.self_attn.k_proj.weight"]
    encoder = read(tensors, TEXT)
    with pytest.raises(CheckpointError, match=r"1 missing: \S*resblocks\.1\.attn\.in_proj_weight"):
        with_encoder(pruned, encoder, TEXT)


@pytest.mark.parametrize("key", ["vision_model.extra", "vision_model.encoder.layers.0.gate.bias"])
def test_a_tensor_without_a_place_is_named(pruned: Models, key: str) -> None:
    encoder = read(huggingface(IMAGE) | {key: torch.zeros(1)}, IMAGE)
    with pytest.raises(CheckpointError, match=f"1 left over: {re.escape(key)}"):
        with_encoder(pruned, encoder, IMAGE)


@pytest.mark.parametrize(
    ("component", "key", "shape", "message"),
    [
        (TEXT, "text_model.embeddings.token_embedding.weight", (9, 768), r"of ViT-L \(768 wide\)"),
        (TEXT, "token_embedding.weight", (9, 1280), "of ViT-bigG"),
        (IMAGE, "vision_model.embeddings.patch_embedding.weight", (1664, 3, 14, 14), "ViT-bigG"),
        (IMAGE, "visual.conv1.weight", (1024, 3, 14, 14), "of ViT-L"),
    ],
)
def test_another_encoder_is_named_and_so_is_the_right_one(
    component: Component, key: str, shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(CheckpointError, match=message) as caught:
        read({key: torch.empty(shape, device="meta")}, component)
    right = "Stable Diffusion 2.1" if component is TEXT else "CLIP-ViT-H-14-laion2B"
    assert re.search(rf"needs one 64 wide: .*{re.escape(right)}", str(caught.value))


@pytest.mark.parametrize("component", [TEXT, IMAGE])
def test_a_file_without_the_encoder_says_which_one_is_needed(component: Component) -> None:
    other = IMAGE if component is TEXT else TEXT
    with pytest.raises(CheckpointError, match="holds no CLIP"):
        read(huggingface(other), component)


@pytest.mark.parametrize("component", [TEXT, IMAGE])
def test_an_encoder_of_no_known_heads_is_refused(component: Component) -> None:
    width = 40
    key = {TEXT: "token_embedding.weight", IMAGE: "visual.conv1.weight"}[component]
    shape = {TEXT: (9, width), IMAGE: (width, 3, 4, 4)}[component]
    sizes = replace(
        TINY,
        unet=replace(TINY.unet, context_dim=width),
        resampler=replace(TINY.resampler, embedding_dim=width),
    )
    with pytest.raises(CheckpointError, match="40 wide, and nothing in it says how many heads"):
        find_encoder(Checkpoint.from_tensors({key: torch.zeros(shape)}), component, sizes)
