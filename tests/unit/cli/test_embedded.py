"""``interpolate`` without a checkpoint draws with the model that comes with the program."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support.command_line import command, failure
from tooncrafter_core.checkpoints import save_checkpoint
from tooncrafter_core.checkpoints.synthetic import made_up_checkpoint, made_up_sketch_encoder
from tooncrafter_core.cli import main, parse
from tooncrafter_core.cli.interpolate import settings_from
from tooncrafter_core.config import embedded
from tooncrafter_core.config.presets import MINI, MINI_SKETCH
from tooncrafter_core.interpolation.settings import SPEED_PRESETS, InterpolationSettings


def without_checkpoint(arguments: list[str]) -> list[str]:
    at = arguments.index("--checkpoint")
    return arguments[:at] + arguments[at + 2 :]


@pytest.fixture
def own_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Made-up weights in place of the embedded ones."""
    folder = tmp_path / "weights"
    folder.mkdir()
    monkeypatch.setattr(embedded, "FOLDER", folder)
    save_checkpoint(made_up_checkpoint(MINI), folder / "mini.safetensors", config=MINI)
    return folder


def test_without_a_checkpoint_the_mini_model_draws_along_its_own_sketch_encoder(
    own_weights: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = without_checkpoint(command(folder, "-o", tmp_path / "plain"))
    assert main(arguments) == 0
    sketched = without_checkpoint(command(folder, "-o", tmp_path / "sketched"))
    sketched += ["--sketch", f"2={Path(__file__).parents[3] / 'docs/images/tooncrafter_pose.png'}"]
    assert "--sketch-encoder" in failure(capsys, sketched)
    path = own_weights / "mini_sketch_encoder.safetensors"
    save_checkpoint(made_up_sketch_encoder(MINI_SKETCH), path)
    assert main(sketched) == 0
    plain, guided = ((tmp_path / name / "0002.png").read_bytes() for name in ("plain", "sketched"))
    assert plain != guided


def test_its_size_is_the_one_it_was_trained_at_unless_another_is_asked_for(
    own_weights: Path, folder: Path, tmp_path: Path
) -> None:
    arguments = without_checkpoint(command(folder, "-o", tmp_path / "out", "--steps", "1"))
    for option in ("--width", "--height"):
        at = arguments.index(option)
        del arguments[at : at + 2]
    assert main(arguments) == 0
    with Image.open(tmp_path / "out" / "0001.png") as frame:
        assert frame.size == embedded.MINI_SIZE


def test_an_installation_without_it_says_what_to_do(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(embedded, "FOLDER", tmp_path)
    arguments = without_checkpoint(command(folder, "-o", tmp_path / "out"))
    reported = failure(capsys, arguments)
    assert "with --checkpoint" in reported and "mini.safetensors is missing" in reported


def test_its_settings_stand_where_nothing_else_is_said() -> None:
    def settings(*options: str) -> InterpolationSettings:
        args = parse(["interpolate", "a.png", "b.png", "-o", "out", *options])
        return settings_from(args, embedded.mini_settings())

    plain = settings()
    assert (plain.width, plain.height) == embedded.MINI_SIZE
    assert plain.steps == embedded.MINI_STEPS
    assert plain.guidance_scale == embedded.MINI_GUIDANCE
    assert settings("--steps", "7", "--guidance-scale", "3").guidance_scale == 3
    assert settings("--steps", "7").steps == 7
    for preset in SPEED_PRESETS:
        assert settings("--preset", preset) == plain  # none may be slower than the model's own
    assert settings("--preset", "draft", "--steps", "7").steps == 7


def test_its_name_may_stand_for_its_file_and_a_sheet_shows_the_cross_fade(
    own_weights: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet = tmp_path / "sheet.png"
    arguments = [*without_checkpoint(command(folder)), "--checkpoint", embedded.MINI]
    assert "--sheet NAME.png" in failure(capsys, [*arguments, "--sheet", str(tmp_path / "a.jpg")])
    frames = tmp_path / "frames"
    assert main([*arguments, "--sheet", str(sheet), "--frames-dir", str(frames)]) == 0
    assert capsys.readouterr().out.split() == [str(frames), str(sheet)]
    with Image.open(sheet) as picture, Image.open(frames / "0002.png") as frame:
        assert picture.height > 3 * frame.height and picture.width > 4 * frame.width
        pixels, part = np.asarray(picture.convert("RGB")), np.asarray(frame)
    assert any(
        np.array_equal(pixels[top : top + len(part), left : left + part.shape[1]], part)
        for top, left in zip(*np.nonzero((pixels == part[0, 0]).all(-1)), strict=True)
    )


@pytest.mark.parametrize("name", ["", "mini", "../mini (embedded)", "mini (embedded).safetensors"])
def test_no_other_name_leads_to_it(own_weights: Path, name: str) -> None:
    assert embedded.embedded_file(embedded.MINI) == own_weights / "mini.safetensors"
    assert embedded.embedded_file(name) is None
