"""What is out of range is reported before anything is loaded."""

from typing import Any

import pytest

from tooncrafter_core.errors import ToonCrafterError
from tooncrafter_core.interpolation.settings import SPEED_PRESETS, InterpolationSettings


def test_defaults_are_those_of_the_published_program() -> None:
    settings = InterpolationSettings()
    assert (settings.width, settings.height, settings.num_frames) == (512, 320, 16)
    assert (settings.steps, settings.guidance_scale, settings.eta) == (50, 7.5, 1.0)
    assert (settings.motion_fps, settings.guidance_rescale, settings.seed) == (10, 0.7, 123)
    assert settings.second_pass and settings.spacing == "trailing"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"num_frames": 1}, "The number of frames must be 2 to 256"),
        ({"num_frames": 0}, "both keyframes count"),
        ({"num_frames": 257}, "not 257"),
        ({"steps": 0}, r"The number of steps must be 1 to 1000 \(50 is usual\), not 0"),
        ({"steps": 1001}, "1 to 1000"),
        ({"width": 0}, "The width must be 16 to 4096 pixels, not 0"),
        ({"height": 100_000}, "The height must be 16 to 4096 pixels"),
        ({"motion_fps": 0}, "The motion fps must be 1 to 60"),
        ({"motion_fps": float("nan")}, "not nan"),
        ({"guidance_scale": float("inf")}, "The guidance scale must be 0 to 100"),
        ({"image_guidance_scale": -1}, "The image guidance scale must be 0 to 100"),
        ({"guidance_rescale": 1.5}, "The guidance rescale must be 0 to 1"),
        ({"guidance_start": -0.1}, "The start of guidance must be 0 to 1"),
        ({"guidance_start": 0.5, "guidance_end": 0.4}, "The end of guidance must be 0.5 to 1"),
        ({"solver": "euler"}, "The solver is one of ddim, dpmpp_2m; not 'euler'"),
        ({"eta": -0.1}, "Eta must be 0 to 1"),
        ({"seed": -1}, "The seed must be 0 to"),
        ({"seed": 2**64}, "The seed must be 0 to"),
        ({"decode_chunk": 0}, "frames decoded at a time must be 1"),
        ({"memory_budget": 0}, "The memory budget must be 1 to 1000000 MB, not 0"),
        ({"fit": "squeeze"}, "The fit is one of crop, pad, stretch, official; not 'squeeze'"),
        ({"spacing": "karras"}, "The spacing is one of trailing, uniform"),
        ({"eta": float("nan")}, r"Eta must be 0 to 1 .*, not nan"),
        ({"eta": "1"}, r"Eta must be a number, 0 to 1 .*, not '1'"),
        ({"eta": True}, "not True"),
        ({"eta": None}, "not None"),
        ({"guidance_scale": float("nan")}, "not nan"),
        ({"steps": 2.5}, r"The number of steps must be a whole number, 1 to 1000 .*, not 2.5"),
        ({"width": float("inf")}, "4096 pixels, not inf"),
        ({"guidance_end": float("nan")}, "The end of guidance must be 0 to 1, not nan"),
        ({"token_mode": "own"}, "The token mode is one of per_frame, shared"),
    ],
)
def test_what_is_out_of_range_is_reported_in_a_sentence(
    wrong: dict[str, Any], message: str
) -> None:
    with pytest.raises(ToonCrafterError, match=message):
        InterpolationSettings(**wrong)


def test_sides_need_not_be_multiples_of_64() -> None:
    assert InterpolationSettings(width=500, height=333).width == 500


def test_presets_of_speed_are_settings_and_the_published_one_changes_nothing() -> None:
    made = {name: InterpolationSettings(**preset) for name, preset in SPEED_PRESETS.items()}
    assert made["published"] == InterpolationSettings()
    assert {name: (made[name].solver, made[name].steps) for name in ("fast", "draft")} == {
        "fast": ("dpmpp_2m", 25), "draft": ("dpmpp_2m", 12),
    }  # fmt: skip
