"""Builds the denoiser's conditions from prompts, pictures and latents (SPEC section 7)."""

from dataclasses import replace
from typing import Literal, NamedTuple

import torch
from einops import rearrange, repeat
from torch import Tensor, nn

from ..config.model import UNetConfig
from ..errors import KeyframeError, ModelMismatchError, ToonCrafterError
from ..models.clip.encoders import ImageEncoder, TextEncoder
from .condition import Condition

# b batch, t frames, t0 frames the projector was trained on, c channels, h w space, l tokens

TokenMode = Literal["per_frame", "shared"]


class ConditionNetworks(NamedTuple):
    """The networks that read the prompt and the first keyframe."""

    text_encoder: TextEncoder
    image_encoder: ImageEncoder
    projector: nn.Module
    num_queries: int = 16
    """Image tokens that the projector makes for each frame that it was trained on."""


class Prompts(NamedTuple):
    """One of each kind serves a whole batch; a list gives each clip its own."""

    prompt: str | list[str]
    negative: str | list[str] = ""
    """Empty as published."""


def place_keyframes(latents: Tensor, num_frames: int, config: UNetConfig) -> Tensor:
    """The latents of the two keyframes as a denoiser of this configuration reads them in a clip."""
    place = keyframes_everywhere if config.warps_keyframes else keyframes_at_ends
    return place(latents, num_frames)


def keyframes_at_ends(latents: Tensor, num_frames: int) -> Tensor:
    """Put the latents of the two keyframes at the ends of an otherwise empty clip.

    ``latents`` is ``b 4 2 h w``, scaled as the denoiser's; the result is ``b 4 t h w``, literally
    zero between the ends. The unconditional pass gets the same.
    ``KeyframeError`` unless there are two keyframes and at least two frames. SPEC section 7.
    """
    _check_keyframes(latents, num_frames)
    batch, channels, _, height, width = latents.shape
    clip = latents.new_zeros(batch, channels, num_frames, height, width)
    clip[:, :, 0], clip[:, :, -1] = latents[:, :, 0], latents[:, :, 1]
    return clip


def keyframes_everywhere(latents: Tensor, num_frames: int) -> Tensor:
    """Put both keyframes into every frame, for models with ``UNetConfig.warps_keyframes``.

    The result is ``b 12 t h w``: a linear blend from the first keyframe to the last by time, then
    the first keyframe, then the last. ``latents`` and errors as in ``keyframes_at_ends``.
    """
    _check_keyframes(latents, num_frames)
    share = torch.linspace(0, 1, num_frames, device=latents.device, dtype=latents.dtype)
    first, last = latents[:, :, :1], latents[:, :, 1:]
    blend = torch.lerp(first, last, rearrange(share, "t -> t 1 1"))
    return torch.cat([blend, first.expand_as(blend), last.expand_as(blend)], dim=1)


def _check_keyframes(latents: Tensor, num_frames: int) -> None:
    if latents.ndim != 5 or latents.shape[2] != 2:
        raise KeyframeError(
            "The latents of exactly 2 keyframes are needed as b 4 2 h w, "
            f"got {tuple(latents.shape)}."
        )
    if num_frames < 2:
        raise KeyframeError(f"A clip has at least its 2 keyframes; {num_frames} frames were asked.")


def frame_image_tokens(
    tokens: Tensor, num_queries: int, num_frames: int, mode: TokenMode = "per_frame"
) -> Tensor:
    """Give every frame its image tokens.

    ``tokens`` is the projector's ``b (t0 l) c`` with ``l = num_queries`` for each of the ``t0``
    frames it was trained on. ``per_frame`` returns ``b t l c``: frame ``i`` takes the tokens of
    the trained frame nearest in time, ``i (t0 - 1) / (t - 1)`` rounded to the nearest, halves up;
    a single frame takes the first. With ``t = t0`` that is each frame its own, as trained.
    ``shared`` returns ``tokens`` as they are: every frame attends to all of them, which is what
    the reference silently does for frame counts it was not trained on.
    ``ModelMismatchError`` when the tokens do not divide into frames. SPEC sections 2.3 and 3.
    """
    if tokens.ndim != 3 or tokens.shape[1] == 0 or tokens.shape[1] % num_queries:
        raise ModelMismatchError(
            f"Image tokens must come as b (frames {num_queries}) c, got {tuple(tokens.shape)}: "
            "this image projector does not belong to this model."
        )
    if mode == "shared":
        return tokens
    if mode != "per_frame":
        raise ToonCrafterError(f"Image tokens are 'per_frame' or 'shared', not {mode!r}.")
    if num_frames < 1:
        raise ValueError(f"A clip needs at least one frame, got {num_frames}.")
    per_frame = rearrange(tokens, "b (t l) c -> b t l c", l=num_queries)
    nearest = nearest_frames(per_frame.shape[1], num_frames)
    return per_frame if nearest == list(range(per_frame.shape[1])) else per_frame[:, nearest]


def nearest_frames(trained_frames: int, num_frames: int) -> list[int]:
    """For each of ``num_frames``, the trained frame nearest in time; halves go up."""
    gaps = max(num_frames - 1, 1)
    return [(2 * i * (trained_frames - 1) + gaps) // (2 * gaps) for i in range(num_frames)]


def motion_fps_vector(motion_fps: float | Tensor, like: Tensor) -> Tensor:
    """The motion fps of each batch row: ``b``, float32, on the device of ``like`` (``b ...``)."""
    fps = torch.as_tensor(motion_fps, dtype=torch.float32, device=like.device)
    return fps.reshape(-1).expand(like.shape[0])


def project_images(image_encoder: ImageEncoder, projector: nn.Module, images: Tensor) -> Tensor:
    """Image context tokens of ``b 3 h w`` pictures in [-1, 1]: ``b (t0 l) c``.

    The picture goes to the encoder as it is, neither cropped nor fitted to the video's size.
    SPEC sections 3, 4 and 7.
    """
    return projector(image_encoder.encode(images).to(next(projector.parameters())))


def project_grey(image_encoder: ImageEncoder, projector: nn.Module, like: Tensor) -> Tensor:
    """Image context tokens for "no picture", ``1 (t0 l) c``: mid-grey through both networks.

    Zeros in [-1, 1] are mid-grey; zero *tokens* were not part of the training. ``like`` gives the
    device. SPEC section 7.
    """
    grey = torch.zeros(1, 3, 224, 224, device=like.device)
    return project_images(image_encoder, projector, grey)


def build_conditions(
    networks: ConditionNetworks,
    image: Tensor,
    keyframes: Tensor,
    prompts: Prompts,
    *,
    motion_fps: float | Tensor = 10.0,
    token_mode: TokenMode = "per_frame",
) -> tuple[Condition, Condition]:
    """The conditional and the unconditional ``Condition`` of a clip.

    ``image`` is the first keyframe before any fitting, ``b 3 h w`` in [-1, 1]; ``keyframes`` is
    what ``place_keyframes`` returns, ``b c t h w``. The unconditional one has the negative prompt
    and mid-grey for the image; keyframe latents and motion fps are the same tensors. Errors as in
    the functions above, ``ValueError`` when the counts of images, prompts and latents differ.
    SPEC section 7.
    """
    batch, num_frames = keyframes.shape[0], keyframes.shape[2]
    if image.shape[0] != batch:
        raise ValueError(f"{image.shape[0]} first keyframes for latents of {batch} clips.")
    text_encoder, image_encoder, projector, num_queries = networks

    def frame_tokens(tokens: Tensor) -> Tensor:
        tokens = frame_image_tokens(tokens, num_queries, num_frames, token_mode)
        return tokens.expand(batch, *tokens.shape[1:])

    conditional = Condition(
        text=_encode_prompts(text_encoder, prompts.prompt, batch),
        image_tokens=frame_tokens(project_images(image_encoder, projector, image)),
        keyframe_latents=keyframes,
        motion_fps=motion_fps_vector(motion_fps, keyframes),
    )
    unconditional = replace(
        conditional,
        text=_encode_prompts(text_encoder, prompts.negative, batch),
        image_tokens=frame_tokens(project_grey(image_encoder, projector, image)),
    )
    return conditional, unconditional


def _encode_prompts(text_encoder: TextEncoder, prompts: str | list[str], batch: int) -> Tensor:
    """``b l c`` tokens; a single prompt is encoded once for the whole batch."""
    if isinstance(prompts, str):
        return repeat(text_encoder.encode([prompts]), "1 l c -> b l c", b=batch)
    if len(prompts) != batch:
        raise ValueError(f"{len(prompts)} prompts for {batch} clips; give one, or one for each.")
    return text_encoder.encode(prompts)
