"""Keeps packages that we import from telling their makers that they are used."""

import os

SWITCHES = {
    "ORT_DISABLE_TELEMETRY": "1",  # ONNX Runtime, of the OCR
    "RAY_USAGE_STATS_ENABLED": "0",
    "HF_HUB_DISABLE_TELEMETRY": "1",  # transformers, accelerate, open_clip
    "NO_ALBUMENTATIONS_UPDATE": "1",
    "DO_NOT_TRACK": "1",  # for those that ask what many agree on
}
"""Variables of the environment, as each package reads them when it is imported."""


def switch_off() -> None:
    """Ask for silence, where the person at the screen has not said otherwise.

    Called before such a package is imported; worker processes inherit it.
    """
    for name, value in SWITCHES.items():
        os.environ.setdefault(name, value)
