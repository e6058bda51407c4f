"""The sketch encoder, and the denoiser it controls, against the official computation."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from golden import recipe
from golden.cases import (
    TEXT_TOKENS,
    assert_close,
    found,
    from_config,
    golden_id,
    load_part,
    own_goldens_only,
    read,
    split_context,
    unet_config,
)
from tooncrafter_core.config.model import SketchEncoderConfig
from tooncrafter_core.models.denoiser import Denoiser
from tooncrafter_core.models.sketch_encoder import SketchEncoder
from tooncrafter_core.sketches.frames import (
    SketchLayer,
    gather_hint_features,
    plan_frames,
    scale_residuals,
)

CONTROL, DENOISER = "control_model.", "model.diffusion_model."


class Case(NamedTuple):
    """A golden case with its networks."""

    data: dict[str, Any]
    tensors: dict[str, Tensor]
    encoder: SketchEncoder
    denoiser: Denoiser

    def stored(self, tag: str) -> dict[int, Tensor]:
        """The residuals that the case holds, by their place in the list."""
        start = f"{tag}.control."
        return {int(k.removeprefix(start)): v for k, v in self.tensors.items() if start in k}

    def context(self, tag: str) -> Tensor:
        """What the encoder reads: all tokens, or only the text's."""
        context = self.tensors["context"]
        return context[:, :TEXT_TOKENS] if tag == "textonly" else context

    def denoise(self, control: list[Tensor] | None) -> Tensor:
        """The denoiser's output under control."""
        t = self.tensors
        x = torch.cat([t["x"], t["concat"]], dim=1)
        tokens = split_context(t["context"], x.shape[2])
        return self.denoiser(x, t["timesteps"], *tokens, t["fs"], control=control)


CASES = [path for path in found("sketch") if not path.name.endswith(".keys.json")]


@own_goldens_only
def test_there_are_goldens_to_run() -> None:
    assert CASES


@pytest.fixture(scope="module", params=CASES, ids=golden_id)
def case(request: pytest.FixtureRequest) -> Case:
    path: Path = request.param
    data, tensors = read(path)
    weights = recipe.make_state_dict(data["tag"], data["state_dict"])
    control = {key: value for key, value in weights.items() if key.startswith(CONTROL)}
    others = {key: value for key, value in weights.items() if key not in control}
    assert recipe.digest(control) == data["control_sha256"]
    assert recipe.digest(others) == data["unet_sha256"]
    config = from_config(SketchEncoderConfig, data["config"])
    return Case(
        data,
        tensors,
        load_part(SketchEncoder(config, device="meta"), weights, CONTROL),
        load_part(Denoiser(unet_config(data["unet"]), device="meta"), weights, DENOISER),
    )


@pytest.mark.parametrize("tag", ["official", "textonly", "zerohint"])
def test_residuals_and_controlled_denoiser_match(case: Case, tag: str) -> None:
    t, num_frames = case.tensors, case.tensors["x"].shape[2]
    hints = torch.zeros_like(t["hint"]) if tag == "zerohint" else t["hint"]
    features = case.encoder.read_hints(hints)
    residuals = case.encoder(t["x"], features, t["timesteps"], case.context(tag))
    assert len(residuals) == case.data["n_outputs"]
    assert case.stored(tag)
    for index, golden in case.stored(tag).items():
        frames = [0, 1, num_frames - 1]
        assert_close(residuals[index][frames], golden, case.data, f"residual {index}")
    scaled = [residual * case.data["case"]["scale"] for residual in residuals]
    assert_close(case.denoise(scaled), t[f"{tag}.unet"], case.data)


def test_denoiser_without_control_matches(case: Case) -> None:
    assert_close(case.denoise(None), case.tensors["nocontrol.unet"], case.data)


@pytest.mark.parametrize("tag", ["official", "zerohint"])
def test_planned_frames_give_the_same_as_a_hint_for_every_frame(case: Case, tag: str) -> None:
    t, num_frames = case.tensors, case.tensors["x"].shape[2]
    backwards = tuple(reversed(range(num_frames)))
    # Frames in any order; and a single empty sketch, whose features the other frames share.
    hints = t["hint"].flip(0) if tag == "official" else torch.zeros_like(t["hint"][:1])
    frames = backwards if tag == "official" else (1,)
    layer = SketchLayer(hints=hints, frames=frames, strength=case.data["case"]["scale"])
    plan = plan_frames([layer], num_frames, 0.5)
    assert plan is not None
    empty = case.encoder.read_hints(torch.zeros_like(hints[:1]))
    features = gather_hint_features([case.encoder.read_hints(hints)], empty, plan)
    residuals = case.encoder(t["x"], features, t["timesteps"], t["context"])
    scaled = scale_residuals(residuals, plan)
    assert_close(case.denoise(scaled), t[f"{tag}.unet"], case.data)
