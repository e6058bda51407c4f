"""Everything of ours that ComfyUI calls takes keywords that it does not know, as hosts add them.

No ComfyUI is needed: `support.fake_host` stands for it. A method of a class that builds on the
host's must be on one of the two lists below, so that a new one cannot come without its test.
"""

import ast
import importlib
import inspect
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from support.fake_host import Patcher, bridge_files, fake_host

Call = Callable[[dict[str, Any]], Any]

CALLED = (
    "DDIMSampler.max_denoise",
    "DDIMSampler.sample",
    "HostAutoencoder.decode",
    "HostAutoencoder.encode",
    "HostDenoiser.forward",
    "OfficialLayout.process_clip_state_dict_for_saving",
    "OfficialLayout.process_clip_vision_state_dict_for_saving",
    "SketchControl.cleanup",
    "SketchControl.copy",
    "SketchControl.deepclone_multigpu",
    "SketchControl.get_control",
    "SketchControl.get_models",
    "SketchControl.inference_memory_requirements",
    "SketchControl.pre_run",
    "SketchControl.set_cond_hint",
    "ToonCrafterModel.extra_conds",
    "ToonCrafterModel.memory_required",
    "ToonCrafterModel.state_dict_for_saving",
    "ToonCrafterModelSampling.calculate_denoised",
    "ToonCrafterModelSampling.calculate_input",
    "ToonCrafterModelSampling.inverse_noise_scaling",
    "ToonCrafterModelSampling.noise_scaling",
    "ToonCrafterVAE._memory_used_decode",
    "ToonCrafterVAE._memory_used_encode",
    "load_again",
    "run_ddim",
)
"""What the host calls."""

OURS = {
    "HostAutoencoder": ("network",),
    "SketchControl": ("begin_run", "encoder", "shares_weights", "with_layer"),
    "ToonCrafterModelConfig": ("tooncrafter",),
    "ToonCrafterModelSampling": ("coefficients", "to_network", "from_network", "to_v"),
    "ToonCrafterVAE": ("encode_keyframes", "encode_frames", "decode_with_references"),
}
"""Methods that only this project calls, by class."""

NOT_CALLED = {
    "HostSketchEncoder", "HostHooks", "BlockPatches", "HostParameters", "NetworkDtypes",
    "ClipIndex", "ClipRequest", "LatentSpace",
}  # fmt: skip
"""Classes that the host never calls: our networks and helpers."""


@pytest.fixture(scope="module")
def bridge() -> Iterator[dict[str, ModuleType]]:
    with fake_host() as pack:
        names = bridge_files()
        root = f"{pack.__name__}.nodes.bridge"
        modules = {name: importlib.import_module(f"{root}.{name}") for name in names}
        # The pack's own copy of the core, whose classes its modules know.
        core = f"{pack.__name__}.tooncrafter_core"
        yield {**modules, "presets": importlib.import_module(f"{core}.config.presets")}


def zeros(*shape: int, device: str = "cpu") -> Tensor:
    return torch.zeros(shape, device=device)


def filled(network: nn.Module) -> nn.Module:
    """A network of the meta device with zeros for weights."""
    network.to_empty(device="cpu")
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    return network


def sampling_calls(bridge: dict[str, ModuleType]) -> dict[str, Call]:
    schedule = bridge["sampling_model"].ToonCrafterModelSampling(bridge["presets"].TINY.diffusion)
    sampler = bridge["sampler"].DDIMSampler(eta=1.0)
    x, sigma = zeros(1, 4, 2, 8, 8), schedule.sigmas[[500]]
    model = SimpleNamespace(
        inner_model=SimpleNamespace(
            model_patcher=SimpleNamespace(get_model_object=lambda name: schedule)
        )
    )
    call = lambda x, sigma, **_: x  # noqa: E731
    walker = type("Model", (), {"inner_model": model.inner_model, "__call__": staticmethod(call)})()
    sigmas = torch.cat([schedule.sigmas[[500, 100]], torch.zeros(1)])
    return {
        "DDIMSampler.sample": lambda u: sampler.sample(None, sigmas, {}, None, x, **u),
        "DDIMSampler.max_denoise": lambda u: sampler.max_denoise(None, sigmas, **u),
        "run_ddim": lambda u: bridge["sampler"].run_ddim(walker, x, sigmas, **u),
        "ToonCrafterModelSampling.calculate_input": lambda u: schedule.calculate_input(
            sigma, x, **u
        ),
        "ToonCrafterModelSampling.calculate_denoised": lambda u: schedule.calculate_denoised(
            sigma, x, x, **u
        ),
        "ToonCrafterModelSampling.noise_scaling": lambda u: schedule.noise_scaling(
            sigma, x, x, **u
        ),
        "ToonCrafterModelSampling.inverse_noise_scaling": lambda u: schedule.inverse_noise_scaling(
            sigma, x, **u
        ),
    }


def model_calls(bridge: dict[str, ModuleType]) -> dict[str, Call]:
    module = bridge["denoiser.model"]
    config = module.ToonCrafterModelConfig({module.CONFIG: bridge["presets"].TINY})
    model = module.ToonCrafterModel(config, device="meta")
    filled(model)
    x, text, image = zeros(1, 4, 2, 8, 8), zeros(1, 77, 64), zeros(1, 50, 64)
    given = {
        "noise": x, "device": "cpu", "cross_attn": text,
        module.KEYFRAME_LATENTS: x, module.IMAGE_FEATURES: image, module.MOTION_FPS: 10.0,
    }  # fmt: skip
    inputs = {"image_context": zeros(1, 2, 16, 64), "fps": zeros(1)}

    def save(given: dict[str, Any]) -> None:
        with pytest.raises(RuntimeError, match="does not know what file"):
            model.state_dict_for_saving({}, **given)

    def save_part(name: str) -> Call:
        def call(given: dict[str, Any]) -> None:
            with pytest.raises(ValueError, match="to be saved"):
                getattr(config, name)({}, **given)

        return call

    return {
        "ToonCrafterModel.state_dict_for_saving": save,
        **{
            f"OfficialLayout.{name}": save_part(name)
            for name in (
                "process_clip_state_dict_for_saving",
                "process_clip_vision_state_dict_for_saving",
            )
        },
        "ToonCrafterModel.extra_conds": lambda u: model.extra_conds(**given, **u),
        "ToonCrafterModel.memory_required": lambda u: model.memory_required(x.shape, **u),
        "HostDenoiser.forward": lambda u: model.diffusion_model(
            zeros(1, 8, 2, 8, 8), zeros(1), text, **inputs, **u
        ),
    }


def control_calls(bridge: dict[str, ModuleType]) -> dict[str, Call]:
    module = bridge["control.control"]
    encoder = filled(
        bridge["control.network"].HostSketchEncoder(
            bridge["presets"].TINY_SKETCH, _layers(), torch.float32
        )
    )
    control = module.SketchControl(Patcher(encoder), torch.float32)
    hints = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    ready = module.SketchControl(Patcher(encoder), torch.float32).set_cond_hint(hints)
    schedule = bridge["sampling_model"].ToonCrafterModelSampling(bridge["presets"].TINY.diffusion)
    model = SimpleNamespace(
        model_sampling=schedule,
        tooncrafter=bridge["presets"].TINY,
        current_patcher=Patcher(encoder),
    )
    ready.pre_run(model, None)
    cond = {"c_crossattn": zeros(1, 77, 64), "image_context": zeros(1, 2, 16, 64)}
    x, sigma = zeros(1, 4, 2, 8, 8), schedule.sigmas[[500]]
    return {
        "SketchControl.copy": lambda u: control.copy(**u),
        "SketchControl.set_cond_hint": lambda u: control.copy().set_cond_hint(hints, **u),
        "SketchControl.get_models": lambda u: control.get_models(**u),
        "SketchControl.inference_memory_requirements": lambda u: (
            control.inference_memory_requirements(torch.float32, **u)
        ),
        "SketchControl.pre_run": lambda u: control.pre_run(model, None, **u),
        "SketchControl.cleanup": lambda u: control.cleanup(**u),
        "SketchControl.deepclone_multigpu": lambda u: control.deepclone_multigpu(
            torch.device("cpu"), **u
        ),
        "SketchControl.get_control": lambda u: ready.get_control(x, sigma, cond, 1, {}, **u),
    }


def _layers() -> Any:
    from support.fake_host import ManualCast

    return ManualCast


def autoencoder_calls(bridge: dict[str, ModuleType]) -> dict[str, Call]:
    host = bridge["autoencoder.network"].HostAutoencoder
    network = filled(host(bridge["presets"].TINY.autoencoder, torch.float32))
    vae = object.__new__(bridge["autoencoder.vae"].ToonCrafterVAE)
    vae.config = bridge["presets"].TINY.autoencoder
    return {
        "HostAutoencoder.encode": lambda u: network.encode(zeros(1, 3, 64, 64), **u),
        "HostAutoencoder.decode": lambda u: network.decode(zeros(1, 4, 2, 8, 8), **u),
        "ToonCrafterVAE._memory_used_encode": lambda u: vae._memory_used_encode(
            (1, 3, 64, 64), torch.float32, **u
        ),
        "ToonCrafterVAE._memory_used_decode": lambda u: vae._memory_used_decode(
            (1, 4, 2, 8, 8), torch.float32, **u
        ),
    }


def other_calls(bridge: dict[str, ModuleType]) -> dict[str, Call]:
    patcher, checkpoint = Patcher(), SimpleNamespace(path=None)
    bridge["patchers"].loads_again(patcher, lambda *_, **__: patcher, checkpoint)
    load, arguments = vars(patcher)["cached_patcher_init"]
    return {"load_again": lambda u: load(*arguments, **u)}


GROUPS = (sampling_calls, model_calls, control_calls, autoencoder_calls, other_calls)


@pytest.fixture(scope="module")
def calls(bridge: dict[str, ModuleType]) -> dict[str, Call]:
    return {name: call for group in GROUPS for name, call in group(bridge).items()}


@torch.no_grad()
@pytest.mark.parametrize("name", CALLED)
def test_it_takes_a_keyword_that_it_does_not_know(
    name: str, calls: dict[str, Call], caplog: pytest.LogCaptureFixture
) -> None:
    call = calls[name]
    with caplog.at_level(logging.WARNING):
        call({"autopad_of_tomorrow": None, "flag_of_tomorrow": False})
        assert "of_tomorrow" not in caplog.text, "what asks for nothing is not worth a word"
        call({"value_of_tomorrow": 3})
        call({"value_of_tomorrow": 3})
    # Whatever a CONDITIONING carries, and what the host's own method takes.
    if name not in ("ToonCrafterModel.extra_conds", "ToonCrafterModel.state_dict_for_saving"):
        said = [r for r in caplog.records if "hands 'value_of_tomorrow' to" in r.message]
        assert len(said) == 1


def test_every_method_that_the_host_may_call_is_on_a_list(
    bridge: dict[str, ModuleType], calls: dict[str, Call]
) -> None:
    listed = set(CALLED) | {f"{kind}.{name}" for kind, names in OURS.items() for name in names}
    assert set(calls) == set(CALLED)
    unlisted = []
    for module in bridge.values():
        for kind in vars(module).values():
            if not inspect.isclass(kind) or kind.__module__ != module.__name__:
                continue
            if kind.__name__ in NOT_CALLED or kind.__name__ in ("HostOperations", "HostDenoiser"):
                continue
            unlisted += [
                f"{kind.__name__}.{name}"
                for name, value in vars(kind).items()
                if (inspect.isfunction(value) or isinstance(value, property))
                and not name.startswith("_")
                and f"{kind.__name__}.{name}" not in listed
            ]
    assert not unlisted, "add each to a group of calls above, or to OURS with the reason"


def test_no_layer_overrides_a_private_method_of_the_hosts(bridge: dict[str, ModuleType]) -> None:
    operations = bridge["operations"].HostOperations(_layers())
    layers = [kind for kind in vars(operations).values() if inspect.isclass(kind)]
    assert len(layers) >= 8
    for kind in layers:
        ours = [base for base in kind.__mro__ if "tooncrafter" in base.__module__]
        theirs = [base for base in kind.__mro__ if base not in ours and base is not object]
        private = {
            name
            for base in ours
            for name in vars(base)
            if name.startswith("_") and not name.startswith("__")
            and any(name in vars(other) for other in theirs)
        }  # fmt: skip
        assert not private


def test_nothing_private_of_another_object_is_used() -> None:
    root = Path(__file__).parents[2] / "nodes"
    found = []
    for path in sorted(root.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        own = {"self", "cls", *(n.name for n in ast.walk(tree) if isinstance(n, ast.ClassDef))}
        for node in ast.walk(tree):
            is_private = isinstance(node, ast.Attribute) and re.match(r"_[^_]", node.attr)
            if is_private and not (isinstance(node.value, ast.Name) and node.value.id in own):
                found.append(f"{path.name}:{node.lineno} {node.attr}")
    assert not found, "what begins with an underscore may be gone in the next ComfyUI"
