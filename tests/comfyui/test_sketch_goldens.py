"""The sketch goldens through ComfyUI's own ControlNetApplyAdvanced and through our node.

Every case found in TOONCRAFTER_GOLDENS is run; the controlled prediction has to agree within the
golden's stated tolerance, for both readings of what the sketch encoder attends to.
"""

from pathlib import Path
from typing import Any

import comfy.model_management
import comfy.samplers
import pytest
import torch
from einops import rearrange
from tooncrafter_pack.nodes.bridge.clips.request import REQUEST, ClipRequest
from tooncrafter_pack.nodes.bridge.conditioning import IMAGE_FEATURES, KEYFRAME_LATENTS, MOTION_FPS
from tooncrafter_pack.nodes.bridge.control import SketchControl
from tooncrafter_pack.nodes.bridge.encoders.sketch import load_sketch_control
from tooncrafter_pack.nodes.sketch import ToonCrafterSketchGuidance
from torch import Tensor

import nodes as host_nodes
from golden import cases, recipe
from golden.cases import golden_id
from support.host_goldens import LATENT_SCALE, load_lone_denoiser, lone_denoiser_config
from tooncrafter_core.checkpoints import Checkpoint
from tooncrafter_core.config.model import SketchEncoderConfig

READINGS = {"official": "all", "textonly": "text"}


def build(data: dict[str, Any]) -> tuple[Any, SketchControl]:
    """The MODEL and the CONTROL_NET of a case."""
    tensors = recipe.make_state_dict(data["tag"], data["state_dict"])
    model = load_lone_denoiser(tensors, lone_denoiser_config(cases.unet_config(data["unet"])))
    sketch = {key: value for key, value in tensors.items() if key.startswith("control_model.")}
    # The case's heads are narrower than any that tensors could reveal.
    encoder = cases.from_config(SketchEncoderConfig, data["config"])
    return model, load_sketch_control(Checkpoint.from_tensors(sketch), encoder)


def conditioning(golden: dict[str, Tensor], frames: int) -> list[list[Any]]:
    """A CONDITIONING as 'ToonCrafter Keyframes' makes it, from the recorded context."""
    text, tokens = golden["context"][:, :77], golden["context"][:, 77:]
    latents = golden["concat"][:, :, [0, -1]] / LATENT_SCALE
    height, width = (8 * side for side in latents.shape[-2:])
    request = ClipRequest(
        width=width, height=height, fit="crop", multiple=8, frames=frames,
        keyframes=torch.zeros(2, 3, height, width), space=None,
    )  # fmt: skip
    values = {
        IMAGE_FEATURES: tokens,
        KEYFRAME_LATENTS: latents,
        MOTION_FPS: float(golden["fs"][0]),
        REQUEST: request,
    }
    return [[text, values]]


def predict(model: Any, positive: Any, golden: dict[str, Tensor]) -> Tensor:
    """V of the recorded latents, through ComfyUI's handling of conditioning and control."""
    sampling = model.get_model_object("model_sampling")
    sigma = sampling.sigma(golden["timesteps"])
    x = sampling.from_network(sigma, golden["x"])
    control = positive[0][1].get("control")
    comfy.model_management.load_models_gpu([model, *(control.get_models() if control else [])])
    model.pre_run()
    guider = comfy.samplers.CFGGuider(model)
    guider.set_conds(positive, positive)
    conds = {"positive": [dict(guider.original_conds["positive"][0])]}
    conds = comfy.samplers.process_conds(model.model, x, conds, x.device)
    (clean,) = comfy.samplers.calc_cond_batch(model.model, [conds["positive"]], x, sigma, {})
    if control is not None:
        control.cleanup()
    return sampling.to_v(sigma, x, clean)


def by_stock_node(positive: Any, control: SketchControl, hint: Tensor, scale: float) -> Any:
    """Guide with ComfyUI's own node, a sketch for every frame."""
    image = rearrange(hint, "t 1 h w -> t h w 1").repeat(1, 1, 1, 3)
    apply = host_nodes.ControlNetApplyAdvanced().apply_controlnet
    return apply(positive, positive, control, image, scale, 0.0, 1.0)[0]


def by_our_node(positive: Any, control: SketchControl, hint: Tensor, scale: float) -> Any:
    """Guide with our node."""
    image = rearrange(hint, "t 1 h w -> t h w 1").repeat(1, 1, 1, 3)
    return ToonCrafterSketchGuidance.execute(
        positive, positive, control, image, "all", scale, 0.0, 1.0, "auto", "empty"
    ).args[0]


@pytest.mark.parametrize("guide", [by_stock_node, by_our_node], ids=["stock node", "our node"])
@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("path", cases.found("sketch"), ids=golden_id)
@torch.no_grad()
def test_controlled_prediction_equals_the_golden(
    path: Path, reading: str, guide: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, golden = cases.read(path)
    model, control = build(data)
    monkeypatch.setattr(model.model, "_project", lambda tokens, _device: tokens)
    control.tokens_read = READINGS[reading]
    positive = conditioning(golden, data["case"]["t"])
    guided = guide(positive, control, golden["hint"], data["case"]["scale"])
    cases.assert_close(predict(model, guided, golden), golden[f"{reading}.unet"], data, reading)


@pytest.mark.parametrize("path", cases.found("sketch"), ids=golden_id)
@torch.no_grad()
def test_strength_zero_is_no_guidance_to_the_bit(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, golden = cases.read(path)
    model, control = build(data)
    monkeypatch.setattr(model.model, "_project", lambda tokens, _device: tokens)
    positive = conditioning(golden, data["case"]["t"])
    plain = predict(model, positive, golden)
    cases.assert_close(plain, golden["nocontrol.unet"], data)
    for guide in (by_stock_node, by_our_node):
        guided = guide(positive, control, golden["hint"], 0.0)
        assert torch.equal(predict(model, guided, golden), plain)
