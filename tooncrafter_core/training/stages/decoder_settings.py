"""The settings of the stage ``decoder``, and what they must not be."""

from dataclasses import dataclass, field

from ...errors import TrainingError
from ...models.autoencoder.ablation import HAR, PARTS, WARP
from ..losses.reconstruction import ReconstructionSettings, check_crop


@dataclass(kw_only=True)
class DecoderSettings(ReconstructionSettings):
    """How the decoder is trained; L1 and LPIPS as in the paper, the critic's settings are ours."""

    critic: float = 0.5
    """Factor on the critic's adaptive weight; 0 trains without a critic."""
    critic_from: int = 0
    """First step at which the critic counts in the decoder's loss; it learns from step 0."""
    critic_channels: int = 64
    encode_chunk: int = 16
    """Frames the frozen encoder takes at a time."""
    crop_width: int = 0
    """Width of the crop of each clip, placed where something moves; 0 takes the whole."""
    crop_height: int = 0
    drawn: float = 0.0
    """Share of clips whose latents the denoiser draws between the ends, as in use; the paper's
    decoder is trained on latents of true frames alone. With 1 and a single step the denoiser can
    be trained by the decoded pictures, too: then name its groups in ``learn``."""
    drawn_steps: int = 1
    moved: float = 0.0
    """Weight of the errors of the warped keyframes at each level and of the drawn picture, each
    compared with the truth alone, for a decoder with ``warps_references``. Without it a picture
    that has no weight in the mixture yet would get no gradient."""
    chosen: float = 0.0
    """Weight of the perceptual distance of the pictures that such a decoder chooses among, each
    compared alone."""
    parts: list[str] = field(default_factory=lambda: list(PARTS))
    """Parts that the decoder is trained and published with: ``har``, ``p3d`` and ``warp``, see
    ``ablation``. Fewer are for Table 4, whose rows are decoders trained without some."""


def check_parts(parts: list[str]) -> None:
    """``TrainingError`` for parts that no decoder has, or that need another one."""
    for part in parts:
        if part not in PARTS:
            raise TrainingError(f"stage.parts names parts, {', '.join(PARTS)}; not '{part}'.")
    if WARP in parts and HAR not in parts:
        raise TrainingError(
            f"stage.parts has {WARP}, which moves what {HAR} reads: add {HAR}, or leave out both."
        )


def check_settings(settings: DecoderSettings, draws_to_learn: bool, cell: int) -> None:
    """``TrainingError`` for values that do not go together.

    ``draws_to_learn``: the networks that draw latents learn, too. ``cell``: pixels of a latent
    cell's side.
    """
    if not 0 <= settings.drawn <= 1 or settings.drawn_steps < 1:
        raise TrainingError(
            "stage.drawn lies between 0 and 1 and stage.drawn_steps is 1 or more; not "
            f"{settings.drawn:g} and {settings.drawn_steps}."
        )
    if draws_to_learn and (settings.drawn, settings.drawn_steps) != (1, 1):
        raise TrainingError(
            "The denoiser and the projector learn in this stage only where every clip is drawn "
            "in one step: set stage.drawn and stage.drawn_steps to 1, or take their groups out "
            "of learn."
        )
    if settings.critic < 0 or settings.critic_channels < 1 or settings.encode_chunk < 1:
        raise TrainingError(
            "critic must be 0 or more, critic_channels and encode_chunk 1 or more; not "
            f"{settings.critic}, {settings.critic_channels} and {settings.encode_chunk}."
        )
    check_crop(settings.crop_width, settings.crop_height, cell)


def check_warp_losses(settings: DecoderSettings, has_warp: bool) -> None:
    """``TrainingError`` for losses of the warp where the decoder has none or trains without it."""
    moves = has_warp and WARP in settings.parts
    for name in ("moved", "chosen"):
        weight = getattr(settings, name)
        if weight < 0 or (weight and not moves):
            raise TrainingError(
                f"stage.{name} is 0 or more, and more only for a decoder that moves the "
                f"keyframes (warps_references, with stage.parts naming {WARP}); "
                f"not {weight:g}."
            )
    if settings.chosen and not settings.lpips:
        raise TrainingError("stage.chosen judges by LPIPS: set stage.lpips above 0, too.")
