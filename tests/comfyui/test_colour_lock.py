"""ToonCrafter Colour Lock: clips of any model, keys at any places, bad input in words."""

from typing import Any

import pytest
import torch
from tooncrafter_pack.nodes.cut.colour import ToonCrafterColourLock
from tooncrafter_pack.tooncrafter_core.errors import ToonCrafterError

from comfyui.host import Host
from support.host_prompts import node


def clip(num_frames: int = 5) -> torch.Tensor:
    """A red cel moving over a ground of two colours, t h w 3 in [0, 1], at levels of a file."""
    frames = torch.empty(num_frames, 64, 96, 3)
    for number, frame in enumerate(frames):
        frame[:] = torch.tensor([90, 160, 220]) / 255
        frame[40:] = torch.tensor([70, 130, 60]) / 255
        frame[12:52, 8 + 12 * number : 32 + 12 * number] = torch.tensor([220, 80, 60]) / 255
    return frames


def run(frames: torch.Tensor, keys: torch.Tensor, places: str = "1, -1", **changes: Any) -> Any:
    asked = {"lock": True, "fit": "crop", **changes}
    return ToonCrafterColourLock.execute(frames, keys, places, **asked).args


def test_a_clip_that_is_too_dark_comes_back_with_its_keys_to_the_bit() -> None:
    true = clip()
    locked, report = run(true * 0.85, true[[0, 2, 4]], "1 3 -1")
    assert torch.equal(locked[[0, 2, 4]], true[[0, 2, 4]])
    assert (locked - true).abs().mean() < (true * 0.15).mean() / 5
    assert "before" in report
    same, again = run(true * 0.85, true[[0, 2, 4]], "1 3 -1", lock=False)
    assert torch.equal(same, true * 0.85)
    assert again == report


def test_a_clip_that_has_not_drifted_and_its_alpha_are_handed_on_to_the_bit() -> None:
    frames = torch.cat([clip(), torch.rand(5, 64, 96, 1)], dim=-1)
    locked, _ = run(frames, frames[[0, 4]])
    assert torch.equal(locked, frames)


def test_keys_of_another_size_are_fitted() -> None:
    true = clip()
    large = true[[0, 4]].repeat_interleave(2, dim=1).repeat_interleave(2, dim=2)
    locked, _ = run(true * 0.85, large)
    assert locked.shape == true.shape
    assert (locked[2] - true[2]).abs().mean() < 0.02


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"places": "1"}, "^Colours are locked to 2 or more keys.* 2 keys and 1 places"),
        ({"places": "1, x"}, "places has 'x'"),
        ({"places": "0, -1"}, "places has '0'"),
        ({"places": "1, 9"}, "no frame of the index 8"),
        ({"places": "1, 1"}, "has two keyframes"),
        ({"keys": clip()[:1], "places": "1"}, "2 or more keys"),
        ({"keys": clip()[:0], "places": ""}, "there are 0 keys"),
        ({"frames": clip()[..., 0]}, "three channels"),
        ({"fit": "tile"}, "fit is one of"),
        ({"keys": torch.full((2, 64, 96, 3), float("nan"))}, "not numbers"),
    ],
)
def test_what_cannot_be_locked_is_said_in_a_sentence(changes: dict[str, Any], said: str) -> None:
    given: dict[str, Any] = {"frames": clip(), "keys": clip()[[0, 4]], **changes}
    with pytest.raises(ToonCrafterError, match=said):
        run(**given)


def test_the_node_runs_in_a_server(host: Host) -> None:
    prompt: dict[str, Any] = {
        "1": node("EmptyImage", width=64, height=64, batch_size=4, color=0x4080C0),
        "2": node("EmptyImage", width=64, height=64, batch_size=2, color=0x4488CC),
        "3": node("ToonCrafterColourLock", frames=["1", 0], keys=["2", 0], places="1, -1",
                  lock=True, fit="crop"),
        "4": node("SaveImage", images=["3", 0], filename_prefix="locked"),
    }  # fmt: skip
    result = host.run(prompt)
    assert result.status == "success", (result.error, result.validation)
    frames = [host.download(record) for record in result.images("4")]
    assert len(frames) == 4
    expected = torch.tensor([0x44, 0x88, 0xCC]) / 255
    for frame in frames:
        assert abs(torch.as_tensor(frame)[0, 0] - expected).max() < 2 / 255
