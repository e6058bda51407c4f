"""Stands for ComfyUI where there is none: as much of it as our classes build on, and no more.

It computes nothing of its own. It lets a test build our classes and call what a host would call.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from comfyui.inprocess import PACK, load_pack

CPU = torch.device("cpu")


class _Casting:
    """What the host adds to torch's layers."""

    comfy_cast_weights = False
    weight_function: tuple[Any, ...] = ()
    bias_function: tuple[Any, ...] = ()


class ManualCast:
    """The host's layers."""


for _name in ("Linear", "Conv1d", "Conv2d", "Conv3d", "GroupNorm", "LayerNorm"):
    setattr(ManualCast, _name, type(_name, (getattr(nn, _name), _Casting), {}))


class ControlBase:
    """The host's control networks."""

    def __init__(self) -> None:
        self.previous_controlnet: Any = None
        self.multigpu_clones: dict[torch.device, Any] = {}

    def copy_to(self, other: Any) -> None:
        pass

    def get_models(self) -> list[Any]:
        return []

    def inference_memory_requirements(self, dtype: torch.dtype) -> float:
        return 0.0

    def pre_run(self, model: Any, percent_to_timestep_function: Any) -> None:
        pass

    def cleanup(self) -> None:
        pass

    def control_merge(self, control: Any, previous: Any, output_dtype: Any) -> Any:
        return control


class KSAMPLER:
    """The host's samplers."""

    def __init__(self, sampler_function: Callable[..., Any], extra_options: dict[str, Any]) -> None:
        self.sampler_function, self.extra_options = sampler_function, extra_options

    def sample(self, model_wrap: Any, sigmas: Tensor, extra: Any, callback: Any, noise: Tensor,
               *_: Any) -> Tensor:  # fmt: skip
        return noise

    def max_denoise(self, model_wrap: Any, sigmas: Tensor) -> bool:
        return False


class ModelSamplingDiscrete(nn.Module):
    """The host's schedules."""

    def set_sigmas(self, sigmas: Tensor) -> None:
        self.register_buffer("sigmas", sigmas.float())
        self.register_buffer("log_sigmas", sigmas.log().float())

    def timestep(self, sigma: Tensor) -> Tensor:
        return (sigma.reshape(-1, 1) - self.sigmas).abs().argmin(1)


class LatentFormat:
    """The host's latents."""

    latent_channels = 4

    def __init__(self, scale_factor: float = 1.0) -> None:
        self.scale_factor = scale_factor

    def process_in(self, latent: Tensor) -> Tensor:
        return latent * self.scale_factor


class ModelConfigBase:
    """The host's model configurations."""

    manual_cast_dtype = None

    def __init__(self, unet_config: dict[str, Any]) -> None:
        self.unet_config = unet_config


class BaseModel(nn.Module):
    """The host's models."""

    def __init__(self, config: Any, kind: Any, device: Any, unet_model: Any) -> None:
        super().__init__()
        self.latent_format = config.latent_format()
        self.manual_cast_dtype = None
        self.current_patcher = None
        settings = {**config.unet_config, "dtype": torch.float32}
        self.diffusion_model = unet_model(**settings, device=device, operations=ManualCast)

    def get_dtype(self) -> torch.dtype:
        return torch.float32

    def state_dict_for_saving(self, *_: Any, **__: Any) -> dict[str, Tensor]:
        return {}

    def process_latent_in(self, latent: Tensor) -> Tensor:
        return self.latent_format.process_in(latent)


class Patcher:
    """The host's keeper of a network."""

    def __init__(self, model: Any = None, **_: Any) -> None:
        self.model, self.load_device, self.model_options = model, CPU, {}

    def add_callback(self, *_: Any) -> None: ...

    def add_callback_with_key(self, *_: Any) -> None: ...

    def remove_callbacks_with_key(self, *_: Any) -> None: ...

    def deepclone_multigpu(self, new_load_device: Any) -> "Patcher":
        return self


class WrapperExecutor:
    """The host's way to let other nodes wrap a function."""

    @classmethod
    def new_class_executor(cls, function: Any, owner: Any, wrappers: Any) -> Any:
        return SimpleNamespace(execute=function)


class Open:
    """A base class of which nothing is used; it takes whatever it is given."""

    def __init__(self, *_: Any, **__: Any) -> None: ...


def _modules() -> dict[str, dict[str, Any]]:
    names = SimpleNamespace(
        DIFFUSION_MODEL=1, PREDICT_NOISE=2, ON_LOAD=3, ON_CLEANUP=4, V_PREDICTION=5
    )
    management = {
        "OOM_EXCEPTION": torch.OutOfMemoryError,
        "dtype_size": lambda dtype: dtype.itemsize,
        "get_torch_device": lambda: CPU,
        "intermediate_device": lambda: CPU,
        "unet_offload_device": lambda: CPU,
        "soft_empty_cache": lambda: None,
    }
    return {
        "comfy": {}, "comfy.ldm": {}, "comfy.ldm.modules": {}, "comfy.ldm.models": {},
        "comfy.cli_args": {"args": SimpleNamespace()},
        "comfy.clip_vision": {"ClipVisionModel": Open},
        "comfy.conds": dict.fromkeys(("CONDNoiseShape", "CONDCrossAttn", "CONDRegular"), Open),
        "comfy.controlnet": {"ControlBase": ControlBase},
        "comfy.latent_formats": {"SD15": LatentFormat},
        "comfy.ldm.models.autoencoder": {"AutoencoderKL": Open},
        "comfy.ldm.modules.attention": {"optimized_attention": lambda q, k, v, heads: q},
        "comfy.model_base": {"BaseModel": BaseModel, "ModelType": names},
        "comfy.model_management": management,
        "comfy.model_patcher": {"ModelPatcher": Patcher},
        "comfy.model_sampling": {"ModelSamplingDiscrete": ModelSamplingDiscrete},
        "comfy.ops": {
            "manual_cast": ManualCast, "cast_bias_weight": lambda s, x: (s.weight, s.bias),
        },
        "comfy.patcher_extension": {
            "CallbacksMP": names, "WrappersMP": names, "WrapperExecutor": WrapperExecutor,
            "get_all_wrappers": lambda kind, options: [],
        },
        "comfy.sample": {}, "comfy.samplers": {"KSAMPLER": KSAMPLER},
        "comfy.sd": {"VAE": Open, "CLIP": Open},
        "comfy.sd1_clip": dict.fromkeys(
            ("SD1ClipModel", "SDClipModel", "SD1Tokenizer", "SDTokenizer"), Open
        ),
        "comfy.supported_models_base": {"BASE": ModelConfigBase},
        "comfy.utils": {"ProgressBar": Open},
        "comfy_api": {},
        "comfy_api.latest": {"ComfyExtension": Open, "io": SimpleNamespace(ComfyNode=Open)},
        "folder_paths": {},
        "latent_preview": {"get_previewer": lambda *_: None, "MAX_PREVIEW_RESOLUTION": 512},
    }  # fmt: skip


@contextmanager
def fake_host() -> Iterator[ModuleType]:
    """The pack, imported together with this host; both are gone again afterwards."""
    before = dict(sys.modules)
    finders = list(sys.meta_path)
    try:
        for name, content in _modules().items():
            module = ModuleType(name)
            module.__path__ = []  # so that it may have submodules
            vars(module).update(content)
            sys.modules[name] = module
            parent, _, child = name.rpartition(".")
            if parent:
                setattr(sys.modules[parent], child, module)
        pack = load_pack()
        assert pack is not None
        yield pack
    finally:
        sys.meta_path[:] = finders
        for name in set(sys.modules) - set(before):
            if name.split(".")[0] in (PACK, "comfy", "comfy_api", "folder_paths", "latent_preview"):
                del sys.modules[name]
        sys.modules.update(before)


def bridge_files() -> list[str]:
    """Names of the bridge's modules."""
    folder = Path(__file__).resolve().parents[2] / "nodes" / "bridge"
    paths = (p.relative_to(folder).with_suffix("") for p in folder.rglob("*.py"))
    return sorted(".".join(path.parts) for path in paths if path.name != "__init__")
