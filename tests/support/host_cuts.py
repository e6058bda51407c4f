"""Prompts with 'ToonCrafter Cut' for a running ComfyUI, and what comes back of them."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from comfyui.host import Host, Prompt, RunResult
from support.host_models import picture
from support.host_prompts import node
from support.model_files import FULL

LOAD, KEYS, CUT, FRAMES, DRAWINGS, SHEET, REPORT = map(str, range(1, 8))
SIDE = 64


def key(seed: int, channels: int = 3) -> np.ndarray:
    """A drawing h w c, uint8."""
    pixels = picture(seed, SIDE, SIDE, channels)[0].numpy()
    return (pixels * 255).round().astype(np.uint8)


def put_keys(host: Host, folder: str, **keys: np.ndarray) -> str:
    """Drawings in a folder of the input folder, in place of what was there."""
    place = host.base / "input" / folder
    place.mkdir(parents=True, exist_ok=True)
    for old in place.iterdir():
        old.unlink()
    for name, levels in keys.items():
        Image.fromarray(levels).save(place / f"{name}.png")
    return folder


def cut_prompt(folder: str, **inputs: Any) -> Prompt:
    """A folder of keys to frames, drawings, a sheet and a report, small and quick."""
    return {
        LOAD: node(
            "ToonCrafterLoader",
            checkpoint=FULL, text_encoder="none", image_encoder="none", weight_dtype="fp32",
        ),
        KEYS: node("ToonCrafterLoadKeys", folder=folder),
        CUT: node("ToonCrafterCut", **{
            "model": [LOAD, 0], "clip": [LOAD, 1], "clip_vision": [LOAD, 2], "vae": [LOAD, 3],
            "keys": [KEYS, 0], "names": [KEYS, 2], "frames": "1, 5, 9, 13", "on": 2,
            "spacing": "even", "cycle": False, "prompts": "", "negative": "", "seed": 5,
            "steps": 1, "cfg": 1.0, "motion_fps": 10, "width": SIDE, "height": SIDE,
            "fit": "crop", **inputs,
        }),
        FRAMES: node("SaveImage", images=[CUT, 0], filename_prefix="cut/frames"),
        DRAWINGS: node("SaveImage", images=[CUT, 1], filename_prefix="cut/drawings"),
        SHEET: node("ToonCrafterSaveSheet", sheet=[CUT, 2], filename_prefix="cut/sheet",
                    format="as it is"),
        REPORT: node("PreviewAny", source=[CUT, 3]),
    }  # fmt: skip


def run_cut(host: Host, folder: str, **inputs: Any) -> RunResult:
    """Run it to its end."""
    return host.run(cut_prompt(folder, **inputs), timeout=300)


def pictures_of(host: Host, result: RunResult, node_id: str) -> np.ndarray:
    """What was saved, t h w c, uint8."""
    assert result.status == "success", (result.error, result.validation, host.log_tail())
    records = sorted(result.images(node_id), key=lambda record: record["filename"])
    return np.stack([(host.download(one) * 255).round().astype(np.uint8) for one in records])


def sheet_file(host: Host, result: RunResult) -> Path:
    """The exposure sheet that was saved."""
    [name] = result.outputs[SHEET]["text"]
    return host.base / "output" / name


def sampled(result: RunResult) -> list[str]:
    """The samplers that ran, each the one of a segment."""
    return [name for name in result.executed if name.endswith("-sampler")]
