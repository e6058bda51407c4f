"""The metrics of a comparison, each with its direction and the weights behind it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from torch import Tensor

from ..checkpoints.load_clip import load_clip_model
from ..checkpoints.weight_packages import describe_file
from ..errors import EvaluationError, MissingWeightsError
from ..metrics.clip_similarity import clip_image_similarity, clip_text_similarity
from ..metrics.cpbd import cpbd
from ..metrics.lpips import load_lpips
from ..metrics.metric import Clip, Metric
from ..metrics.perceptual import Backbone
from ..metrics.pixels import psnr, ssim
from ..metrics.position import load_positions, position_error
from ..metrics.video_features import AlexNetFeatures, I3dFeatures, VideoFeatures


@dataclass(frozen=True, kw_only=True)
class Toolbox:
    """The metrics of a comparison, and those that it had to leave out."""

    metrics: tuple[Metric, ...]
    features: VideoFeatures | None
    left_out: tuple[str, ...]
    """A sentence for each quantity that is not measured, with the reason."""


def make_toolbox(
    *,
    lpips_backbone: Backbone = "alexnet",
    clip_file: str | Path | None = None,
    i3d_file: str | Path | None = None,
    has_prompts: bool = False,
    has_positions: bool = False,
    is_strict: bool = False,
) -> Toolbox:
    """Load the metrics whose weights are available, and list the others.

    ``is_strict`` makes missing LPIPS weights an error instead of a sentence. A file that was named
    and cannot be used is always an error.
    """
    metrics = [
        _pixel_metric("psnr", "PSNR", 2, psnr),
        _pixel_metric("ssim", "SSIM", 4, ssim),
    ]
    left_out: list[str] = []
    features: VideoFeatures | None = None
    try:
        lpips = load_lpips(lpips_backbone)
        metrics.append(
            Metric(
                key="lpips", title=lpips.name, is_higher_better=False, decimals=4,
                weights=lpips.weights, measure=lambda video, truth, clip: lpips(video, truth),
            )
        )  # fmt: skip
        features = AlexNetFeatures(load_lpips("alexnet"))
    except MissingWeightsError as error:
        if is_strict:
            raise
        left_out.append(f"LPIPS and the distances: {error}")
    if i3d_file is not None:
        features = I3dFeatures(i3d_file)
    else:
        left_out.append("FVD and KVD: no I3D TorchScript file was given (--i3d FILE).")
    found, reasons = _clip_metrics(clip_file, has_prompts)
    metrics += [*found, _cpbd_metric()]
    if has_positions:
        metrics.append(_position_metric())
    return Toolbox(metrics=tuple(metrics), features=features, left_out=(*left_out, *reasons))


def _pixel_metric(
    key: str, title: str, decimals: int, function: Callable[[Tensor, Tensor], Tensor]
) -> Metric:
    return Metric(
        key=key, title=title, is_higher_better=True, decimals=decimals, weights="none",
        measure=lambda video, truth, clip: function(video, truth),
    )  # fmt: skip


def _cpbd_metric() -> Metric:
    return Metric(
        key="cpbd", title="CPBD", is_higher_better=True, decimals=4, weights="none",
        measure=lambda video, truth, clip: cpbd(video),
    )  # fmt: skip


def _position_metric() -> Metric:
    def measure(video: Tensor, truth: Tensor, clip: Clip) -> Tensor:
        if clip.positions is None:
            raise EvaluationError(
                f"The clip '{clip.name}' has no places of its parts, others have: compare drawn "
                "clips by themselves."
            )
        return position_error(video, truth, load_positions(clip.positions, video))

    return Metric(
        key="position", title="position error (px)", is_higher_better=False, decimals=2,
        weights="none", measure=measure,
    )  # fmt: skip


def _clip_metrics(
    clip_file: str | Path | None, has_prompts: bool
) -> tuple[list[Metric], list[str]]:
    if clip_file is None:
        return [], ["CLIP_img and CLIP_txt: no CLIP weights were given (--clip FILE)."]
    clip_model = load_clip_model(clip_file)
    weights = f"CLIP of {describe_file(Path(clip_file))}"
    make = partial(Metric, is_higher_better=True, decimals=4, weights=weights)
    image = make(
        key="clip_img", title="CLIP_img",
        measure=lambda video, truth, clip: clip_image_similarity(video, truth, clip_model),
    )  # fmt: skip
    if not has_prompts:
        return [image], ["CLIP_txt: the clips have no prompts (NAME.txt next to each)."]
    if clip_model.text_encoder is None:
        return [image], [f"CLIP_txt: {weights} has no whole text encoder."]

    def of_prompt(video: Tensor, truth: Tensor, clip: Clip) -> Tensor:
        if not clip.prompt:
            raise EvaluationError(
                f"The clip '{clip.name}' has no prompt, others have: write '{clip.name}.txt'."
            )
        return clip_text_similarity(video, clip.prompt, clip_model)

    return [image, make(key="clip_txt", title="CLIP_txt", measure=of_prompt)], []
