"""What ``interpolate`` may be handed: odd pictures, prompts and counts; and what it refuses."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from support.command_line import command, failure
from support.tiny import tiny_models
from tooncrafter_core.cli import main
from tooncrafter_core.interpolation.session import Session
from tooncrafter_core.models.autoencoder.autoencoder import Autoencoder

Picture = Callable[[], Image.Image]


def noise(*shape: int) -> np.ndarray:
    return np.random.RandomState(3).randint(0, 256, shape, dtype=np.uint8)


PICTURES: dict[str, Picture] = {
    "one_pixel": lambda: Image.fromarray(noise(1, 1, 3)),
    "another_shape": lambda: Image.fromarray(noise(17, 333, 3)),
    "grey": lambda: Image.fromarray(noise(40, 50)),
    "transparent": lambda: Image.fromarray(noise(40, 50, 4)),
}


def frames_of(folder: Path, *options: str, checkpoint: Path | None = None) -> np.ndarray:
    """Run the command and read the frames it wrote, t h w c."""
    out = folder / "drawn"
    arguments = command(folder, "--frames-dir", out, *options, checkpoint=checkpoint)
    arguments.append("--overwrite")
    assert main(arguments) == 0
    return np.stack([np.asarray(Image.open(path)) for path in sorted(out.iterdir())])


@pytest.fixture
def own(folder: Path, tmp_path: Path) -> Path:
    """A folder of its own with the two pictures, to change them."""
    for name in ("start.png", "end.png"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    return tmp_path


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize("which", ["start.png", "end.png"])
@pytest.mark.parametrize("kind", PICTURES)
def test_pictures_of_every_kind_are_drawn(own: Path, kind: str, which: str) -> None:
    PICTURES[kind]().save(own / which)
    assert frames_of(own).shape == (4, 64, 64, 3)


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize("prompt", ["", "rain " * 400], ids=["empty", "400_words"])
def test_prompts_of_any_length_are_drawn(own: Path, prompt: str) -> None:
    assert len(frames_of(own, "--prompt", prompt)) == 4


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize("frames", [2, 15, 17, 48])
def test_any_number_of_frames_is_drawn(own: Path, frames: int) -> None:
    assert len(frames_of(own, "--frames", str(frames))) == frames


@pytest.mark.usefixtures("loaded")
def test_sides_that_are_no_multiples_of_64_are_given_back_as_asked(own: Path) -> None:
    assert frames_of(own, "--width", "72", "--height", "104").shape == (4, 104, 72, 3)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_other_than_two_pictures_is_a_mistake_in_the_call(
    folder: Path, count: int, capsys: pytest.CaptureFixture[str]
) -> None:
    words = command(folder, "-o", "o.mp4")
    pictures = [str(folder / "start.png")] * count
    with pytest.raises(SystemExit) as stopped:
        main([words[0], *pictures, *words[3:]])
    assert stopped.value.code == 2
    reported = capsys.readouterr().err
    assert (
        ("START" in reported or "END" in reported)
        if count < 2
        else "unrecognized arguments" in reported
    )


def test_a_picture_without_pixels_is_reported(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (own / "end.png").write_bytes(b"")
    arguments = command(own, "-o", own / "o.mp4", checkpoint=own / "nothing.ckpt")
    assert "end.png' is an empty file" in failure(capsys, arguments)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.usefixtures("loaded")
def test_pixels_that_are_no_numbers_are_reported(
    own: Path, value: float, capsys: pytest.CaptureFixture[str]
) -> None:
    pixels = np.full((20, 30), 0.5, dtype=np.float32)
    pixels[3, 4] = value
    Image.fromarray(pixels, mode="F").save(own / "hdr.tiff")
    arguments = command(own, "-o", own / "o.mp4")
    arguments[2] = str(own / "hdr.tiff")
    assert "hdr.tiff' has grey values beyond black and white" in failure(capsys, arguments)
    assert not (own / "o.mp4").exists()


@pytest.mark.parametrize(("name", "words"), [("missing.ckpt", "no file"), (".", "folder")])
def test_a_checkpoint_that_is_no_file_is_reported(
    own: Path, name: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = command(own, "-o", own / "o.mp4", checkpoint=own / name)
    assert words in failure(capsys, arguments)


CLIP_L = {
    "text_model.embeddings.token_embedding.weight": torch.zeros(100, 768),
    "text_model.embeddings.position_embedding.weight": torch.zeros(77, 768),
}


def clip_image(width: int) -> dict[str, Tensor]:
    mark = "vision_model.embeddings.patch_embedding.weight"
    return {mark: torch.zeros(width, 3, 14, 14)}


@pytest.mark.parametrize(
    ("option", "tensors", "words"),
    [
        ("--text-encoder", CLIP_L, ["ViT-L", "768", "Stable Diffusion 2.1"]),
        ("--image-encoder", clip_image(1024), ["ViT-L", "1024", "CLIP-ViT-H-14"]),
        ("--image-encoder", clip_image(1664), ["ViT-bigG", "1664", "CLIP-ViT-H-14"]),
    ],
    ids=["text_vit_l", "image_vit_l", "image_vit_g"],
)
def test_encoder_of_another_model_names_the_right_file(
    own: Path,
    pruned: Path,
    capsys: pytest.CaptureFixture[str],
    option: str,
    tensors: dict[str, Tensor],
    words: list[str],
) -> None:
    wrong = own / "wrong.safetensors"
    save_file(tensors, wrong)
    reported = failure(capsys, command(own, "-o", own / "o.mp4", option, wrong, checkpoint=pruned))
    assert "wrong.safetensors" in reported and all(word in reported for word in words), reported
    assert not (own / "o.mp4").exists()


def test_out_of_memory_in_decode_falls_back_and_gives_the_same_picture(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = tiny_models()
    monkeypatch.setattr(Session, "models", models)
    expected = frames_of(own)
    tried: list[int] = []
    decode = Autoencoder.decode

    def frugal(self: Autoencoder, latents: Tensor, references: object, chunk: int) -> Tensor:
        tried.append(chunk)
        if chunk > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return decode(self, latents, references, chunk)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(Autoencoder, "decode", frugal)
    found = frames_of(own)
    assert max(tried) > 1 and tried[-1] == 1
    # Rounding to 8 bits may tip.
    assert np.abs(found.astype(int) - expected).max() <= 1
