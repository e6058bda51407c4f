"""The published sizes in a real ComfyUI, with made-up weights: time and memory of every stage.

``pytest tests/comfyui/test_full_size.py --full-size -s`` with the host's folder in
``TOONCRAFTER_COMFYUI`` prints a line of JSON for every stage. ``TOONCRAFTER_FULL_CHECKPOINT`` and
``TOONCRAFTER_FULL_SKETCH_ENCODER`` name files to use instead of making them (6 GB of disk);
``TOONCRAFTER_KEYFRAMES`` two pictures, separated by the path separator.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
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
    return given_or_made(
        "TOONCRAFTER_FULL_CHECKPOINT", "tooncrafter_512.keys.json", tmp_path_factory
    )


@pytest.fixture(scope="module")
def sketch_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sketch encoder's file at full size, fp16."""
    return given_or_made(
        "TOONCRAFTER_FULL_SKETCH_ENCODER", "tooncrafter_sketch_encoder.keys.json", tmp_path_factory
    )


def given_or_made(variable: str, manifest: str, folders: pytest.TempPathFactory) -> Path:
    """The file that a variable names, or one written to a folder that goes away."""
    if given := os.environ.get(variable):
        return Path(given)
    path = folders.mktemp("full") / "full.safetensors"
    write_full_checkpoint(path, manifest)
    return path


def stock(monkeypatch: pytest.MonkeyPatch, kind: str, path: Path) -> str:
    """Let ComfyUI find a file among its models of a kind; its name there."""
    import folder_paths

    folders = ([str(path.parent)], {".safetensors"})
    monkeypatch.setitem(folder_paths.folder_names_and_paths, kind, folders)
    return path.name


@torch.inference_mode()  # as ComfyUI runs nodes
def test_two_drawings_become_sixteen_finite_frames_within_24_gib(
    pack: ModuleType,
    pack_nodes: dict[str, Any],
    checkpoint: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    name = stock(monkeypatch, "checkpoints", checkpoint)
    first, last = keyframes()
    run = {name: node.execute for name, node in pack_nodes.items()}
    with stage("load"):
        model, clip, vision, vae = run["ToonCrafterLoader"](name, "none", "none", "default").args
    with stage("text"):
        texts = [
            clip.encode_from_tokens_scheduled(clip.tokenize(prompt))
            for prompt in ("an anime scene of a walking man", "")
        ]
    with stage("keyframes"):
        positive, negative, latent = run["ToonCrafterKeyframes"](
            *texts, vision, vae, first, last, 512, 320, 16, 10, "crop", 123
        ).args
    hidden = SimpleNamespace(unique_id=None)
    monkeypatch.setattr(pack_nodes["ToonCrafterSampler"], "hidden", hidden, raising=False)
    with stage("sample 2 steps"):
        (latent,) = run["ToonCrafterSampler"](
            model, positive, negative, latent, 123, 2, 7.5, 1.0, 0.7
        ).args
    with stage("decode with references, two passes"):
        (frames,) = run["ToonCrafterDecode"](vae, latent, first, last, True, 0).args
    assert frames.shape == (16, 320, 512, 3)
    assert torch.isfinite(latent["samples"]).all() and torch.isfinite(frames).all()
    assert float(frames.std()) > 0.01
    Image.fromarray((frames[8] * 255).byte().numpy()).save(tmp_path / "frame.png")


@torch.inference_mode()
def test_a_step_with_sketches_and_the_same_step_without(
    pack: ModuleType,
    pack_nodes: dict[str, Any],
    checkpoint: Path,
    sketch_encoder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = (
        stock(monkeypatch, "checkpoints", checkpoint),
        stock(monkeypatch, "controlnet", sketch_encoder),
    )
    first, last = keyframes()
    run = {name: node.execute for name, node in pack_nodes.items()}
    hidden = SimpleNamespace(unique_id=None, prompt=None, extra_pnginfo=None)
    for name in ("ToonCrafterSampler", "ToonCrafterSketchGuidance"):
        monkeypatch.setattr(pack_nodes[name], "hidden", hidden, raising=False)
    model, clip, vision, vae = run["ToonCrafterLoader"](files[0], "none", "none", "default").args
    texts = [clip.encode_from_tokens_scheduled(clip.tokenize(p)) for p in ("a walking man", "")]
    positive, negative, empty = run["ToonCrafterKeyframes"](
        *texts, vision, vae, first, last, 512, 320, 16, 10, "crop", 123
    ).args
    del clip, vision, vae

    def step(name: str, positive: Any, negative: Any) -> Tensor:
        with stage(name):
            sampled = run["ToonCrafterSampler"](
                model, positive, negative, empty, 123, 1, 7.5, 1.0, 0.7
            )
        return sampled.args[0]["samples"]

    plain = step("one step without sketches", positive, negative)
    with stage("load the sketch encoder"):
        (control,) = run["ToonCrafterSketchEncoderLoader"](files[1], "text").args
    line = torch.ones_like(first)
    line[:, 100:104, 60:-60] = 0
    positive, negative, _ = run["ToonCrafterSketchGuidance"](
        positive, negative, control, line, "8", 0.6, 0.0, 1.0, "auto", "empty"
    ).args
    guided = step("one step with a sketch", positive, negative)
    assert torch.isfinite(guided).all()
    assert (guided - plain).abs().max() > 1e-3
