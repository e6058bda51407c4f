"""The published sizes in a real ComfyUI, with made-up weights: time and memory of every stage.

Needs about 16 GiB of memory, 6 GB of disk and half an hour on two cores:
``pytest tests/comfyui/test_full_size.py --full-size -s`` with the host's folder in
``TOONCRAFTER_COMFYUI``. ``TOONCRAFTER_FULL_CHECKPOINT`` names a checkpoint to use instead of making
one; ``TOONCRAFTER_KEYFRAMES`` two pictures, separated by the path separator.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from PIL import Image
from torch import Tensor

from support.full_size import write_full_checkpoint

pytestmark = pytest.mark.full_size

LIMIT = 24 * 2**30


@contextmanager
def stage(name: str) -> Iterator[dict[str, float]]:
    """Time a stage and watch this process's memory while it runs."""
    process, done, seen = psutil.Process(), threading.Event(), {"peak": 0.0}

    def watch() -> None:
        while not done.wait(0.05):
            seen["peak"] = max(seen["peak"], process.memory_info().rss)

    thread = threading.Thread(target=watch)
    thread.start()
    start = time.perf_counter()
    try:
        yield seen
    finally:
        done.set()
        thread.join()
    seconds = time.perf_counter() - start
    figures = {"stage": name, "seconds": round(seconds, 1)}
    figures["peak_gib"] = round(seen["peak"] / 2**30, 2)
    sys.stdout.write(json.dumps(figures) + "\n")
    sys.stdout.flush()
    assert seen["peak"] < LIMIT


def keyframes() -> list[Tensor]:
    """Two pictures as IMAGEs."""
    given = os.environ.get("TOONCRAFTER_KEYFRAMES")
    folder = Path(__file__).parents[1] / "data"
    paths = given.split(os.pathsep) if given else [folder / "first.png", folder / "last.png"]
    pictures = [np.asarray(Image.open(path).convert("RGB"), dtype=np.float32) for path in paths]
    return [torch.from_numpy(picture / 255)[None] for picture in pictures]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of the official layout at full size, fp16."""
    given = os.environ.get("TOONCRAFTER_FULL_CHECKPOINT")
    if given:
        return Path(given)
    path = tmp_path_factory.mktemp("full") / "full.safetensors"
    write_full_checkpoint(path)
    return path


@torch.inference_mode()  # as ComfyUI runs nodes
def test_two_drawings_become_sixteen_finite_frames_within_24_gib(
    pack: ModuleType,
    pack_nodes: dict[str, Any],
    checkpoint: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    import folder_paths

    folders = [str(checkpoint.parent)]
    monkeypatch.setitem(
        folder_paths.folder_names_and_paths, "checkpoints", (folders, {".safetensors"})
    )
    first, last = keyframes()
    run = {name: node.execute for name, node in pack_nodes.items()}
    with stage("load"):
        model, clip, vision, vae = run["ToonCrafterLoader"](
            checkpoint.name, "none", "none", "default"
        ).args
    with stage("text"):
        texts = [
            clip.encode_from_tokens_scheduled(clip.tokenize(prompt))
            for prompt in ("an anime scene of a walking man", "")
        ]
    with stage("keyframes"):
        positive, negative, latent = run["ToonCrafterKeyframes"](
            *texts, vision, vae, first, last, 512, 320, 16, 10, "crop", 123
        ).args
    with stage("sample 2 steps"):
        hidden = type("Hidden", (), {"unique_id": None})
        monkeypatch.setattr(pack_nodes["ToonCrafterSampler"], "hidden", hidden, raising=False)
        (latent,) = run["ToonCrafterSampler"](
            model, positive, negative, latent, 123, 2, 7.5, 1.0, 0.7
        ).args
    with stage("decode with references, two passes"):
        (frames,) = run["ToonCrafterDecode"](vae, latent, first, last, True, 0).args
    assert frames.shape == (16, 320, 512, 3)
    assert torch.isfinite(latent["samples"]).all() and torch.isfinite(frames).all()
    assert float(frames.std()) > 0.01
    Image.fromarray((frames[8] * 255).byte().numpy()).save(tmp_path / "frame.png")
