"""How pleasing people would find a clip: LAION's regressor on CLIP embeddings, when given."""

import itertools
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ....checkpoints import read_checkpoint
from ....errors import DatasetError
from ...extras import refused_folder, require
from ..scorer import ClipPixels, Identity, Scores


class LaionAesthetics:
    """LAION's score, about 1 to 10, on the CLIP it was trained on (OpenAI's ViT-L/14).

    ``head`` is LAION's file, the linear one or the perceptron of the improved predictor; ``clip`` a
    folder as transformers saves CLIP, ``openai/clip-vit-large-patch14``.
    """

    name = "aesthetic"

    def __init__(self, head: str | Path, clip: str | Path) -> None:
        self.head, self.clip = Path(head), Path(clip)

    def identity(self) -> Identity:
        """Model and weights."""
        return {"model": f"{self.head.name} on {self.clip.name}"}

    @cached_property
    def _networks(self) -> tuple[Any, Any, nn.Module]:
        transformers = require("transformers")
        if not self.head.is_file() or not self.clip.is_dir():
            raise DatasetError(
                f"The aesthetic score needs LAION's head at '{self.head}' and a folder of CLIP at "
                f"'{self.clip}'; one of them is not there."
            )
        with refused_folder(self.clip, "CLIP"):
            model = transformers.CLIPModel.from_pretrained(self.clip, local_files_only=True).eval()
            processor = transformers.CLIPImageProcessor.from_pretrained(
                self.clip, local_files_only=True
            )
        state = dict(read_checkpoint(self.head))
        return model, processor, build_head(state)

    @torch.no_grad()
    def score(self, clip: ClipPixels, known: Scores) -> Scores:
        """``aesthetic``, the mean of the first, middle and last frame."""
        model, processor, head = self._networks
        pictures = processor(images=list(clip.stills), return_tensors="pt")["pixel_values"]
        vision = model.vision_model(pixel_values=pictures).pooler_output
        embedded = model.visual_projection(vision)
        return {"aesthetic": float(head(nn.functional.normalize(embedded, dim=-1)).mean())}


def build_head(state: Mapping[str, Tensor]) -> nn.Module:
    """LAION's regressor from its weights: one linear layer, or several without activations.

    ``DatasetError`` for other weights.
    """
    prefixes = sorted(
        (name.removesuffix("weight") for name in state if name.endswith("weight")),
        key=lambda prefix: [int(number) for number in re.findall(r"\d+", prefix)],
    )
    layers = []
    for prefix in prefixes:
        weight, bias = state[f"{prefix}weight"], state.get(f"{prefix}bias")
        if weight.ndim != 2 or bias is None or bias.shape != weight.shape[:1]:
            break
        layer = nn.Linear(weight.shape[1], weight.shape[0])
        layer.load_state_dict({"weight": weight, "bias": bias})
        layers.append(layer)
    fits = all(a.out_features == b.in_features for a, b in itertools.pairwise(layers))
    if not layers or len(layers) != len(prefixes) or not fits or layers[-1].out_features != 1:
        raise DatasetError("This is no aesthetic head of LAION: its layers do not end in a score.")
    return nn.Sequential(*layers).eval()
