"""Values that come over a link: ComfyUI compares only those of widgets with an input's range."""

import math
from pathlib import Path
from typing import Any

import comfy.utils
import folder_paths
import pytest
from comfy_api.latest import io
from tooncrafter_pack.nodes.bridge import paths

from support.host_models import HostModels, run_decode, run_keyframes, run_sampler
from support.refusals import assert_refused
from tooncrafter_core.errors import ToonCrafterError


def numbers_of(node: Any) -> list[Any]:
    """The number inputs of a node."""
    inputs = node.define_schema().inputs
    return [one for one in inputs if isinstance(one, io.Int.Input | io.Float.Input)]


def test_every_number_of_every_node_is_checked(pack_nodes: dict[str, Any]) -> None:
    count = 0
    for node in pack_nodes.values():
        others = {one.id: None for one in node.define_schema().inputs}
        for declared in numbers_of(node):
            assert declared.min is not None and declared.max is not None
            for value in (math.nan, math.inf, -math.inf, declared.min - 1, declared.max + 1, "7"):
                given = {**others, **{one.id: one.min for one in numbers_of(node)}}
                with pytest.raises(ToonCrafterError) as caught:
                    node.execute(**{**given, declared.id: value})
                assert declared.id in str(caught.value) and "must be" in str(caught.value)
                count += 1
    assert count > 100


def test_a_fraction_is_no_count(tiny: HostModels, keyframes: Any) -> None:
    frames: Any = 4.5
    assert_refused(
        lambda: run_keyframes(tiny, *keyframes, frames=frames), "frames", "whole number", "4.5"
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [("eta", math.nan), ("eta", -1.0), ("cfg", -5.0), ("cfg", math.nan), ("steps", 0)],
)
def test_the_sampler_refuses_before_the_first_step(
    tiny: HostModels, ready: Any, name: str, value: float
) -> None:
    with pytest.raises(ToonCrafterError) as caught:
        run_sampler(tiny.model, *ready, **{name: value})
    assert name in str(caught.value) and "must be" in str(caught.value)


# Files that are replaced


def test_a_file_replaced_under_the_same_name_is_noticed(
    pack_nodes: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in ("checkpoints", "controlnet"):
        places = ([str(tmp_path)], {".safetensors"})
        monkeypatch.setitem(folder_paths.folder_names_and_paths, kind, places)
    file = tmp_path / "model.safetensors"
    load, sketch = (pack_nodes[f"ToonCrafter{n}"] for n in ("Loader", "SketchEncoderLoader"))

    def fingerprints() -> tuple[Any, Any]:
        return (
            load.fingerprint_inputs(file.name, "none", "none", "default"),
            sketch.fingerprint_inputs(file.name, "text"),
        )

    seen = []
    for content in (b"a" * 100, b"b" * 100, b"b" * 101):
        file.write_bytes(content)
        seen.append(fingerprints())
        assert fingerprints() == seen[-1]
    file.unlink()
    seen.append(fingerprints())
    for one in (0, 1):
        assert len({str(each[one]) for each in seen}) == 4
    assert paths.fingerprint("../../etc/passwd", "checkpoints") == "absent"


# Progress


def test_one_step_and_decoding_report_how_far_they_are(
    tiny: HostModels, ready: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[float, float]] = []

    def noted(_bar: Any, value: float, total: float | None = None, *_: Any) -> None:
        seen.append((value, total or 0))

    monkeypatch.setattr(comfy.utils.ProgressBar, "update_absolute", noted)
    latent = run_sampler(tiny.model, *ready, steps=1, cfg=1.0)
    parts = [value for value, total in seen if total == 100]
    assert len(parts) > 5 and parts == sorted(parts) and parts[-1] == 99
    assert seen[-1] == (1, 1)
    for second_pass in (False, True):
        seen.clear()
        run_decode(tiny, latent, second_pass=second_pass)
        parts = [value for value, _ in seen]
        assert len(parts) > 5 and parts == sorted(parts) and parts[-1] == 99
        assert parts[len(parts) // 2] < 90
    blocks = tiny.vae.first_stage_model.network.decoder.up[0].block
    assert not any(block._forward_hooks for block in blocks)
