"""16-bit grey pictures, which older versions of ComfyUI load as white: the node says so."""

import importlib
from pathlib import Path

import folder_paths
import numpy as np
import pytest
import torch
from PIL import Image

from support.host_models import HostModels, picture, run_keyframes


def test_drawing_that_is_white_all_over_is_said(
    tiny: HostModels, caplog: pytest.LogCaptureFixture
) -> None:
    run_keyframes(tiny, picture(1, 70, 90), torch.ones(1, 70, 90, 3))
    assert "last_image is white all over" in caplog.text and "8 bits" in caplog.text
    assert "first_image" not in caplog.text


def test_sixteen_bit_grey_is_loaded_right_or_said_to_be_white(
    tiny: HostModels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.setattr(folder_paths, "get_annotated_filepath", lambda name: str(tmp_path / name))
    shades = np.linspace(3_000, 60_000, 64 * 64).reshape(64, 64)
    Image.fromarray(shades.astype(np.uint16)).save(tmp_path / "grey.png")
    # By name: the type checker takes `nodes` for this project's own.
    load_image = importlib.import_module("nodes").LoadImage().load_image
    image = load_image("grey.png")[0]
    run_keyframes(tiny, image, picture(2))
    is_right = bool(np.abs(image[0, ..., 0].float().numpy() - shades / 65_535).max() < 0.01)
    assert is_right != ("first_image is white all over" in caplog.text)
