"""Switches off usage reports of packages that we import."""

import os

SWITCHES = {
    "ORT_DISABLE_TELEMETRY": "1",  # ONNX Runtime, of the OCR
    "RAY_USAGE_STATS_ENABLED": "0",
    "HF_HUB_DISABLE_TELEMETRY": "1",  # transformers, accelerate, open_clip
    "NO_ALBUMENTATIONS_UPDATE": "1",
    "DO_NOT_TRACK": "1",  # a common convention
}
"""Environment variables that each package reads when it is imported."""


def switch_off() -> None:
    """Set the variables that the user has not set.

    Called before such a package is imported; worker processes inherit it.
    """
    for name, value in SWITCHES.items():
        os.environ.setdefault(name, value)
