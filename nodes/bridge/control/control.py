"""The sketch encoder as a ComfyUI CONTROL_NET (SPEC section 10).

Legend: b batch, t frames, n sketches, c channels, h w space, l tokens.
"""

from typing import Any, cast

import comfy.controlnet
import comfy.model_management
import comfy.model_patcher
import comfy.ops
import comfy.patcher_extension
import torch
from torch import Tensor

from ....tooncrafter_core.device.memory import sketch_encoder_bytes
from ....tooncrafter_core.errors import ModelMismatchError
from ....tooncrafter_core.layers.operations import Options
from ....tooncrafter_core.models.motion.port import Residuals
from ....tooncrafter_core.sketches.frames import (
    FramePlan,
    MissingMode,
    SketchLayer,
    gather_hint_features,
    plan_frames,
    scale_residuals,
)
from ....tooncrafter_core.sketches.guidance import (
    TokensRead,
    check_sketch_encoder,
    encoder_context,
    percent_done,
)
from ....tooncrafter_core.sketches.hints import fit_hints, to_hint
from ..sampling_model import ToonCrafterModelSampling
from ..unknown import note_unknown
from .layers import check_count, clip_size
from .network import HostSketchEncoder
from .residuals import to_control

WORKSPACE = 1.2


class SketchControl(comfy.controlnet.ControlBase):
    """Guides frames by sketches; frames without one get an empty sketch, or nothing."""

    def __init__(
        self, patcher: comfy.model_patcher.ModelPatcher, compute_dtype: torch.dtype
    ) -> None:
        super().__init__()
        self.patcher = patcher
        self.compute_dtype = compute_dtype
        self.tokens_read: TokensRead = "text"
        self.unsketched: MissingMode = "empty"
        self.layers: tuple[SketchLayer, ...] = ()
        self.is_dense = False
        """Whether the sketches came without frame numbers, so that every frame must have one."""
        self._sampling: ToonCrafterModelSampling | None = None
        self._features: dict[tuple[int, int], list[Tensor]] = {}

    @property
    def encoder(self) -> HostSketchEncoder:
        """The network, wherever ComfyUI keeps it."""
        return cast(HostSketchEncoder, self.patcher.model)

    def copy(self, **unknown: object) -> "SketchControl":
        """Another use of the same weights."""
        note_unknown("a copy of the sketches", unknown)
        other = SketchControl(self.patcher, self.compute_dtype)
        self.copy_to(other)
        other.tokens_read, other.unsketched = self.tokens_read, self.unsketched
        other.layers, other.is_dense = self.layers, self.is_dense
        return other

    def deepclone_multigpu(
        self, load_device: torch.device, autoregister: bool = False, **unknown: object
    ) -> "SketchControl":
        """The same sketches with weights of their own on another device.

        ``autoregister`` keeps it as this control's part for that device.
        """
        note_unknown("a copy of the sketches for another device", unknown)
        other = self.copy()
        other.patcher = cast(Any, self.patcher).deepclone_multigpu(new_load_device=load_device)
        if autoregister:
            cast(Any, self).multigpu_clones[load_device] = other
        return other

    def shares_weights(self, other: "SketchControl") -> bool:
        """Whether two controls are uses of the same loaded encoder, read in the same way."""
        return self.patcher is other.patcher and self.tokens_read == other.tokens_read

    def with_layer(self, layer: SketchLayer) -> "SketchControl":
        """A copy with more sketches, which win over earlier ones on the same frame."""
        other = self.copy()
        other.layers = (*self.layers, layer)
        return other

    def set_cond_hint(
        self,
        cond_hint: Tensor,
        strength: float = 1.0,
        timestep_percent_range: tuple[float, float] = (0.0, 1.0),
        vae: object = None,
        extra_concat: object = None,
        **unknown: object,
    ) -> "SketchControl":
        """Take what ComfyUI's own nodes give: pictures n 3 h w in [0, 1], one for every frame."""
        note_unknown("the sketches", unknown)
        hints = to_hint(cond_hint * 2.0 - 1.0).hints
        start, end = timestep_percent_range
        self.layers = (
            SketchLayer(
                hints=hints,
                frames=tuple(range(hints.shape[0])),
                strength=strength,
                start_percent=start,
                end_percent=end,
            ),
        )
        self.is_dense = True
        return self

    def get_models(self, **unknown: object) -> list[Any]:
        """The models that ComfyUI loads with the denoiser."""
        note_unknown("the list of the sketches' models", unknown)
        return [*super().get_models(), self.patcher]

    def inference_memory_requirements(self, dtype: torch.dtype, **unknown: object) -> float:
        """Bytes besides the weights, added to the denoiser's."""
        note_unknown("the sketches' estimate of memory", unknown)
        itemsize = comfy.model_management.dtype_size(dtype)
        # For one clip: the denoiser's own, which does not run at the same time, is for two.
        own = sketch_encoder_bytes(self.encoder.config, 1, *self._clip_size(), itemsize)
        return own * WORKSPACE + super().inference_memory_requirements(dtype)

    def _clip_size(self) -> tuple[int, int, int]:
        return clip_size(self.layers, self.is_dense, self.encoder.config.downsampling)

    def pre_run(self, model: Any, percent_to_timestep_function: Any, **unknown: object) -> None:
        """Check the model before the first step."""
        note_unknown("the start of the sketches", unknown)
        super().pre_run(model, percent_to_timestep_function)
        if not isinstance(model.model_sampling, ToonCrafterModelSampling):
            raise ModelMismatchError(
                "The sketch encoder guides ToonCrafter only; this model is another. Connect the "
                "MODEL of 'Load ToonCrafter', or take the sketches off."
            )
        check_sketch_encoder(self.encoder.config, model.tooncrafter.unet)
        for control in (self, *self._on_other_devices()):
            control.begin_run(model.model_sampling)
        self._cleanup_with(model.current_patcher)

    def begin_run(self, sampling: ToonCrafterModelSampling) -> None:
        """Forget the features of an earlier run."""
        self._sampling = sampling
        self._features.clear()

    def _on_other_devices(self) -> list["SketchControl"]:
        """Its parts for other devices, on hosts that share one sampling out."""
        return list(getattr(self, "multigpu_clones", {}).values())

    def _cleanup_with(self, patcher: comfy.model_patcher.ModelPatcher) -> None:
        """Let go with the MODEL, which ComfyUI cleans up after cancelled runs too."""
        kind = comfy.patcher_extension.CallbacksMP.ON_CLEANUP
        key = f"tooncrafter_sketch_{id(self)}"

        def clean(patcher: Any) -> None:
            patcher.remove_callbacks_with_key(kind, key)
            self.cleanup()

        patcher.remove_callbacks_with_key(kind, key)
        patcher.add_callback_with_key(kind, key, clean)

    def cleanup(self, **unknown: object) -> None:
        """Let go of what a run has kept."""
        note_unknown("the end of the sketches", unknown)
        self._sampling = None
        self._features.clear()
        super().cleanup()

    def get_control(
        self,
        x_noisy: Tensor,
        t: Tensor,
        cond: dict[str, Any],
        batched_number: int,
        transformer_options: Options,
        **unknown: object,
    ) -> Any:
        """Residuals for this step, joined with those of other CONTROL_NETs."""
        note_unknown("the sketches' step", unknown)
        previous = None
        if self.previous_controlnet is not None:
            previous = self.previous_controlnet.get_control(
                x_noisy, t, cond, batched_number, transformer_options
            )
        if self._sampling is None:
            raise RuntimeError("ComfyUI asked for control before it prepared the run.")
        if self.is_dense:
            check_count(self.layers, x_noisy.shape[2])
        timesteps = self._sampling.timestep(t).float()
        plan = plan_frames(self.layers, x_noisy.shape[2], self._percent(timesteps), self.unsketched)
        if plan is None:
            return previous
        residuals = self._residuals(x_noisy, t, timesteps, cond, plan, transformer_options)
        return self.control_merge(to_control(residuals), previous, output_dtype=None)

    def _percent(self, timesteps: Tensor) -> float:
        """How far the sampling is, 0 to 1; waits for the device only where it matters."""
        if all((layer.start_percent, layer.end_percent) == (0.0, 1.0) for layer in self.layers):
            return 0.0
        sampling = cast(ToonCrafterModelSampling, self._sampling)
        return percent_done(float(timesteps[0]), sampling.num_timesteps)

    def _residuals(
        self,
        x_noisy: Tensor,
        sigma: Tensor,
        timesteps: Tensor,
        cond: dict[str, Any],
        plan: FramePlan,
        options: Options,
    ) -> Residuals:
        sampling = cast(ToonCrafterModelSampling, self._sampling)
        x = sampling.to_network(sigma, x_noisy).to(self.compute_dtype)
        features = gather_hint_features(*self._hint_features(x), plan)
        text = cond.get("crossattn_controlnet", cond["c_crossattn"])
        context = encoder_context(text, cond["image_context"], self.tokens_read)
        context = context.to(device=x.device, dtype=self.compute_dtype)
        keyframes = cond.get("c_concat")
        keyframes = None if keyframes is None else keyframes.to(x)
        residuals = self.encoder(x, features, timesteps, context, options, keyframes)
        return scale_residuals(residuals, plan)

    def _hint_features(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        """Features of every layer's sketches and of an empty one; computed once a run."""
        config = self.encoder.config
        height, width = (side * config.downsampling for side in x.shape[-2:])
        if (height, width) not in self._features:
            empty = x.new_zeros(1, config.hint_channels, height, width)
            hints = [
                fit_hints(layer.hints, width, height, "crop", config.downsampling)[0]
                for layer in self.layers
            ]
            self._features[height, width] = [
                self.encoder.read_hints(hint.to(x)) for hint in (*hints, empty)
            ]
        *features, empty_features = self._features[height, width]
        return features, empty_features
