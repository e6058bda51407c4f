"""Captions of clips, from text files next to the films, or from BLIP-2."""

from functools import cached_property
from pathlib import Path
from typing import Any

from ....errors import DatasetError
from ....files import read_text
from ....pictures.films import caption_file
from ...extras import refused_folder, require
from ..scorer import ClipPixels, Identity, Scores


class SidecarCaptions:
    """Captions from ``film.txt`` next to ``film.mkv``.

    Either one text for the whole film, or lines ``start<TAB>end<TAB>text`` with times in seconds:
    the one in which the clip's middle lies counts.
    """

    name = "caption"

    def identity(self) -> Identity:
        """Where captions come from."""
        return {"model": "text file"}

    def score(self, clip: ClipPixels, known: Scores) -> Scores:
        """``caption``; None where there is no text."""
        path = caption_file(Path(clip.source))
        if not path.is_file():
            return {"caption": None}
        text = read_text(path, DatasetError)
        middle = (clip.first_second + clip.last_second) / 2
        return {"caption": caption_at(text, middle)}


def caption_at(text: str, second: float) -> str | None:
    """The caption of a moment, from the text of a caption file."""
    lines = [line.split("\t") for line in text.splitlines() if line.strip()]
    if not lines or any(len(line) < 3 for line in lines):
        return " ".join(text.split()) or None
    for start, end, *words in lines:
        try:
            is_here = float(start) <= second < float(end)
        except ValueError as error:
            raise DatasetError(f"A caption's times are not seconds: {start!r}, {end!r}.") from error
        if is_here:
            return " ".join(" ".join(words).split())
    return None


class Blip2Captions:
    """Captions by BLIP-2 from a folder as transformers saves it, of the clip's middle frame."""

    name = "caption"

    def __init__(self, folder: str | Path, device: str = "cpu") -> None:
        self.folder, self.device = Path(folder), device

    def identity(self) -> Identity:
        """Which BLIP-2."""
        return {"model": f"BLIP-2, {self.folder.name}", "new_tokens": 40}

    @cached_property
    def _networks(self) -> tuple[Any, Any]:
        transformers = require("transformers")
        if not self.folder.is_dir():
            raise DatasetError(f"There is no BLIP-2 folder at '{self.folder}'.")
        with refused_folder(self.folder, "BLIP-2"):
            processor = transformers.AutoProcessor.from_pretrained(
                self.folder, local_files_only=True
            )
            model = transformers.Blip2ForConditionalGeneration.from_pretrained(
                self.folder, local_files_only=True
            )
        return processor, model.to(self.device).eval()

    def score(self, clip: ClipPixels, known: Scores) -> Scores:
        """``caption``, greedy, so that every run finds the same words."""
        processor, model = self._networks
        inputs = processor(images=clip.stills[1], return_tensors="pt").to(self.device)
        tokens = model.generate(**inputs, max_new_tokens=40, do_sample=False)
        text = processor.batch_decode(tokens, skip_special_tokens=True)[0]
        return {"caption": " ".join(text.split()) or None}
