"""The whole interpolation without ComfyUI: keyframes in, a video out (SPEC section 7).

Legend: b batch (1), r keyframes (2), t frames, c channels, h w space.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from ..checkpoints.load import Models
from ..conditioning.build import (
    ConditionNetworks,
    Prompts,
    build_conditions,
    place_keyframes,
)
from ..conditioning.condition import Condition
from ..diffusion.guidance import is_in_interval
from ..diffusion.multistep import multistep_steps, sample_dpmpp_2m
from ..diffusion.noise import NoiseStream
from ..diffusion.samplers import OnStep, sample_ddim
from ..diffusion.schedule import ddim_steps, make_schedule
from ..errors import SketchError, ToonCrafterError
from ..models.sketch_encoder import SketchEncoder
from ..pictures.fitting import Placement
from ..pictures.keyframes import Keyframes
from ..sketches.frames import SketchLayer
from ..sketches.guidance import SketchGuidance, check_sketch_encoder, fit_sketches
from .decoding import decode_with_references
from .guided_denoiser import Guidance, GuidedDenoiser
from .keyframes import EncodedKeyframes, FittedKeyframes, encoded_keyframes, fit_keyframes
from .loading import require_encoders
from .offloading import batches_guidance, decode_plan, visiting
from .settings import InterpolationSettings


@torch.no_grad()
def interpolate(
    models: Models,
    keyframes: Keyframes,
    settings: InterpolationSettings | None = None,
    on_step: OnStep | None = None,
    sketches: Sequence[SketchLayer] | None = None,
    sketch_encoder: SketchEncoder | None = None,
    device: torch.device | None = None,
) -> Tensor:
    """Draw the frames between two keyframes, along sketches if there are any.

    Every network works where its weights are and in their precision, sampling in float32. All
    noise comes from ``settings.seed``, in the published program's order.

    Args:
        models: from ``build_models``; the two encoders must be there.
        keyframes: two, at the first and the last frame, of any sizes; see ``Keyframes.at_ends``.
        settings: what is asked for; the published program's when None.
        on_step: called after every sampling step; may raise to stop.
        sketches: hints at frames of the clip, of any size: they are fitted as the keyframes are.
        sketch_encoder: from ``load_sketch_encoder``; needed for sketches only.
        device: where each network works, visiting it for its own stage; None is where it is.

    Returns:
        ``1 3 t h w`` in [-1, 1], float32, of the width and height asked for.

    Raises:
        ToonCrafterError: keyframes or sketches that cannot be used, a model without encoders,
            numbers that overflowed. SPEC sections 6, 7, 9 and 10.
    """
    settings = settings or InterpolationSettings()
    require_encoders(models)
    keyframes = keyframes.require_ends(settings.num_frames)
    fitted = fit_keyframes(
        keyframes, (settings.width, settings.height), settings.fit, models.config.size_multiple
    )
    noise = start_noise(models, fitted.placement, settings)
    with visiting(device, models.autoencoder):
        encoded = encode_keyframes(models, fitted, noise)
    with visiting(device, models.text_encoder, models.image_encoder, models.projector):
        # The image encoder sees the first keyframe as it came, not as it was fitted.
        conditions = condition_on(models, keyframes.pictures[0], encoded.latents, settings)
    with visiting(device, models.denoiser, sketch_encoder):
        guidance = guide_by_sketches(models, sketches, sketch_encoder, settings)
        latents = sample(models, conditions, noise, settings, on_step, guidance)
    with visiting(device, models.autoencoder):
        video = decode(models, latents, encoded.references, settings)
    return fitted.placement.restore(video)


def start_noise(
    models: Models, placement: Placement, settings: InterpolationSettings
) -> NoiseStream:
    """The stream of all noise of this clip."""
    config = models.config.autoencoder
    height, width = (side // config.downsampling for side in (placement.height, placement.width))
    return NoiseStream(settings.seed, (1, config.z_channels, settings.num_frames, height, width))


def encode_keyframes(
    models: Models, fitted: FittedKeyframes, noise: NoiseStream
) -> EncodedKeyframes:
    """The denoiser's latents of the keyframes, and the decoder's references."""
    autoencoder = models.autoencoder
    posterior = autoencoder.encode(fitted.pixels.to(*_home(autoencoder)))
    scale = models.config.diffusion.latent_scale
    return encoded_keyframes(posterior, noise, fitted.indices, scale)


def condition_on(
    models: Models, first: Tensor, latents: Tensor, settings: InterpolationSettings
) -> tuple[Condition, Condition]:
    """The conditional and the unconditional condition, in the denoiser's precision."""
    config = models.config
    conditions = build_conditions(
        ConditionNetworks(
            *require_encoders(models), models.projector, config.resampler.num_queries
        ),
        first,
        place_keyframes(latents, settings.num_frames, config.unet),
        Prompts(settings.prompt, settings.negative_prompt),
        motion_fps=settings.motion_fps,
        token_mode=settings.token_mode,
    )
    dtype = _home(models.denoiser)[1]
    conditional, unconditional = (c.to(dtype=dtype) for c in conditions)
    return conditional, unconditional


def guide_by_sketches(
    models: Models,
    sketches: Sequence[SketchLayer] | None,
    encoder: SketchEncoder | None,
    settings: InterpolationSettings,
) -> SketchGuidance | None:
    """The sketches, ready to guide; None without any, or when all have strength 0."""
    active = [layer for layer in sketches or () if layer.strength]
    if not active:
        return None
    if encoder is None:
        raise SketchError("Sketches need the sketch encoder: load sketch_encoder.ckpt as well.")
    check_sketch_encoder(encoder.config, models.config.unet)
    size, multiple = (settings.width, settings.height), models.config.size_multiple
    return SketchGuidance(
        encoder,
        fit_sketches(active, *size, settings.fit, multiple),
        num_timesteps=models.config.diffusion.num_timesteps,
        tokens=settings.sketch_tokens,
        missing=settings.sketch_missing,
    )


def sample(
    models: Models,
    conditions: tuple[Condition, Condition],
    noise: NoiseStream,
    settings: InterpolationSettings,
    on_step: OnStep | None = None,
    sketches: SketchGuidance | None = None,
) -> Tensor:
    """Denoise a clip of latents ``1 4 t h w``, float32 (SPEC section 9)."""
    schedule = make_schedule(models.config.diffusion)
    home = _home(models.denoiser)
    start = noise.start().to(home[0])
    guidance = Guidance(
        scale=settings.guidance_scale,
        image_scale=settings.image_guidance_scale,
        rescale=settings.guidance_rescale,
        batched=batches_guidance(
            models.config.unet, settings, start.shape, *home, with_sketches=sketches is not None
        ),
        is_guided_at=guidance_interval(schedule.num_timesteps, settings),
    )
    conditional, unconditional = (condition.to(*home) for condition in conditions)
    denoise = GuidedDenoiser(models.denoiser, conditional, unconditional, guidance, sketches)
    if settings.solver == "ddim":
        steps = ddim_steps(schedule, settings.steps, eta=settings.eta, spacing=settings.spacing)
        latents = sample_ddim(denoise, start, steps, noise.step, on_step)
    else:
        steps = multistep_steps(schedule, settings.steps)
        latents = sample_dpmpp_2m(denoise, start, steps, on_step)
    return _finite(latents, "denoiser", models.denoiser)


def guidance_interval(
    num_timesteps: int, settings: InterpolationSettings
) -> Callable[[int], bool] | None:
    """Says of a timestep whether it is guided; None when all are."""
    start, end = settings.guidance_start, settings.guidance_end
    if (start, end) == (0, 1):
        return None
    return partial(is_in_interval, num_timesteps=num_timesteps, start=start, end=end)


def decode(
    models: Models, latents: Tensor, references: list[Tensor], settings: InterpolationSettings
) -> Tensor:
    """The video ``1 3 t h w`` of sampled latents, float32, in [-1, 1] (SPEC section 6.3)."""
    autoencoder = models.autoencoder
    z = (latents / models.config.diffusion.latent_scale).to(*_home(autoencoder))
    plan = decode_plan(models.config.autoencoder, z, settings)
    video = decode_with_references(autoencoder, z, references, plan)
    return _finite(video.float(), "decoder", autoencoder)


def _home(network: nn.Module) -> tuple[torch.device, torch.dtype]:
    """The device and precision of a network's weights."""
    weight = next(network.parameters())
    return weight.device, weight.dtype


def _finite(x: Tensor, source: str, network: nn.Module) -> Tensor:
    """``ToonCrafterError`` for NaN or infinity, which would show as a black picture later."""
    if not torch.isfinite(x).all():
        precision = str(_home(network)[1]).removeprefix("torch.")
        raise ToonCrafterError(
            f"The {source} made values that are not numbers: it overflowed in {precision}, or its "
            "weights are damaged. Load the model in bfloat16 or float32."
        )
    return x
