"""ToonCrafter Candidates: clips of any model are ranked, one is handed on, bad input in words."""

from typing import Any

import pytest
import torch
from tooncrafter_pack.nodes.candidates import ToonCrafterCandidates
from tooncrafter_pack.tooncrafter_core.errors import ToonCrafterError

from comfyui.host import Host
from support.host_prompts import node

COUNT = 8


def sliding() -> torch.Tensor:
    """A dark square that slides over white, t h w 3 in [0, 1]."""
    frames = torch.ones(COUNT, 64, 96, 3)
    for number, frame in enumerate(frames):
        frame[20:44, 4 + 8 * number : 28 + 8 * number] = torch.tensor([0.1, 0.2, 0.4])
    return frames


def faded() -> torch.Tensor:
    true = sliding()
    share = torch.linspace(0, 1, COUNT).reshape(-1, 1, 1, 1)
    return true[:1] * (1 - share) + true[-1:] * share


def run(clip_1: torch.Tensor, **changes: Any) -> Any:
    return ToonCrafterCandidates.execute(clip_1=clip_1, **{"take": "best", **changes}).args


def test_the_clip_that_moves_is_taken_before_its_cross_fade_wherever_it_is_connected() -> None:
    good, bad = sliding(), faded()
    frames, sheet, report, taken = run(bad, clip_5=good)
    assert taken == 5
    assert frames is good
    first, second, last = report.splitlines()
    assert first.startswith("1. 5: ")
    assert second.startswith("2. 1: ")
    assert "ghost lines of both keys in frames" in second
    assert last == "taken: 5"
    assert sheet.shape[0] == 1 and sheet.shape[-1] == 3
    assert 0 <= float(sheet.min()) <= float(sheet.max()) <= 1


def test_the_named_clip_is_taken_whatever_its_rank() -> None:
    bad = faded()
    frames, _, report, taken = run(bad, clip_2=sliding(), take="1")
    assert frames is bad
    assert taken == 1
    assert report.startswith("1. 2: ")


def test_one_clip_alone_is_judged_and_handed_on() -> None:
    clip = sliding()
    frames, _, report, taken = run(clip)
    assert frames is clip
    assert taken == 1
    assert len(report.splitlines()) == 2


def test_a_clip_that_leaves_the_given_keys_comes_behind() -> None:
    true = sliding()
    off = true.clone()
    off[[0, -1]] *= 0.6
    _, _, report, taken = run(off, clip_2=true, keys=true[[0, -1]])
    assert taken == 2
    assert "not like the keys" in report.splitlines()[1]


def test_keys_of_another_size_are_fitted_and_alpha_is_handed_on() -> None:
    true = torch.cat([sliding(), torch.ones(COUNT, 64, 96, 1)], dim=-1)
    large = true[[0, -1]].repeat_interleave(2, dim=1).repeat_interleave(2, dim=2)
    frames, _, report, _ = run(true, keys=large)
    assert torch.equal(frames, true)
    assert "not like the keys" not in report


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"clip_2": sliding()[:6]}, "clip_1: 8 frames of 96x64, clip_2: 6 frames of 96x64"),
        ({"clip_3": sliding()[:, :32]}, "clip_3: 8 frames of 96x32"),
        ({"take": "4"}, "nothing is connected to clip_4"),
        ({"take": "9"}, "take"),
        ({"keys": sliding()[:1]}, "keys has 1 pictures"),
        ({"clip_2": torch.full((8, 64, 96, 3), float("nan"))}, "clip_2 holds values"),
        ({"clip_2": torch.ones(8, 64, 96, 1)}, "clip_2 has the shape"),
        ({"clip_1": sliding()[:2]}, "3 frames or more"),
    ],
)
def test_what_cannot_be_ranked_is_said(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ToonCrafterError, match=said):
        run(**{"clip_1": sliding(), **changes})


def test_it_runs_as_a_node(host: Host) -> None:
    one, other = (node("EmptyImage", width=64, height=64, batch_size=4, color=c) for c in (0, 255))
    prompt = {
        "1": one,
        "2": other,
        "3": node("ToonCrafterCandidates", clip_1=["1", 0], clip_2=["2", 0], take="2", fit="crop"),
        "4": node("PreviewImage", images=["3", 1]),
        "5": node("PreviewImage", images=["3", 0]),
    }
    result = host.run(prompt)
    assert result.status == "success", (result.error, result.validation)
    assert len(result.images("4")) == 1
    assert len(result.images("5")) == 4
