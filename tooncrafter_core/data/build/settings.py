"""The settings of a data set build, and the scorers that follow from them."""

from dataclasses import asdict, dataclass, field
from typing import Any

from .scorer import Scorer
from .scores.captions import Blip2Captions, SidecarCaptions
from .scores.motion import DisMotion, RaftMotion
from .scores.text import RapidText
from .shots import ShotSettings


@dataclass(frozen=True, kw_only=True)
class BuildSettings:
    """How shots are found and which models judge the clips. Thresholds are not among them."""

    shots: ShotSettings = field(default_factory=ShotSettings)
    raft_weights: str | None = None
    """torchvision's RAFT; without it, OpenCV's DIS."""
    find_text: bool = True
    aesthetic_head: str | None = None
    aesthetic_clip: str | None = None
    """Both are needed; without them there is no aesthetic score."""
    blip2: str | None = None
    """BLIP-2's folder; without it captions come from text files next to the films."""
    clip_checkpoint: str | None = None
    """A ToonCrafter checkpoint with both encoders."""
    device: str = "cpu"


def make_stages(settings: BuildSettings) -> list[Scorer]:
    """The stages in the paper's order; their models load when the first clip comes."""
    stages: list[Scorer] = []
    raft = settings.raft_weights
    stages.append(RaftMotion(raft) if raft else DisMotion())
    if settings.find_text:
        stages.append(RapidText())
    if settings.aesthetic_head and settings.aesthetic_clip:
        from .scores.aesthetics import LaionAesthetics

        stages.append(LaionAesthetics(settings.aesthetic_head, settings.aesthetic_clip))
    blip2 = settings.blip2
    stages.append(Blip2Captions(blip2, settings.device) if blip2 else SidecarCaptions())
    if settings.clip_checkpoint:
        from .scores.agreement import ClipAgreement

        stages.append(ClipAgreement(settings.clip_checkpoint))
    return stages


def describe_stages(settings: BuildSettings) -> dict[str, Any]:
    """By stage, what computes its scores, or that it is skipped and why; for the manifest."""
    found: dict[str, Any] = {stage.name: stage.identity() for stage in make_stages(settings)}
    skipped = {
        "text": "skipped: switched off",
        "aesthetic": "skipped: no weights were given",
        "agreement": "skipped: no checkpoint with CLIP encoders was given",
    }
    return {"shots": {"model": "PySceneDetect", **asdict(settings.shots)}, **skipped, **found}
