"""``interpolate`` from two picture files to a video, and the tiny checkpoint it is tried with."""

import argparse
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from support.checkpoints import tiny_tensors
from support.command_line import command, failure
from tooncrafter_core.checkpoints import build_models, read_checkpoint
from tooncrafter_core.cli import build_parser, interpolate, interpolate_options, main
from tooncrafter_core.interpolation.settings import SPEED_PRESETS, InterpolationSettings


def read_pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def test_two_pictures_and_a_checkpoint_give_a_video_and_its_frames(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video, frames = tmp_path / "out" / "clip.webp", tmp_path / "frames"
    options = ("-o", video, "--lossless", "--frames-dir", frames, "--seed", "5")
    assert main(command(folder, *options)) == 0
    assert capsys.readouterr().out.split() == [str(video), str(frames)]
    assert sorted(p.name for p in frames.iterdir()) == [f"{n:04d}.png" for n in (1, 2, 3, 4)]
    with Image.open(video) as clip:
        assert clip.n_frames == 4 and clip.size == (64, 64)
        assert np.array_equal(np.asarray(clip.convert("RGB")), read_pixels(frames / "0001.png"))

    again = tmp_path / "again"
    assert main(command(folder, "--frames-dir", again, "--seed", "5")) == 0
    for frame in frames.iterdir():
        assert frame.read_bytes() == (again / frame.name).read_bytes()


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize("name", ["o.mp4", "o.mkv", "o.webm", "o.gif", "o.webp", "o.png", "frames"])
def test_output_is_what_its_extension_says(folder: Path, tmp_path: Path, name: str) -> None:
    assert main(command(folder, "-o", tmp_path / name, "--playback-fps", "12")) == 0
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.usefixtures("loaded")
def test_progress_is_shown_unless_quiet(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = command(folder, "-o", tmp_path / "a.gif", "--steps", "3")
    assert main([argument for argument in arguments if argument != "--quiet"]) == 0
    err = capsys.readouterr().err
    assert "3/3" in err and "decoding" in err
    assert main([*arguments, "--overwrite"]) == 0
    assert capsys.readouterr().err == ""


def parse(*options: str) -> argparse.Namespace:
    return build_parser().parse_args(["interpolate", "a", "b", "--checkpoint", "c", *options])


def test_what_is_not_given_has_the_settings_default() -> None:
    assert interpolate.settings_from(parse()) == InterpolationSettings()


def test_every_setting_has_an_option() -> None:
    options = (
        "--prompt p --negative-prompt n --width 128 --height 192 --fit pad --frames 8 "
        "--motion-fps 12.5 --steps 20 --guidance-scale 5 --image-guidance-scale 2 "
        "--guidance-rescale 0.5 --eta 0.5 --spacing uniform --seed 7 --no-second-pass "
        "--decode-chunk 2 --token-mode shared --batch-guidance --sketch-tokens all "
        "--sketch-missing none --memory-budget 500 --solver dpmpp_2m --guidance-start 0.1 "
        "--guidance-end 0.9 --tiles"
    )
    settings, default = interpolate.settings_from(parse(*options.split())), InterpolationSettings()
    for field in fields(InterpolationSettings):
        assert getattr(settings, field.name) != getattr(default, field.name), field.name


def test_a_preset_is_settings_and_what_is_said_counts_more() -> None:
    assert tuple(SPEED_PRESETS) == interpolate_options.PRESET_NAMES
    for name, preset in SPEED_PRESETS.items():
        expected = InterpolationSettings(**preset)
        assert interpolate.settings_from(parse("--preset", name)) == expected
    settings = interpolate.settings_from(parse("--preset", "draft", "--steps", "8"))
    assert (settings.solver, settings.steps) == ("dpmpp_2m", 8)


def test_help_says_the_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["interpolate", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for field in fields(InterpolationSettings):
        option = {"num_frames": "frames"}.get(field.name, field.name.replace("_", "-"))
        if field.default in ("", None) or isinstance(field.default, bool):
            continue
        of_the_option = text.split(f"--{option} ")[-1].split(" --")[0]
        default = field.default if isinstance(field.default, str) else f"{field.default:g}"
        assert f"({default})" in of_the_option, of_the_option


def encoder_file(path: Path, prefix: str) -> Path:
    tensors = {k.removeprefix(prefix): v for k, v in tiny_tensors().items() if k.startswith(prefix)}
    save_file(tensors, path)
    return path


def test_a_pruned_checkpoint_asks_for_its_encoders_and_takes_them_from_files(
    folder: Path, pruned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "frames"
    text = encoder_file(tmp_path / "text.safetensors", "cond_stage_model.model.")
    image = encoder_file(tmp_path / "image.safetensors", "embedder.model.")
    arguments = command(folder, "-o", out, checkpoint=pruned)
    reported = failure(capsys, arguments)
    assert "has no text encoder" in reported and "Name it with --text-encoder." in reported
    arguments += ["--text-encoder", str(text)]
    assert "Name it with --image-encoder." in failure(capsys, arguments)
    wrong = [*arguments, "--image-encoder", str(text)]
    assert "holds no CLIP image encoder" in failure(capsys, wrong)
    assert main([*arguments, "--image-encoder", str(image)]) == 0
    assert len(list(out.iterdir())) == 4


def test_weights_and_machine_reach_the_session() -> None:
    given = interpolate.session_settings(
        parse("--dtype", "bf16", "--device", "cpu", "--text-encoder", "t", "--offload", "always"),
        Path("c"), Path("own"),
    )  # fmt: skip
    assert given.files == [Path("c"), "t", Path("own")]
    assert (given.dtype, given.device, given.offload) == ("bf16", "cpu", "always")
    asked = parse("--sketch-encoder", "s", "--compile")
    assert interpolate.session_settings(asked, Path("c"), Path("own")).sketch_encoder == "s"
    assert interpolate.session_settings(asked, Path("c")).compiles


def test_tiny_writes_a_checkpoint_that_loads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "tiny.safetensors"
    assert main(["tiny", str(path), "--dtype", "fp16", "--pruned"]) == 0
    assert "made-up tensors" in capsys.readouterr().out
    models = build_models(read_checkpoint(path))
    assert models.text_encoder is None
    assert next(models.denoiser.parameters()).dtype == torch.float16
    assert "add --overwrite" in failure(capsys, ["tiny", str(path)])
    assert main(["tiny", str(path), "--pruned", "--tag", "other", "--overwrite"]) == 0
    assert read_checkpoint(path).info["betas"].dtype == torch.float32
