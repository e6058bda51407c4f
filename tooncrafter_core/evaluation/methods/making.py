"""Lets a peer draw a clip and keeps the frames, so that a stopped run continues where it was.

Frames are ``FOLDER/frames/METHOD/CLIP/0001.png``; ``CLIP.json`` next to them records their inputs.
The written frames are what is measured: 8 bits a colour.

Legend: t frames, c channels (3), h w space; values in [-1, 1].
"""

import hashlib
import json
import re
from pathlib import Path

import torch
from torch import Tensor

from ...errors import EvaluationError
from ...files import read_json, remove_file, write_text
from ...metrics.metric import Clip
from ...pictures.levels import at_levels, to_levels
from ..clip_files import read_clip, write_frames
from .peers import Peer, Rebuilder

TRUTH = "true frames"


def folder_name(name: str) -> str:
    """A method's or clip's name as a folder name; letters of any script stay."""
    return re.sub(r"[^\w.+-]+", "_", name).strip("._") or "unnamed"


def frames_folder(folder: Path, method: str, clip: str) -> Path:
    """The folder of a method's frames in the results."""
    return folder / "frames" / folder_name(method) / folder_name(clip)


def make_clip(peer: Peer | Rebuilder, clip: Clip, truth: Tensor, folder: Path) -> Tensor:
    """The peer's frames between the ends of ``truth``, ``t 3 h w``, from the results if there.

    A ``Rebuilder`` is handed all frames.

    ``EvaluationError`` when the peer gave another shape or pixels that are not numbers; whatever
    the peer itself raises passes through.
    """
    place = frames_folder(folder, peer.name, clip.name)
    note = place.with_name(f"{place.name}.json")
    made_from = _made_from(peer, clip, truth)
    if read_json(note) == made_from:
        return read_clip(place, truth.shape[0])
    if isinstance(peer, Rebuilder):
        frames = peer.reconstruct(truth)
    else:
        frames = peer(truth[0], truth[-1], truth.shape[0], clip)
    check_made(peer.name, frames, truth)
    remove_file(note)
    write_frames(frames, place)
    write_text(note, json.dumps(made_from, indent=1, ensure_ascii=False))
    return at_levels(frames)


def check_made(name: str, frames: Tensor, truth: Tensor) -> None:
    """Refuse frames of another shape than the true ones, or that are not numbers."""
    if frames.shape != truth.shape:
        raise EvaluationError(
            f"'{name}' made {tuple(frames.shape)} where t c h w = {tuple(truth.shape)} was asked."
        )
    if not torch.isfinite(frames).all():
        raise EvaluationError(f"'{name}' made pixels that are not numbers (NaN or infinity).")


def _made_from(peer: Peer | Rebuilder, clip: Clip, truth: Tensor) -> dict[str, str | int]:
    seen = truth if isinstance(peer, Rebuilder) else truth[[0, -1]]
    levels = to_levels(seen).contiguous()
    return {
        "method": peer.name,
        "weights": peer.weights,
        "clip": clip.name,
        "prompt": clip.prompt,
        "frames": truth.shape[0],
        "keyframes": hashlib.sha256(levels.numpy().tobytes()).hexdigest(),
    }
