"""The OpenCLIP encoders: keys, devices, precision and long prompts."""

import copy
import json
import logging
from pathlib import Path

import pytest
import torch
from torch import nn

from tooncrafter_core.config.model import ImageEncoderConfig, TextEncoderConfig
from tooncrafter_core.models.clip import encoders
from tooncrafter_core.models.clip.encoders import ImageEncoder, TextEncoder
from tooncrafter_core.models.clip.tokens import count_tokens, tokenize

KEYS = json.loads((Path(__file__).parent / "data" / "encoder_keys.json").read_text("utf-8"))
TEXT = TextEncoderConfig(width=32, heads=2, layers=3, embed_dim=16)
IMAGE = ImageEncoderConfig(width=32, head_width=16, layers=2, patch_size=56, embed_dim=16)


def shapes(module: nn.Module) -> dict[str, list[int]]:
    return {key: list(value.shape) for key, value in module.state_dict().items()}


def from_meta(module: nn.Module, source: nn.Module, dtype: torch.dtype) -> nn.Module:
    """Fill a module on the meta device with another's weights, as the checkpoint loader does."""
    weights = {key: value.to(dtype) for key, value in source.state_dict().items()}
    module.load_state_dict(weights, assign=True)
    return module


@pytest.fixture(scope="module")
def text_encoder() -> TextEncoder:
    torch.manual_seed(0)
    return TextEncoder(TEXT)


@pytest.fixture(scope="module")
def image_encoder() -> ImageEncoder:
    torch.manual_seed(0)
    return ImageEncoder(IMAGE, text=TEXT)


def test_full_size_text_encoder_has_the_checkpoints_keys_and_shapes() -> None:
    expected = KEYS["cond_stage_model.model."]
    assert len(expected) == 294
    assert shapes(TextEncoder(TextEncoderConfig(), device="meta")) == expected


def test_full_size_image_encoder_has_the_checkpoints_keys_and_shapes() -> None:
    expected = KEYS["embedder.model."]
    assert len(expected) == 398
    assert shapes(ImageEncoder(ImageEncoderConfig(), device="meta")) == expected


def test_encoders_are_frozen(text_encoder: TextEncoder, image_encoder: ImageEncoder) -> None:
    for encoder in (text_encoder, image_encoder):
        assert not encoder.training
        assert not any(parameter.requires_grad for parameter in encoder.parameters())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_encoders_made_on_the_meta_device_work_once_filled(
    text_encoder: TextEncoder, image_encoder: ImageEncoder, dtype: torch.dtype
) -> None:
    text = from_meta(TextEncoder(TEXT, device="meta"), text_encoder, dtype)
    image = from_meta(ImageEncoder(IMAGE, device="meta", text=TEXT), image_encoder, dtype)
    assert all(buffer.device.type != "meta" for part in (text, image) for buffer in part.buffers())
    picture = torch.linspace(-1, 1, 3 * 60 * 80).reshape(1, 3, 60, 80)
    for filled, whole, given in ((text, text_encoder, ["a cat"]), (image, image_encoder, picture)):
        tokens, expected = filled.encode(given), whole.encode(given)
        assert tokens.dtype == dtype
        assert torch.equal(tokens, copy.deepcopy(whole).to(dtype).encode(given))
        # Of all tokens together: how far the worst one is depends on how a processor sums.
        assert (tokens.float() - expected).norm() < 0.05 * expected.norm()


def test_dtype_of_the_constructor_and_to_reach_every_weight() -> None:
    text = TextEncoder(TEXT, dtype=torch.bfloat16)
    assert {parameter.dtype for parameter in text.parameters()} == {torch.bfloat16}
    text.to(torch.float32)
    assert text.encode(["a cat"]).dtype == torch.float32
    text.to("meta")
    assert text.encode(["a cat"]).device.type == "meta"


def test_text_encoder_skips_its_last_layer(text_encoder: TextEncoder) -> None:
    other = TextEncoder(TEXT)
    other.load_state_dict(text_encoder.state_dict())
    for parameter in other.transformer.resblocks[-1].parameters():
        nn.init.ones_(parameter)
    assert torch.equal(other.encode(["a cat"]), text_encoder.encode(["a cat"]))


def test_text_tokens_see_only_what_came_before(text_encoder: TextEncoder) -> None:
    one, other = text_encoder.encode(["a cat runs", "a cat sleeps"])
    assert torch.allclose(one[:3], other[:3], atol=1e-6)
    assert not torch.allclose(one[3], other[3], atol=1e-3)


def test_blocks_that_want_the_batch_second_give_the_same_tokens(
    text_encoder: TextEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts = ["a cat", "a dog in the rain"]
    expected = text_encoder.encode(prompts)
    for block in text_encoder.transformer.resblocks:
        monkeypatch.setattr(block.attn, "batch_first", False)
    torch.testing.assert_close(text_encoder.encode(prompts), expected, rtol=1e-4, atol=1e-5)


def test_image_tokens_are_the_class_token_and_one_per_patch(image_encoder: ImageEncoder) -> None:
    assert image_encoder.encode(torch.zeros(2, 3, 30, 50)).shape == (2, 1 + 4 * 4, 32)


def test_prompts_are_padded_with_zeros() -> None:
    tokens = tokenize(["", "cat"])
    assert tokens.shape == (2, 77)
    assert tokens[0].tolist() == [49406, 49407] + [0] * 75
    assert tokens[1, 2] == 49407
    assert tokens[1, 3:].count_nonzero() == 0


def test_a_long_prompt_keeps_its_end_mark_and_a_warning_counts_the_loss(
    text_encoder: TextEncoder, caplog: pytest.LogCaptureFixture
) -> None:
    prompt = " ".join(["cat"] * 400)
    assert count_tokens(prompt) == 402
    with caplog.at_level(logging.WARNING, logger=encoders.__name__):
        tokens = tokenize([prompt])
    assert tokens.shape == (1, 77)
    assert tokens[0, -1] == 49407
    assert tokens.count_nonzero() == 77
    assert "402 tokens" in caplog.text
    assert "reads 77" in caplog.text
    assert "last 325" in caplog.text
    assert text_encoder.encode([prompt]).shape == (1, 77, 32)


def test_a_prompt_that_fits_exactly_is_not_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    tokens = tokenize([" ".join(["cat"] * 75)])
    assert tokens[0, -1] == 49407
    assert not caplog.records


@pytest.mark.parametrize("prompts", [[], "a cat"])
def test_anything_but_a_list_of_prompts_is_refused(prompts: object) -> None:
    with pytest.raises(ValueError, match="list of one prompt or more"):
        tokenize(prompts)  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_encoders_compute_in_their_own_precision_inside_autocast(dtype: torch.dtype) -> None:
    text, image = TextEncoder(TEXT, dtype), ImageEncoder(IMAGE, dtype, text=TEXT)
    pictures = torch.zeros(1, 3, 64, 64)
    alone = text.encode(["a cat"]), image.encode(pictures)
    with torch.autocast("cpu", torch.bfloat16):
        inside = text.encode(["a cat"]), image.encode(pictures)
    for a, b in zip(alone, inside, strict=True):
        assert b.dtype == dtype
        assert torch.equal(a, b)
