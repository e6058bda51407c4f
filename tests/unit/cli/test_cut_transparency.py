"""Transparent keys of ``cut`` and keyframes of ``interpolate``: on white, which is said."""

import logging
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from support.command_line import failure
from support.tiny import write_tiny
from tooncrafter_core.cli import main
from tooncrafter_core.cli.interpolate import read_keyframes


def key(path: Path, mode: str, x: int = 8, ground: str | None = None) -> Path:
    """A disc on a transparent ground, or on one of a colour."""
    image = Image.new("RGBA", (64, 64), ground or (0, 0, 0, 0))
    ImageDraw.Draw(image).ellipse((x, 8, x + 24, 32), fill="red")
    image.convert(mode).save(path)
    return path


@pytest.mark.parametrize("opaque", ["A1", "A2"])
def test_keys_with_transparency_and_without_are_refused_before_anything_is_drawn(
    tmp_path: Path, opaque: str, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = [
        key(tmp_path / f"{name}.png", "RGB" if name == opaque else "RGBA", ground=None)
        for name in ("A1", "A2", "A3")
    ]
    clear = [f"'{path.stem}'" for path in keys if path.stem != opaque]
    out = tmp_path / "out"
    said = failure(capsys, ["cut", "--keys", *map(str, keys), "--frames", "1,5,9", "-o", str(out)])
    assert f"{', '.join(clear)} are transparent in places, and '{opaque}' is without" in said
    assert not out.exists()


def test_an_alpha_channel_that_is_opaque_everywhere_goes_with_both(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tiny(tmp_path / "tiny.safetensors")
    quick = ["--checkpoint", str(tmp_path / "tiny.safetensors"), "--width", "64", "--height", "64"]
    full = key(tmp_path / "A1.png", "RGBA", ground="blue")
    for number, other in enumerate((
        key(tmp_path / "A2.png", "RGB", 30, "blue"), key(tmp_path / "A3.png", "RGBA", 30)
    )):  # fmt: skip
        out = str(tmp_path / str(number))
        assert main(
            ["cut", "--keys", str(full), str(other), "--frames", "1,2", "-o", out, *quick]
        ) == 0  # fmt: skip
        assert ("White is put behind" in capsys.readouterr().out) == (number == 1)


def test_interpolate_says_which_keyframe_is_laid_on_white(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clear, opaque = key(tmp_path / "a.png", "RGBA"), key(tmp_path / "b.png", "RGB", ground="blue")
    with caplog.at_level(logging.WARNING):
        read_keyframes(str(opaque), str(opaque))
        assert not caplog.messages
        read_keyframes(str(clear), str(opaque))
    assert caplog.messages == [f"White is put behind what is transparent, in '{clear}'."]


@pytest.mark.parametrize(
    ("command", "has_png"), [("cut", False), ("cuts", False), ("interpolate", True)]
)
def test_help_names_the_formats_with_alpha_that_the_command_writes(
    command: str, has_png: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    formats = shown.partition("straight alpha, as ")[2].partition(" or pictures")[0].split()
    assert (".png" in formats) == has_png and {".mov", ".webm", ".gif"} < set(formats)
