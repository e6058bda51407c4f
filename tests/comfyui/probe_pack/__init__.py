"""Nodes that do on purpose what the harness must be able to see."""

import time
from typing import Any, ClassVar

import comfy.utils
import torch
from PIL import Image


class Probe:
    """Takes its steps with progress and previews, then gives a picture or fails."""

    RETURN_TYPES: ClassVar[tuple[str, ...]] = ("IMAGE",)
    FUNCTION: ClassVar[str] = "work"
    CATEGORY: ClassVar[str] = "testing"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 - ComfyUI's name
        """Describe the inputs."""
        return {
            "required": {
                "seed": ("INT", {"default": 0, "control_after_generate": True}),
                "steps": ("INT", {"default": 2, "min": 1, "max": 1000}),
                "seconds": ("FLOAT", {"default": 0.0, "min": 0.0, "max": 60.0}),
                "mode": (["picture", "fail"],),
            },
            "optional": {"image": ("IMAGE",)},
        }

    def work(
        self,
        seed: int,
        steps: int,
        seconds: float,
        mode: str,
        image: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor]:
        """Take the steps; the progress bar raises when the user cancels."""
        bar = comfy.utils.ProgressBar(steps)
        for step in range(1, steps + 1):
            time.sleep(seconds / steps)
            bar.update_absolute(step, steps, ("JPEG", Image.new("RGB", (32, 32)), 64))
        if mode == "fail":
            raise ValueError("the probe fails because it was asked to")
        picture = torch.full((1, 8, 16, 3), (seed % 256) / 255.0)
        return (picture if image is None else image,)


NODE_CLASS_MAPPINGS = {"TestProbe": Probe}
