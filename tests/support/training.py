"""A model so small that training runs take moments, and runs of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tooncrafter_core.checkpoints import save_checkpoint
from tooncrafter_core.checkpoints.synthetic import made_up_checkpoint
from tooncrafter_core.config.model import (
    AutoencoderConfig,
    ImageEncoderConfig,
    ModelConfig,
    ResamplerConfig,
    TextEncoderConfig,
    UNetConfig,
)
from tooncrafter_core.training.run import train
from tooncrafter_core.training.settings.config import RunConfig
from tooncrafter_core.training.settings.read import read_settings
from tooncrafter_core.training.stages.registry import find_preset, find_stage

SMALLEST = ModelConfig(
    unet=UNetConfig(model_channels=8, channel_mult=(1, 2), num_res_blocks=1, norm_groups=4,
                    attention_resolutions=(1, 2), num_head_channels=8, init_attention_heads=1,
                    context_dim=8),
    resampler=ResamplerConfig(dim=8, depth=1, dim_head=8, heads=1, num_queries=2, video_length=4,
                              embedding_dim=8, output_dim=8),
    autoencoder=AutoencoderConfig(channels=4, channel_mult=(1, 2, 2, 2), num_res_blocks=1,
                                  reference_heads=1, reference_dim_head=8, norm_groups=2),
    text_encoder=TextEncoderConfig(width=8, heads=1, layers=2, vocab_size=8, embed_dim=8),
    image_encoder=ImageEncoderConfig(width=8, head_width=8, layers=1, patch_size=56,
                                     mlp_ratio=1.0, embed_dim=8),
)  # fmt: skip

QUICK: dict[str, Any] = {
    "steps": 4, "batch_size": 4, "learn": None,
    "data.source": "procedural", "data.width": 32, "data.height": 32, "data.multiple": 16,
    "data.num_frames": 4, "data.clips": 20, "data.first_seed": 0,
    "machine.precision": "fp32", "machine.frozen_precision": "fp32", "machine.device": "cpu",
    "machine.checkpoint_activations": False, "machine.micro_batch": None,
    "optimizer.learning_rate": 1e-3, "optimizer.warmup": 0,
    "output.log_every": 1, "output.checkpoint_every": 2, "output.sheet_every": 0,
    "output.sheet_steps": 1, "output.validate_every": 0, "output.tensorboard": False,
}  # fmt: skip
"""Settings with which a run of the smallest model takes a second or two."""


def write_smallest(path: Path) -> Path:
    """Write the smallest model with made-up weights and return its path."""
    save_checkpoint(made_up_checkpoint(SMALLEST, "smallest"), path, config=SMALLEST)
    return path


def overrides(folder: Path, checkpoint: Path | None, **changes: Any) -> list[str]:
    """``key=value`` of a quick run; double underscores stand for the dots of a key."""
    values = {**QUICK, "out": folder, "start.checkpoint": checkpoint}
    values |= {key.replace("__", "."): value for key, value in changes.items()}
    return [
        f"{key}={'null' if value is None else value}"
        for key, value in values.items()
        if not (key == "learn" and value is None)
    ]


def quick_config(stage: str, folder: Path, checkpoint: Path | None, **changes: Any) -> RunConfig:
    """Settings of a quick run of a stage, from its small preset."""
    kind = find_stage(stage)
    _, preset = find_preset(kind, "small")
    return read_settings(kind.settings, preset, None, overrides(folder, checkpoint, **changes))


def quick_run(stage: str, folder: Path, checkpoint: Path | None, **changes: Any) -> Path:
    """Run a stage and return the path of its result."""
    from accelerate.state import AcceleratorState

    # It keeps one state for the whole process; every run here has settings of its own.
    AcceleratorState._reset_state(reset_partial_state=True)
    config = quick_config(stage, folder, checkpoint, **changes)
    result = train(find_stage(stage), config, lambda _: None, is_quiet=True)
    assert result is not None
    return result


def read_log(folder: Path) -> list[Mapping[str, float]]:
    """What a run logged, a mapping a line."""
    import json

    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
