"""How much of a clip is text: titles, credits, signs. Such clips are dropped."""

from functools import cached_property
from importlib.metadata import version
from typing import Any

import numpy as np

from ...extras import require
from ..scorer import ClipPixels, Identity, Scores

CONFIDENCE = 0.8
LEAST_LETTERS = 2
"""Letters that must be recognised in a box: a detector alone takes painted rocks for text."""


class RapidText:
    """Share of the picture covered by text, by RapidOCR, whose package contains its weights."""

    name = "text"

    def identity(self) -> Identity:
        """Model and settings."""
        return {
            "model": f"RapidOCR {version('rapidocr')}", "confidence": CONFIDENCE,
            "letters": LEAST_LETTERS,
            "height": 720,
        }  # fmt: skip

    @cached_property
    def _engine(self) -> Any:
        rapidocr = require("rapidocr")
        require("onnxruntime")
        return rapidocr.RapidOCR(
            params={
                "Global.log_level": "error",
                "Global.use_cls": False,
                "EngineConfig.onnxruntime.intra_op_num_threads": 1,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )

    def score(self, clip: ClipPixels, known: Scores) -> Scores:
        """``text``, the largest share of the first, middle and last frame, in [0, 1]."""
        return {"text": max(self._share(picture) for picture in clip.stills)}

    def _share(self, picture: np.ndarray) -> float:
        cv2 = require("cv2")
        found = self._engine(np.ascontiguousarray(picture[..., ::-1]))
        covered = np.zeros(picture.shape[:2], dtype=np.uint8)
        if not getattr(found, "txts", None):
            return 0.0
        for box, text, score in zip(found.boxes, found.txts, found.scores, strict=True):
            if score >= CONFIDENCE and sum(map(str.isalnum, text)) >= LEAST_LETTERS:
                cv2.fillPoly(covered, [np.round(box).astype(np.int32)], 1)
        return float(covered.mean())
