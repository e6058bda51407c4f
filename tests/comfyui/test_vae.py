"""The VAE on ComfyUI's own nodes, and what it does when memory runs out."""

from typing import Any

import comfy.model_management
import pytest
import torch
from torch import Tensor

import nodes as host_nodes
from support.host_models import HostModels, filled, picture, run_decode, run_keyframes
from tooncrafter_core.device.memory import decode_bytes, encode_bytes

Ready = tuple[Any, Any, dict[str, Any]]

CLIP_SIZE = (1, 4, 4, 8, 8)


@pytest.fixture(scope="module")
def latent() -> dict[str, Any]:
    noise = torch.randn(CLIP_SIZE, generator=torch.Generator().manual_seed(0))
    return {"samples": noise}


# ComfyUI's own nodes


@pytest.mark.parametrize("size", [(64, 64), (70, 90), (65, 33), (8, 8)])
def test_stock_nodes_encode_and_decode_pictures_of_any_size(
    tiny: HostModels, size: tuple[int, int]
) -> None:
    clip = torch.cat([picture(i, *size) for i in range(3)])
    (encoded,) = host_nodes.VAEEncode().encode(tiny.vae, clip)
    height, width = (side // 8 for side in size)
    assert encoded["samples"].shape == (1, 4, 3, height, width)
    (decoded,) = host_nodes.VAEDecode().decode(tiny.vae, encoded)
    assert decoded.shape == (3, height * 8, width * 8, 3)
    assert torch.isfinite(decoded).all()
    assert decoded.min() >= 0 and decoded.max() <= 1


def test_stock_encode_takes_one_picture_as_a_clip_of_one_frame(tiny: HostModels) -> None:
    (encoded,) = host_nodes.VAEEncode().encode(tiny.vae, picture(0))
    assert encoded["samples"].shape == (1, 4, 1, 8, 8)
    (alone,) = host_nodes.VAEDecode().decode(tiny.vae, encoded)
    assert alone.shape == (1, 64, 64, 3)


def test_stock_encode_does_not_mix_frames(tiny: HostModels) -> None:
    clip = torch.cat([picture(i) for i in range(3)])
    (together,) = host_nodes.VAEEncode().encode(tiny.vae, clip)
    (alone,) = host_nodes.VAEEncode().encode(tiny.vae, clip[1:2])
    assert torch.allclose(together["samples"][:, :, 1:2], alone["samples"], atol=1e-5)


@torch.inference_mode()  # as ComfyUI runs every node
def test_stock_tiled_nodes_work_on_clips(tiny: HostModels) -> None:
    clip = torch.cat([picture(i, 96, 96) for i in range(2)])
    (encoded,) = host_nodes.VAEEncodeTiled().encode(tiny.vae, clip, 64, 32, 8, 4)
    assert encoded["samples"].shape == (1, 4, 2, 12, 12)
    (decoded,) = host_nodes.VAEDecodeTiled().decode(tiny.vae, encoded, 64, 32, 8, 4)
    assert decoded.shape == (2, 96, 96, 3)
    assert torch.isfinite(decoded).all()


def test_stock_decode_of_two_clips_gives_all_frames(
    tiny: HostModels, latent: dict[str, Any]
) -> None:
    two = {"samples": torch.cat([latent["samples"]] * 2)}
    (decoded,) = host_nodes.VAEDecode().decode(tiny.vae, two)
    assert decoded.shape == (8, 64, 64, 3)
    assert torch.allclose(decoded[:4], decoded[4:], atol=1e-5)


def test_references_change_the_picture_and_are_those_of_the_keyframes(
    tiny: HostModels, latent: dict[str, Any], keyframes: tuple[Tensor, Tensor]
) -> None:
    (without,) = host_nodes.VAEDecode().decode(tiny.vae, latent)
    with_both = run_decode(tiny, latent, *keyframes)
    swapped = run_decode(tiny, latent, *reversed(keyframes))
    assert not torch.allclose(with_both, without, atol=0.01)
    assert not torch.allclose(with_both, swapped, atol=0.01)


# Memory


def fail_above(monkeypatch: pytest.MonkeyPatch, vae: Any, largest: int) -> list[int]:
    """Make decoding run out of memory above a number of frames; lists what was tried."""
    network, tried = vae.first_stage_model.network, []
    decode = network.decode

    def scarce(z: Tensor, references: Any = None, chunk: int = 4) -> Tensor:
        tried.append(chunk)
        if chunk > largest:
            raise comfy.model_management.OOM_EXCEPTION("simulated: out of memory")
        return decode(z, references, chunk)

    monkeypatch.setattr(network, "decode", scarce)
    return tried


@pytest.mark.parametrize("second_pass", [True, False])
def test_out_of_memory_in_decode_falls_back_and_gives_the_same_picture(
    tiny: HostModels, keyframes: tuple[Tensor, Tensor], monkeypatch: pytest.MonkeyPatch,
    second_pass: bool,
) -> None:  # fmt: skip
    # The shortest clip with a second pass.
    latent = {"samples": torch.randn(1, 4, 5, 8, 8, generator=torch.Generator().manual_seed(0))}
    expected = run_decode(tiny, latent, *keyframes, second_pass=second_pass)
    tried = fail_above(monkeypatch, tiny.vae, largest=1)
    found = run_decode(tiny, latent, *keyframes, second_pass=second_pass)
    assert tried[:3] == [4, 2, 1]
    # The second pass begins where the first has ended.
    assert tried[3:] == ([1] if second_pass else [])
    assert torch.allclose(found, expected, atol=1e-4)


def test_out_of_memory_in_stock_decode_falls_back_and_gives_the_same_picture(
    tiny: HostModels, latent: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    (expected,) = host_nodes.VAEDecode().decode(tiny.vae, latent)
    tried = fail_above(monkeypatch, tiny.vae, largest=1)
    (found,) = host_nodes.VAEDecode().decode(tiny.vae, latent)
    assert tried == [4, 2, 1]
    assert torch.allclose(found, expected, atol=1e-4)


def test_memory_budget_chooses_the_chunk_and_not_the_picture(
    tiny: HostModels, latent: dict[str, Any], keyframes: tuple[Tensor, Tensor],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    tried = fail_above(monkeypatch, tiny.vae, largest=4)
    free = run_decode(tiny, latent, *keyframes, second_pass=False)
    tight = run_decode(tiny, latent, *keyframes, second_pass=False, memory_budget=1)
    assert tried == [4, 1]
    assert torch.allclose(free, tight, atol=1e-4)


@pytest.mark.parametrize("allowed", [True, False])
def test_tiles_are_used_when_allowed_and_needed_and_the_node_says_so(
    tiny: HostModels, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    allowed: bool,
) -> None:  # fmt: skip
    first, last = picture(1, 64, 256), picture(2, 64, 256)
    latent = filled(run_keyframes(tiny, first, last, width=256, height=64, frames=2)[2])
    tiles = "when needed (approximate)" if allowed else "off"
    expected = run_decode(tiny, latent, first, last, tiles=tiles)
    assert "approximate" not in caplog.text
    found = run_decode(tiny, latent, first, last, tiles=tiles, memory_budget=1)
    assert found.isfinite().all()
    assert ("tiles of 160x64 pixels. This is approximate" in caplog.text) == allowed
    assert torch.allclose(found, expected, atol=1e-4) != allowed


def test_memory_that_ends_at_single_frames_is_answered_with_tiles_or_their_name(
    tiny: HostModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, last = picture(1, 64, 256), picture(2, 64, 256)
    latent = filled(run_keyframes(tiny, first, last, width=256, height=64, frames=2)[2])
    decode = tiny.vae.first_stage_model.network.decode

    def scarce(z: Tensor, references: Any = None, chunk: int = 4) -> Tensor:
        if z.shape[-1] > 20:
            raise comfy.model_management.OOM_EXCEPTION("simulated: out of memory")
        return decode(z, references, chunk)

    monkeypatch.setattr(tiny.vae.first_stage_model.network, "decode", scarce)
    with pytest.raises(comfy.model_management.OOM_EXCEPTION, match="Set 'tiles'"):
        run_decode(tiny, latent, first, last)
    found = run_decode(tiny, latent, first, last, tiles="when needed (approximate)")
    assert found.shape == (2, 64, 256, 3) and found.isfinite().all()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Bytes that ComfyUI is asked to make free."""
    seen: list[float] = []
    load = comfy.model_management.load_models_gpu

    def watched(models: Any, memory_required: float = 0, **options: Any) -> Any:
        seen.append(memory_required)
        return load(models, memory_required=memory_required, **options)

    monkeypatch.setattr(comfy.model_management, "load_models_gpu", watched)
    return seen


def test_memory_is_asked_for_before_decoding_and_encoding(
    tiny: HostModels, latent: dict[str, Any], keyframes: tuple[Tensor, Tensor], asked: list[float]
) -> None:
    config, itemsize = tiny.config.autoencoder, 4
    decoding = decode_bytes(config, 4, 64, 64, itemsize, 4)
    host_nodes.VAEDecode().decode(tiny.vae, latent)
    run_decode(tiny, latent, *keyframes)
    assert len(asked) == 2
    assert all(decoding <= value <= 1.5 * decoding for value in asked)

    asked.clear()
    encoding = encode_bytes(config, 1, 64, 64, itemsize)
    host_nodes.VAEEncode().encode(tiny.vae, picture(0))
    tiny.vae.encode_keyframes(torch.zeros(2, 3, 64, 64))
    assert encoding <= asked[0] <= 1.5 * encoding
    assert 2 * encoding <= asked[1] <= 2 * 1.5 * encoding
