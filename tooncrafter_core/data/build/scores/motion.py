"""How much moves in a clip: mean optical flow. Still shots are useless for training motion."""

import itertools
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ....checkpoints import read_checkpoint
from ....errors import DatasetError
from ...extras import require
from ..scorer import ClipPixels, Identity, Scores

SMALLEST_SIDE = 16
"""Least side in pixels of a picture whose flow is meaningful."""


class DisMotion:
    """Mean length of OpenCV's DIS flow, in picture heights a second."""

    name = "motion"

    def identity(self) -> Identity:
        """Model and settings."""
        return {"model": "OpenCV DIS, medium", "height": 256, "rate": 12, "blur": 1}

    @cached_property
    def _dis(self) -> Any:
        cv2 = require("cv2")
        cv2.setNumThreads(1)  # the same sums on every machine; workers run in parallel anyway
        return cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def score(self, clip: ClipPixels, known: Scores) -> Scores:
        """``motion``, the mean over the clip, and ``motion_peak``, its fastest moment."""
        cv2 = require("cv2")
        moving = clip.moving
        if min(moving.shape[1:3]) < SMALLEST_SIDE:
            raise DatasetError(f"The picture is too small to measure motion: {moving.shape[1:3]}.")
        # Film grain moves on its own; a little blur keeps it out of the flow.
        greys = [
            cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (0, 0), 1.0)
            for picture in moving
        ]
        lengths = [
            float(np.linalg.norm(self._dis.calc(a, b, None), axis=-1).mean())
            for a, b in itertools.pairwise(greys)
        ]
        return _rates(lengths, clip)


class RaftMotion:
    """The same with torchvision's RAFT, when its weights are given."""

    name = "motion"

    def __init__(self, weights: str | Path) -> None:
        self.weights = Path(weights)

    def identity(self) -> Identity:
        """Model and settings."""
        return {"model": f"RAFT, {self.weights.name}", "height": 256, "rate": 12}

    @cached_property
    def _raft(self) -> Any:
        if not self.weights.is_file():
            raise DatasetError(f"There are no RAFT weights at '{self.weights}'.")
        import torch
        from torchvision.models.optical_flow import raft_large, raft_small

        state = dict(read_checkpoint(self.weights))
        width = state.get("feature_encoder.convnormrelu.0.weight", torch.empty(0)).shape[0]
        model = raft_small() if width == 32 else raft_large()
        try:
            model.load_state_dict(state)
        except RuntimeError as error:
            raise DatasetError(
                f"'{self.weights.name}' holds no weights of torchvision's RAFT. Take "
                "raft_large_C_T_SKHT_V2 or raft_small_C_T_V2 of torchvision."
            ) from error
        return model.eval()

    def score(self, clip: ClipPixels, known: Scores) -> Scores:
        """``motion`` and ``motion_peak``, as DIS gives them."""
        import torch
        import torch.nn.functional as F
        from einops import rearrange

        from ....pictures.levels import from_levels

        frames = from_levels(torch.from_numpy(clip.moving))
        frames = rearrange(frames, "t h w c -> t c h w")
        height, width = frames.shape[-2:]
        # RAFT halves its sides three times, and needs 128 of them at least.
        size = [max(-(-side // 8) * 8, 128) for side in (height, width)]
        frames = F.interpolate(frames, size, mode="bilinear", antialias=True)
        scale = torch.tensor([width / size[1], height / size[0]])[None, :, None, None]
        lengths = []
        with torch.no_grad():
            for a, b in itertools.pairwise(frames):
                flow = self._raft(a[None], b[None])[-1] * scale
                lengths.append(float(flow.norm(dim=1).mean()))
        return _rates(lengths, clip)


def _rates(lengths: list[float], clip: ClipPixels) -> Scores:
    """Pixels a step as picture heights a second."""
    if not lengths:
        raise DatasetError("Motion is between pictures; this clip has one.")
    scale = clip.rate / clip.moving.shape[1]
    return {"motion": float(np.mean(lengths)) * scale, "motion_peak": max(lengths) * scale}
