"""Clips encoded once by the frozen networks: latents on disk in place of pictures.

Useful for a small data set with many epochs, or where encoding takes as long as a training step.
"""

import io
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from ...data.clips.dataset import ClipDataset, Sample, SampleId
from ...errors import TrainingError
from ...files import read_json, write_bytes, write_json
from ..stages.denoising import DenoisingStage

PREPARED = "prepared"
"""The folder in a run's."""
IDENTITY = "identity.json"
FILES = (IDENTITY, "*/*.npz")
"""All that it holds, as patterns."""

ARRAYS = ("latent_mean", "latent_log_variance", "image_embedding")
"""Fields of ``EncodedClips`` that are stored, in fp16: ``4 t h w`` twice and ``l c``."""


class PreparedClips(Dataset[Sample]):
    """The samples of a data set as a denoising stage needs them, without their pictures."""

    def __init__(self, dataset: ClipDataset, folder: Path) -> None:
        self._dataset, self._folder = dataset, folder

    def path(self, sample: SampleId) -> Path:
        """Where a sample is kept."""
        return self._folder / f"{sample.epoch}" / f"{sample.clip:08d}.npz"

    def __getitem__(self, sample: SampleId) -> Sample:
        """A sample; ``TrainingError`` when its file is damaged."""
        path = self.path(sample)
        info = self._dataset.source.clips[sample.clip]
        try:
            with np.load(path, allow_pickle=False) as arrays:
                found: Sample = {name: torch.from_numpy(arrays[name]) for name in ARRAYS}
                found["fps"] = torch.tensor(float(arrays["fps"]))
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise TrainingError(
                f"The prepared clip '{path}' cannot be read: {error}. Remove it and start again: "
                "it is then made again."
            ) from error
        return {**found, "caption": info.caption, "key": info.key}

    def missing(self, clips: Sequence[int], variants: int) -> list[SampleId]:
        """The samples that are not encoded yet."""
        samples = (SampleId(variant, clip) for variant in range(variants) for clip in clips)
        return [sample for sample in samples if not self.path(sample).exists()]

    def check(self, identity: dict[str, object]) -> None:
        """``TrainingError`` when the folder was made with other clips or networks."""
        found = read_json(self._folder / IDENTITY)
        if found is None:
            write_json(self._folder / IDENTITY, identity)
        elif found != identity:
            raise TrainingError(
                f"The prepared clips in '{self._folder}' are of other clips or weights than this "
                "run's. Remove the folder, or choose another 'out'."
            )

    def prepare(
        self, stage: DenoisingStage, samples: Sequence[SampleId], device: torch.device
    ) -> Iterator[SampleId]:
        """Encode samples, each written as soon as it is done. ``OutputError`` for a full disk."""
        for sample in samples:
            given = self._dataset[sample]
            clip = stage.encode({"video": given["video"][None].to(device)})
            arrays: dict[str, Any] = {name: _half(getattr(clip, name)[0]) for name in ARRAYS}
            buffer = io.BytesIO()
            np.savez(buffer, fps=given["fps"].numpy(), **arrays)
            write_bytes(self.path(sample), buffer.getvalue())
            yield sample


def _half(tensor: Tensor) -> np.ndarray:
    return tensor.detach().half().cpu().numpy()
