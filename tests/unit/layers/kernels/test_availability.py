"""When the fused kernels serve, and what is said when they cannot."""

import importlib.util
import logging
from collections.abc import Iterator
from importlib.machinery import ModuleSpec

import pytest
import torch

from tooncrafter_core.layers.kernels import availability
from tooncrafter_core.layers.kernels import self_test as trial
from tooncrafter_core.layers.kernels.availability import (
    can_fuse,
    likes_channels_last,
    why_not,
    works_on,
)

CPU = torch.device("cpu")

needs_triton = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason="Triton is made for Linux only"
)


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, tuple[int, int]]]:
    """An NVIDIA card of that capability, on which the kernels give what they should."""
    capability = {"is": (9, 0)}
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: capability["is"])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: ModuleSpec(name, None))
    monkeypatch.setattr(availability, "why_not", lambda device, dtype: "")
    works_on.cache_clear()
    yield capability
    works_on.cache_clear()


def test_nothing_is_fused_on_a_cpu() -> None:
    with torch.no_grad():
        assert not can_fuse(torch.zeros(1))
    assert not likes_channels_last(torch.zeros(1))


@pytest.mark.parametrize(
    ("capability", "fused"),
    [
        ((9, 0), {torch.float16, torch.float32, torch.bfloat16}),
        ((7, 5), {torch.float16, torch.float32}),
        ((6, 1), set()),
    ],
)
def test_a_card_fuses_in_the_precisions_that_it_has(
    card: dict[str, tuple[int, int]], capability: tuple[int, int], fused: set[torch.dtype]
) -> None:
    card["is"] = capability
    assert {dtype for dtype in availability.OLDEST_CARD if works_on(0, dtype)} == fused


def test_it_can_be_turned_off(
    card: dict[str, tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(availability.SWITCH, "0")
    assert not works_on(0, torch.float16)


def test_other_makers_cards_are_left_to_torch(
    card: dict[str, tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.version, "cuda", None)
    assert not works_on(0, torch.float16)


def test_the_reason_is_logged_once(
    card: dict[str, tuple[int, int]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(availability, "why_not", lambda device, dtype: "no C compiler")
    with caplog.at_level(logging.WARNING):
        assert not works_on(0, torch.float16) and not works_on(0, torch.float16)
    (record,) = caplog.records
    assert "no C compiler" in record.getMessage() and "right, but slower" in record.getMessage()


@needs_triton
def test_a_triton_that_cannot_launch_directly_is_asked_in_every_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tooncrafter_core.layers.kernels.calls import Kernel

    def try_once(device: torch.device, dtype: torch.dtype) -> float:
        if Kernel.is_direct:
            raise TypeError("function takes exactly 17 arguments (23 given)")
        return 1e-7

    monkeypatch.setattr(Kernel, "is_direct", True)
    monkeypatch.setattr(trial, "worst_difference", try_once)
    assert why_not(CPU, torch.float32) == "" and not Kernel.is_direct


@needs_triton
def test_what_goes_wrong_in_the_trial_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from tooncrafter_core.layers.kernels.calls import Kernel

    def fail(device: torch.device, dtype: torch.dtype) -> float:
        raise RuntimeError("Failed to find\n C compiler")

    monkeypatch.setattr(Kernel, "is_direct", True)
    monkeypatch.setattr(trial, "worst_difference", fail)
    assert why_not(CPU, torch.float32) == "RuntimeError: Failed to find C compiler"
    monkeypatch.setattr(trial, "worst_difference", lambda device, dtype: 0.3)
    assert why_not(CPU, torch.float32) == "a result is wrong by 0.3"
    monkeypatch.setattr(trial, "worst_difference", lambda device, dtype: 1e-6)
    assert why_not(CPU, torch.float32) == ""
