"""``inspect FILE``: what a weight file holds, its sizes, and what it lacks."""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from ..errors import counted
from . import Commands

if TYPE_CHECKING:
    from ..checkpoints import Checkpoint
    from ..config.model import ModelConfig


def add_parser(subparsers: Commands) -> argparse.ArgumentParser:
    """Declare the command and its options."""
    parser = subparsers.add_parser("inspect", help="say what a weight file holds and what it lacks")
    parser.add_argument("file", help="a .safetensors or .ckpt file")
    return parser


def run(args: argparse.Namespace) -> int:
    """Print the table of components; 0 when the file can be used, 1 when something is missing."""
    from ..checkpoints import detect_component_files, is_sketch_encoder, read_checkpoint

    checkpoint = read_checkpoint(args.file)
    print("\n".join(describe_contents(checkpoint)))
    if is_sketch_encoder(checkpoint):
        print("This is ToonCrafter's sketch encoder.")
        return 0
    if encoders := detect_component_files(_unprefixed(checkpoint)):
        for encoder in encoders:
            title = encoder.component.value.replace("_", " ")
            print(f"This file holds a {title}: {encoder.name}, {encoder.layout} layout.")
        print("ToonCrafter needs ViT-H.")
        return 0
    return _describe_model(checkpoint)


def describe_contents(checkpoint: "Checkpoint") -> Iterator[str]:
    """Lines about the file and a table of its components."""
    from ..checkpoints.keys import COMPONENT_KEYS, IGNORED_KEYS, component_of

    kind = checkpoint.kind.value if checkpoint.kind else "in memory"
    count = counted(len(checkpoint), "tensor")
    yield f"{checkpoint.name}: {kind}, {count}, {checkpoint.nbytes / 1e6:,.1f} MB"
    if checkpoint.num_scaled:
        yield f"  scaled fp8: {checkpoint.num_scaled} weights, listed as they are read"
    for key, text in checkpoint.metadata.items():
        yield f"  {key}: {text if len(text) < 60 else text[:57] + '...'}"
    parts: dict[str, list[str]] = {}
    for key in checkpoint:
        component = component_of(key)
        title = COMPONENT_KEYS[component].title if component else "other"
        parts.setdefault("schedule (ignored)" if key in IGNORED_KEYS else title, []).append(key)
    rows = [("component", "tensors", "parameters", "dtype", "MB")]
    rows += [_row(checkpoint, title, keys) for title, keys in parts.items()]
    rows.append(_row(checkpoint, "total", list(checkpoint)))
    yield from _table(rows)


def _describe_model(checkpoint: "Checkpoint") -> int:
    from ..checkpoints import build_network, compare, detect
    from ..checkpoints.detect import part_of
    from ..checkpoints.keys import COMPONENT_KEYS, OPTIONAL, REQUIRED, where_to_get

    config = detect(checkpoint)
    print("\n".join(_describe_sizes(config)))
    problems = 0
    for component in (*REQUIRED, *OPTIONAL):
        title = COMPONENT_KEYS[component].title
        if part_of(config, component) is None:
            print(f"{title}: not in this file. {where_to_get(component)}")
            print("  In ComfyUI a separate file of it (CLIP ViT-H) does as well.")
            continue
        network = build_network(component, config, checkpoint)
        if mismatch := compare(network, checkpoint.shapes, component):
            problems += 1
            print(f"{title}: DOES NOT FIT, {mismatch}. {where_to_get(component)}")
        else:
            print(f"{title}: complete")
    return 1 if problems else 0


def _describe_sizes(config: "ModelConfig") -> Iterator[str]:
    from ..config.presets import PRESETS

    same = [
        name
        for name, preset in PRESETS.items()
        if (preset.unet, preset.resampler, preset.autoencoder)
        == (config.unet, config.resampler, config.autoencoder)
    ]
    yield f"sizes: {'those of ' + same[0] if same else 'none of the presets'}"
    for part, values in asdict(config).items():
        if values is not None:
            yield f"  {part}: " + ", ".join(f"{name} {_short(v)}" for name, v in values.items())


def _unprefixed(checkpoint: "Checkpoint") -> "Checkpoint":
    """The file itself, or nothing when it has components: their encoders are no such files."""
    from ..checkpoints import Checkpoint
    from ..checkpoints.keys import component_of

    if any(component_of(key) for key in checkpoint):
        return Checkpoint.from_tensors({})
    return checkpoint


def _row(checkpoint: "Checkpoint", title: str, keys: Sequence[str]) -> tuple[str, ...]:
    infos = [checkpoint.info[key] for key in keys]
    dtypes = Counter(str(info.dtype).removeprefix("torch.") for info in infos)
    return (
        title,
        str(len(infos)),
        f"{sum(info.numel for info in infos):,}",
        "+".join(name for name, _ in dtypes.most_common()),
        f"{sum(info.nbytes for info in infos) / 1e6:,.1f}",
    )


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        numbers = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        yield "  ".join([row[0].ljust(widths[0]), *numbers])


def _short(value: object) -> str:
    return "/".join(map(str, value)) if isinstance(value, tuple) else str(value)
