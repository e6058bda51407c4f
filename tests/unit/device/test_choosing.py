"""Devices and precisions by name, and what suits when nobody names one."""

import pytest
import torch

from tooncrafter_core.config.presets import MINI, TINY
from tooncrafter_core.device.choosing import choose_device, choose_dtype
from tooncrafter_core.errors import ToonCrafterError

CPU, GPU = torch.device("cpu"), torch.device("cuda")


def test_the_precision_suits_device_and_model(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_dtype("auto", CPU, TINY) == torch.float32
    assert choose_dtype("auto", GPU, TINY) == torch.float16
    assert choose_dtype("fp16", GPU, TINY) == torch.float16
    # The mini model overflows in float16.
    for has_wide, expected in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: has_wide)  # noqa: B023
        assert choose_dtype("auto", GPU, MINI) == expected
    with pytest.raises(ToonCrafterError, match=r"beyond what fp16 can hold.*auto, bf16 or fp32"):
        choose_dtype("fp16", GPU, MINI)


@pytest.mark.parametrize("name", ["float16", "half", "", None])
def test_a_precision_that_there_is_not_is_refused_with_those_there_are(name: str | None) -> None:
    with pytest.raises(ToonCrafterError, match="one of auto, fp32, bf16, fp16; not"):
        choose_dtype(name, CPU, TINY)  # pyright: ignore[reportArgumentType]


def test_a_device_that_is_not_there_is_refused() -> None:
    assert choose_device("cpu") == CPU
    with pytest.raises(ToonCrafterError, match="There is no device 'nonsense' here"):
        choose_device("nonsense")
