"""``interpolate --alpha keep``: transparency in and out, in every format that holds it."""

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from support.command_line import command, failure
from support.exposure_sheets import CIRCLE, document, xdts_bytes
from support.tiny import write_tiny
from tooncrafter_core.cli import cut, interpolate, main
from tooncrafter_core.interpolation.keyframes import fit_keyframes
from tooncrafter_core.interpolation.session import Session
from tooncrafter_core.interpolation.settings import InterpolationSettings
from tooncrafter_core.pictures.keyframes import Keyframes

SIZE = 64


@pytest.fixture(autouse=True)
def held(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of a model: the first keyframe for the first half, then the last."""

    def draw(_: Session, keyframes: Keyframes, settings: InterpolationSettings, *__: Any) -> Tensor:
        size = settings.width, settings.height
        first, last = fit_keyframes(keyframes, size, settings.fit, 1).pixels
        half = settings.num_frames // 2
        return torch.stack([first] * half + [last] * (settings.num_frames - half))

    monkeypatch.setattr(interpolate, "interpolate_with_progress", draw)


def key(path: Path, x: int, alpha: bool = True) -> Path:
    """A red ring with a dark line and a half clear shadow."""
    large = Image.new("RGBA", (SIZE * 4, SIZE * 4), (0, 0, 0, 0))
    pen = ImageDraw.Draw(large)
    pen.ellipse((x * 4, 200, x * 4 + 120, 230), fill=(0, 0, 0, 128))
    pen.ellipse((x * 4, 60, x * 4 + 120, 180), fill=(210, 60, 40, 255), outline=(20, 15, 25, 255))
    pen.ellipse((x * 4 + 40, 100, x * 4 + 80, 140), fill=(0, 0, 0, 0))
    image = large.resize((SIZE, SIZE), Image.Resampling.BOX)
    image.convert("RGBA" if alpha else "RGB").save(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two keyframes with transparency and the tiny model."""
    key(tmp_path / "start.png", 4)
    key(tmp_path / "end.png", 28)
    write_tiny(tmp_path / "tiny.safetensors")
    return tmp_path


def rgba(path: Path) -> np.ndarray:
    """Levels ``h w 4`` of a picture."""
    with Image.open(path) as image:
        assert image.mode == "RGBA"
        return np.asarray(image).astype(int)


def test_keyframes_come_back_to_the_level_and_in_betweens_have_holes(folder: Path) -> None:
    frames = folder / "frames"
    sheet = folder / "sheet.png"
    asked = command(folder, "--frames-dir", frames, "--alpha", "keep", "--sheet", sheet)
    assert main(asked) == 0
    first, last = rgba(folder / "start.png"), rgba(folder / "end.png")
    assert (rgba(frames / "0001.png") == first).all()
    assert (rgba(frames / "0004.png") == last).all()
    drawn = rgba(frames / "0002.png")
    off = np.abs(drawn[..., 3] - first[..., 3])
    assert off.mean() < 3
    assert drawn[30, 19, 3] == 0 and first[30, 19, 3] == 0
    assert abs(drawn[53, 19, 3] - 128) < 20
    with Image.open(sheet) as picture:
        assert picture.mode == "RGB"


@pytest.mark.parametrize("name", ["o.mov", "o.webm", "o.webp", "o.apng"])
def test_every_format_that_holds_alpha_has_it(folder: Path, name: str) -> None:
    assert main(command(folder, "-o", folder / name, "--alpha", "keep")) == 0
    if name.endswith(("webp", "apng")):
        with Image.open(folder / name) as film:
            film.seek(1)
            alpha = np.asarray(film.convert("RGBA"))[..., 3].astype(int)
    else:
        decoder = {"webm": "libvpx-vp9"}.get(name[2:])
        with av.open(folder / name) as film:
            stream = film.streams.video[0]
            context: Any = av.CodecContext.create(decoder, "r") if decoder else stream.codec_context
            frames = [
                f for packet in film.demux(stream) if packet.size for f in context.decode(packet)
            ]
        alpha = frames[min(1, len(frames) - 1)].to_ndarray(format="rgba")[..., 3].astype(int)
    expected = rgba(folder / "start.png")[..., 3]
    assert np.abs(alpha - expected).mean() < 6


def test_white_is_still_put_behind_where_alpha_is_not_asked_for(folder: Path) -> None:
    frames = folder / "frames"
    assert main(command(folder, "--frames-dir", frames)) == 0
    with Image.open(frames / "0001.png") as picture:
        assert picture.mode == "RGB" and picture.getpixel((0, 0)) == (255, 255, 255)


def test_opaque_keyframes_give_the_same_bits_with_and_without(folder: Path) -> None:
    key(folder / "start.png", 4, alpha=False)
    key(folder / "end.png", 28, alpha=False)
    for name, *options in (("a",), ("b", "--alpha", "keep")):
        assert main(command(folder, "--frames-dir", folder / name, *options)) == 0
    for path in (folder / "a").iterdir():
        assert path.read_bytes() == (folder / "b" / path.name).read_bytes()


def test_what_cannot_be_kept_is_said_before_anything_is_drawn(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interpolate, "open_session", lambda *_: pytest.fail("was loaded"))
    keep = ("--alpha", "keep")
    assert "holds no transparency" in failure(
        capsys, command(folder, "-o", folder / "o.mp4", *keep)
    )
    asked = command(folder, "-o", folder / "o.webp", *keep)
    key(folder / "end.png", 28, alpha=False)
    assert "end.png' has no alpha channel" in failure(capsys, asked)
    Image.new("RGBA", (SIZE, SIZE)).save(folder / "end.png")
    assert "Key 2 is transparent everywhere" in failure(capsys, asked)


def test_a_cut_keeps_alpha_of_keys_in_betweens_and_the_film(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cut, "interpolate_with_progress", interpolate.interpolate_with_progress)
    out = folder / "out"
    keys = [str(folder / "start.png"), str(folder / "end.png")]
    asked = ["cut", "--keys", *keys, "--frames", "1,5", "-o", str(out), "--checkpoint",
             str(folder / "tiny.safetensors"), "--width", "64", "--height", "64", "--steps", "1",
             "--quiet"]  # fmt: skip
    assert main([*asked, "--alpha", "keep", "--colour-lock"]) == 0
    assert "White is put behind" not in capsys.readouterr().out
    frames = sorted((out / "frames").iterdir())
    first = rgba(folder / "start.png")
    assert (rgba(frames[0]) == first).all()
    assert (rgba(frames[-1]) == rgba(folder / "end.png")).all()
    assert np.abs(rgba(frames[1])[..., 3] - first[..., 3]).mean() < 3
    with av.open(out / "cut.mov") as film:
        assert film.streams.video[0].codec_context.pix_fmt.startswith("yuva")
    assert (out / "cut.mp4").is_file()

    file = folder / "cut.yaml"
    file.write_text("alpha: maybe\nkeys: [start.png, end.png]\nframes: [1, 5]\n")
    assert "one of white, keep; not 'maybe'" in failure(capsys, ["cut", str(file), *asked[6:]])


def test_a_key_that_no_frame_shows_keeps_its_alpha_in_its_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cut, "interpolate_with_progress", interpolate.interpolate_with_progress)
    keys = folder / "keys"
    keys.mkdir()
    for number in (1, 2, 3):
        key(keys / f"A{number}.png", 4 * number)
    # The last key is where the sheet is at its end, and the first before it begins.
    cells = {-4: "1", 0: "2", 4: CIRCLE, 8: "3"}
    (folder / "sheet.xdts").write_bytes(xdts_bytes(document([("A", cells)], 8)))
    out = folder / "out"
    asked = ["cut", "--keys", keys, "--sheet", folder / "sheet.xdts", "-o", out, "--checkpoint",
             folder / "tiny.safetensors", "--width", "64", "--height", "64", "--steps", "1",
             "--quiet", "--alpha", "keep"]  # fmt: skip
    assert main([str(one) for one in asked]) == 0
    for path in keys.iterdir():
        written = out / "drawings" / f"A_{int(path.stem[1:]):04d}.png"
        assert (rgba(written) == rgba(path)).all()


@pytest.mark.parametrize(("option", "mode"), [([], "RGBA"), (["--alpha", "white"], "RGB")])
def test_an_option_counts_more_than_the_alpha_of_a_cut_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch, option: list[str], mode: str
) -> None:
    monkeypatch.setattr(cut, "interpolate_with_progress", interpolate.interpolate_with_progress)
    (folder / "cut.yaml").write_text(
        "keys: [start.png, end.png]\nframes: [1, 3]\nalpha: keep\nformats: none\n"
        "checkpoint: tiny.safetensors\ndrawing: {width: 64, height: 64, steps: 1}\n"
    )
    out = folder / "out"
    assert main(["cut", str(folder / "cut.yaml"), "-o", str(out), "--quiet", *option]) == 0
    for path in (out / "drawings").iterdir():
        with Image.open(path) as picture:
            assert picture.mode == mode
