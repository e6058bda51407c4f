"""Names of number formats go to torch's and back."""

import pytest
import torch

from tooncrafter_core.config.dtypes import COMPUTED, FP8, dtype_name, torch_dtype
from tooncrafter_core.config.presets import MINI, MINI_SKETCH, TINY, TINY_SKETCH, TOONCRAFTER_512


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("fp32", torch.float32),
        ("fp16", torch.float16),
        ("bf16", torch.bfloat16),
        ("fp8", torch.float8_e4m3fn),
    ],
)
def test_a_name_is_one_of_torchs_and_back(name: str, dtype: torch.dtype) -> None:
    assert torch_dtype(name) == dtype
    assert dtype_name(dtype) == name
    assert name in (*COMPUTED, FP8)


def test_a_dtype_without_a_name_of_ours_has_torchs() -> None:
    assert dtype_name(torch.int32) == "int32"


def test_what_moves_keyframes_says_that_it_goes_beyond_fp16() -> None:
    small = (MINI, MINI.unet, MINI.autoencoder, MINI_SKETCH)
    assert {config.trained_in for config in small} == {"bf16"}
    others = (TOONCRAFTER_512, TINY, TINY.unet, TINY.autoencoder, TINY_SKETCH)
    assert {config.trained_in for config in others} == {"fp16"}
