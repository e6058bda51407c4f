"""Whether the caption fits the pictures: CLIP on the first, middle and last frame."""

from functools import cached_property
from pathlib import Path

import torch
from einops import rearrange

from ....models.clip.similarity import ClipModel
from ....pictures.levels import from_levels
from ..scorer import ClipPixels, Identity, Scores


class ClipAgreement:
    """Cosine of caption and frames, by CLIP of a ToonCrafter checkpoint or of a separate file."""

    name = "agreement"

    def __init__(self, checkpoint: str | Path) -> None:
        self.checkpoint = Path(checkpoint)

    def identity(self) -> Identity:
        """Which weights."""
        return {"model": f"OpenCLIP of {self.checkpoint.name}"}

    @cached_property
    def _clip_model(self) -> ClipModel:
        from ....checkpoints.load_clip import load_clip_model

        return load_clip_model(self.checkpoint, dtype=torch.float32)

    def score(self, clip: ClipPixels, known: Scores) -> Scores:
        """``agreement``, the least of the three frames' cosines; None without a caption."""
        names = ("agreement_first", "agreement_middle", "agreement_last")
        caption = known.get("caption")
        if not caption:
            return dict.fromkeys(("agreement", *names))
        pictures = from_levels(torch.from_numpy(clip.stills))
        images = self._clip_model.embed_images(rearrange(pictures, "t h w c -> t c h w"))
        cosines = (images @ self._clip_model.embed_prompts([str(caption)])[0]).tolist()
        return {"agreement": min(cosines), **dict(zip(names, cosines, strict=True))}
