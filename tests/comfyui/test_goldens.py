"""The official program's numbers through ComfyUI's own objects."""

import json
import os
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from golden import recipe
from safetensors.torch import load_file
from torch import Tensor

FOLDER = Path(
    os.environ.get("TOONCRAFTER_GOLDENS", Path(__file__).parents[1] / "golden" / "data")
)
TOLERANCE = 1e-3
"""Of the golden's standard deviation, on this side of the core."""


def cases(family: str) -> list[str]:
    """Names of the goldens of a family."""
    return sorted(path.stem for path in FOLDER.glob(f"{family}*.json"))


def read(name: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Description and tensors of a golden."""
    return json.loads((FOLDER / f"{name}.json").read_text()), load_file(FOLDER / f"{name}.safetensors")


def deviation(found: Tensor, golden: Tensor) -> float:
    """Largest difference relative to the golden's standard deviation."""
    return float((found - golden).abs().max() / golden.std())


def test_end_to_end(pack: ModuleType, name: str = "e2e") -> None:
    from tooncrafter_core import config as c
    from tooncrafter_core.checkpoints import Checkpoint
    from tooncrafter_pack.nodes.bridge.autoencoder import ToonCrafterVAE
    from tooncrafter_pack.nodes.bridge.denoiser import load_model
    from tooncrafter_pack.nodes.bridge.clip_image import load_image_encoder
    from tooncrafter_pack.nodes.bridge.clip_text import load_text_encoder
    from tooncrafter_pack.nodes.decode import ToonCrafterDecode
    from tooncrafter_pack.nodes.keyframes import ToonCrafterKeyframes
    from tooncrafter_pack.nodes.sampling import ToonCrafterSampler

    info, golden = read(name)
    u, v, cl = info["unet"], info["vae"], info["clip"]
    cfg = c.ModelConfig(
        unet=c.UNetConfig(model_channels=u["model_channels"], channel_mult=u["channel_mult"], num_res_blocks=u["num_res_blocks"], attention_resolutions=u["attention_resolutions"], num_head_channels=u["num_head_channels"], context_dim=u["context_dim"]),
        resampler=c.ResamplerConfig(**info["resampler"]),
        autoencoder=c.AutoencoderConfig(channels=v["ch"], channel_mult=v["ch_mult"], num_res_blocks=v["num_res_blocks"]),
        text_encoder=c.TextEncoderConfig(**cl["text"], embed_dim=cl["embed_dim"]),
        image_encoder=c.ImageEncoderConfig(**cl["vision"], embed_dim=cl["embed_dim"]),
    )
    sd = recipe.make_state_dict(info["tag"], info["state_dict"])
    ck = Checkpoint.from_tensors(sd)
    model = load_model(ck, cfg, torch.float32)
    vae = ToonCrafterVAE(ck, cfg)
    clip = load_text_encoder(ck, cfg.text_encoder)
    vision = load_image_encoder(ck, cfg.image_encoder)
    case = info["case"]
    pos = clip.encode_from_tokens_scheduled(clip.tokenize(info["prompt"]))
    neg = clip.encode_from_tokens_scheduled(clip.tokenize(""))
    print("text", deviation(pos[0][0], golden["cond_context"][:, :77]))
    img = [golden[k][None].movedim(1, -1).float() / 255 for k in ("img1", "img2")]
    out = ToonCrafterKeyframes.execute(pos, neg, vision, vae, *img, case["W"], case["H"], case["t"], case["fs"], "official", case["seed"])
    pos, neg, lat = out.args
    print("z", deviation(pos[0][1]["tooncrafter_keyframe_latents"] * 0.18215, golden["z"][:, :, [0, -1]]))

    import comfy_extras.nodes_custom_sampler  # noqa
    class H: unique_id = "1"
    ToonCrafterSampler.hidden = H
    lat = ToonCrafterSampler.execute(model, pos, neg, lat, case["seed"], case["steps"], case["cfg"], case["eta"], 0.7).args[0]
    print("samples", deviation(lat["samples"] * 0.18215, golden["samples"]))
    frames = ToonCrafterDecode.execute(vae, lat, *img, True, 0).args[0]
    final = (golden["final"].clamp(-1, 1) + 1) / 2
    d = deviation(frames, final[0].movedim(0, -1))
    print("final", d)
    assert d < TOLERANCE
