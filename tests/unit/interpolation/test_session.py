"""A session loads what a clip needs, once, where and as its settings say."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from support.checkpoints import tiny_tensors, write_checkpoint
from support.tiny import tiny_models, write_tiny
from tooncrafter_core.checkpoints import detect, read_checkpoint, save_checkpoint
from tooncrafter_core.checkpoints.synthetic import made_up_sketch_encoder
from tooncrafter_core.config.presets import TINY_SKETCH
from tooncrafter_core.device import memory
from tooncrafter_core.errors import CheckpointError, SketchError, ToonCrafterError
from tooncrafter_core.interpolation import session
from tooncrafter_core.interpolation.offloading import job_bytes
from tooncrafter_core.interpolation.pipeline import interpolate
from tooncrafter_core.interpolation.session import Session, SessionSettings
from tooncrafter_core.interpolation.settings import InterpolationSettings
from tooncrafter_core.pictures.keyframes import Keyframes
from tooncrafter_core.sketches.frames import SketchLayer

JOB = InterpolationSettings(width=64, height=64, num_frames=4, steps=1)
ENDS = Keyframes.at_ends(torch.zeros(3, 64, 64), torch.ones(3, 64, 64))
SKETCHES = [SketchLayer(hints=torch.ones(1, 1, 64, 64), frames=(1,))]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> SessionSettings:
    folder = tmp_path_factory.mktemp("weights")
    encoder = folder / "sketch.safetensors"
    save_checkpoint(made_up_sketch_encoder(TINY_SKETCH), encoder)
    return SessionSettings(
        checkpoint=write_tiny(folder / "tiny.safetensors"), sketch_encoder=encoder, device="cpu"
    )


def test_it_draws_what_the_pipeline_draws(settings: SessionSettings) -> None:
    """The file's weights to the bit, and the pipeline's frames of them.

    Not the frames of other copies of these weights: processors add in another order where numbers
    lie elsewhere in memory.
    """
    session = Session(settings)
    for name, network in vars(tiny_models()).items():
        if isinstance(network, nn.Module):
            loaded = getattr(session.models, name).state_dict()
            assert loaded.keys() == network.state_dict().keys()
            assert all(torch.equal(loaded[key], one) for key, one in network.state_dict().items())
    assert torch.equal(session.interpolate(ENDS, JOB), interpolate(session.models, ENDS, JOB))


def test_networks_are_loaded_when_a_clip_needs_them_and_kept(
    settings: SessionSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    original = session.read_checkpoint

    def counted(path: Any) -> Any:
        read.append(Path(path).name)
        return original(path)

    monkeypatch.setattr(session, "read_checkpoint", counted)
    opened = Session(settings)
    assert read == []
    opened.interpolate(ENDS, JOB)
    assert read == ["tiny.safetensors"]
    opened.interpolate(ENDS, JOB, sketches=SKETCHES)
    assert read == ["tiny.safetensors", "sketch.safetensors"]
    opened.interpolate(ENDS, JOB, sketches=SKETCHES)
    assert len(read) == 2


def test_a_wrong_sketch_encoder_is_refused_before_the_checkpoint_is_read(
    settings: SessionSettings,
) -> None:
    wrong = replace(settings, sketch_encoder=settings.checkpoint, checkpoint="nothing.safetensors")
    with pytest.raises(CheckpointError, match="tiny"):
        Session(wrong).interpolate(ENDS, JOB, sketches=SKETCHES)
    without = Session(replace(settings, sketch_encoder=None))
    with pytest.raises(SketchError, match="need the sketch encoder"):
        without.interpolate(ENDS, JOB, sketches=SKETCHES)


def test_encoders_are_missed_where_they_are_needed(
    settings: SessionSettings, tmp_path: Path
) -> None:
    pruned = write_checkpoint(
        tiny_tensors(with_encoders=False), tmp_path / "pruned.safetensors", "safetensors"
    )
    with pytest.raises(CheckpointError, match="has no text encoder"):
        _ = Session(replace(settings, checkpoint=pruned)).models
    bare = Session(replace(settings, checkpoint=pruned, needed={}))
    assert bare.models.text_encoder is None
    lent = replace(
        settings, checkpoint=pruned, text_encoder=settings.checkpoint,
        image_encoder=settings.checkpoint,
    )  # fmt: skip
    assert torch.equal(
        Session(lent).interpolate(ENDS, JOB),
        Session(settings).interpolate(ENDS, JOB),
    )


def test_the_precision_reaches_every_network(settings: SessionSettings) -> None:
    opened = Session(replace(settings, dtype="bf16"))
    for name in ("denoiser", "projector", "autoencoder", "text_encoder", "image_encoder"):
        parameters = list(getattr(opened.models, name).parameters())
        assert {p.dtype for p in parameters} == {torch.bfloat16}
    assert next(opened.sketch_encoder.parameters()).dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("options", "free", "expected"),
    [
        ({"device": "meta", "offload": "auto"}, 2**40, False),
        ({"device": "meta", "offload": "auto"}, 2**20, True),
        ({"device": "meta", "offload": "auto"}, None, False),
        ({"device": "meta", "offload": "never"}, 2**20, False),
        ({"device": "meta", "offload": "always"}, 2**40, True),
        ({"device": "cpu", "offload": "always"}, 2**20, False),
    ],
)
def test_networks_wait_in_the_hosts_memory_when_the_device_has_too_little(
    settings: SessionSettings,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    free: int | None,
    expected: bool,
) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda device: free)
    assert Session(replace(settings, **options)).needs_offloading(JOB) is expected


def test_every_clip_is_judged_and_a_larger_one_sends_the_networks_to_wait(
    settings: SessionSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sizes of the second clip are judged with the weights that the device holds already."""
    opened = Session(replace(settings, device="meta", offload="auto"))
    large = replace(JOB, width=512, height=512, num_frames=16)
    with monkeypatch.context() as patch:
        patch.setattr(memory, "free_memory", lambda device: None)
        opened.prepare(JOB, with_sketches=True)
    held = sum(p.nbytes for network in opened._networks() for p in network.parameters())
    config = detect(read_checkpoint(opened.settings.files[0]))
    of_small, of_large = (job_bytes(config, job, 0, 4) for job in (JOB, large))
    free = (of_small + of_large) // 2
    assert of_small < free < of_large
    where: list[torch.device | None] = []
    moved: list[object] = []
    monkeypatch.setattr(memory, "free_memory", lambda device: free)
    monkeypatch.setattr(nn.Module, "to", lambda network, place: moved.append((network, place)))
    monkeypatch.setattr(session.pipeline, "interpolate", lambda *given: where.append(given[-1]))
    for job in (JOB, large, JOB):
        opened.interpolate(ENDS, job)
    assert where == [None, torch.device("meta"), torch.device("meta")]
    assert held > 0 and [place for _, place in moved] == ["cpu"] * 6


def test_networks_that_wait_are_kept_on_the_cpu(settings: SessionSettings) -> None:
    opened = Session(replace(settings, device="meta", offload="always"))
    assert {p.device.type for p in opened.models.denoiser.parameters()} == {"cpu"}


def test_networks_that_are_there_are_taken_as_they_are() -> None:
    opened = Session.of(tiny_models())
    assert opened.models is tiny_models()
    assert torch.equal(
        opened.interpolate(ENDS, JOB),
        interpolate(tiny_models(), ENDS, JOB),
    )


def test_what_no_session_can_be_opened_with_is_refused() -> None:
    with pytest.raises(ToonCrafterError, match="needs a checkpoint"):
        _ = Session(SessionSettings()).models
    with pytest.raises(ToonCrafterError, match="one of auto, always, never; not 'sometimes'"):
        SessionSettings(offload="sometimes")  # pyright: ignore[reportArgumentType]
