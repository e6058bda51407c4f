"""Exact counts of the published model on the meta device, against ``budgets.json``.

    python dev.py bench static             count, print, compare
    python dev.py bench static --accept    write what was counted as the new budget

Nothing is computed: FLOPs, operators and peak live bytes come out the same on every machine, in
seconds. ``tests/unit/test_budgets.py`` holds the same counts to the same file.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from support.counting import GIB, Counts, FusedAttentionOperations, count
from tooncrafter_core.checkpoints.keys import Component
from tooncrafter_core.checkpoints.load import build_network
from tooncrafter_core.config.model import AutoencoderConfig, ModelConfig, UNetConfig
from tooncrafter_core.models.autoencoder.autoencoder import Autoencoder
from tooncrafter_core.models.denoiser import Denoiser

BUDGETS = Path(__file__).with_name("budgets.json")
DTYPE = torch.bfloat16
TERA = 1e12

Metrics = dict[str, float]

PARTS = {
    "temopral_conv": "temporal convolutions",
    "ff": "feed-forward",
    "to_k": "keys and values",
    "to_v": "keys and values",
    "to_k_ip": "keys and values",
    "to_v_ip": "keys and values",
}
"""Names in a module's path, and the part of the work they belong to."""


class AttentionByKind(FusedAttentionOperations):
    """Counts the products of attention apart for pixels, frames and context."""

    def __init__(self, num_frames: int) -> None:
        super().__init__()
        self.num_frames = num_frames
        self.flops: Counter[str] = Counter()

    def attention(
        self, q: Tensor, k: Tensor, v: Tensor, heads: int, options: dict[str, Any] | None = None
    ) -> Tensor:
        """Distinguish the kinds by their numbers of tokens."""
        queries, keys = q.shape[1], k.shape[1]
        kind = "context" if queries != keys else "frames" if keys == self.num_frames else "pixels"
        self.flops[f"attention over {kind}"] += 4 * q.shape[0] * queries * keys * q.shape[2]
        return super().attention(q, k, v, heads, options)


def empty(*shape: int) -> Tensor:
    """A tensor without numbers."""
    return torch.empty(*shape, dtype=DTYPE, device="meta")


@cache
def count_denoiser(
    batch: int, num_frames: int, height: int = 40, width: int = 64
) -> tuple[Counts, Counter[str]]:
    """One forward pass on latents: memory and operators, and FLOPs by part."""
    config = UNetConfig()
    operations = AttentionByKind(num_frames)
    network = Denoiser(config, operations=operations, dtype=DTYPE, device="meta")
    with FlopCounterMode(display=False) as flops:
        counts = count(
            network, empty(batch, config.in_channels, num_frames, height, width), empty(batch),
            empty(batch, 77, config.context_dim), empty(batch, num_frames, 16, config.context_dim),
            empty(batch),
        )  # fmt: skip
    parts = Counter(operations.flops)
    for name, by_operator in flops.get_flop_counts().items():
        _, _, path = name.partition(".")
        if path and not any(True for _ in network.get_submodule(path).children()):
            words = path.split(".")
            part = next((PARTS[word] for word in words if word in PARTS), None)
            parts[part or _kind(by_operator)] += sum(by_operator.values())
    return counts, parts


def _kind(by_operator: dict[Any, int]) -> str:
    return "convolutions" if any("conv" in str(op) for op in by_operator) else "other projections"


@cache
def autoencoder() -> Autoencoder:
    """The published one, without numbers."""
    operations = FusedAttentionOperations()
    return Autoencoder(AutoencoderConfig(), operations=operations, dtype=DTYPE, device="meta")


@cache
def count_encode(images: int, height: int, width: int) -> Counts:
    """Encoding images together."""
    return count(autoencoder().encode, empty(images, 3, height, width))


@cache
def count_decode(num_frames: int, height: int, width: int, chunk: int) -> Counts:
    """Decoding a clip with references, which are counted with it."""
    config = AutoencoderConfig()
    references = [
        empty(1, config.channels * mult, 2, height >> level, width >> level)
        for level, mult in enumerate(config.channel_mult)
    ]
    references.append(empty(1, config.channels, 2, height, width))

    def decode(z: Tensor, *features: Tensor) -> Tensor:
        return autoencoder().decode(z, features, chunk)

    cell = config.downsampling
    z = empty(1, config.z_channels, num_frames, height // cell, width // cell)
    return count(decode, z, *references)


def denoiser_metrics() -> Metrics:
    """One forward pass on a clip of the default size, alone and both halves of guidance."""
    counts, parts = count_denoiser(1, 16)
    both, _ = count_denoiser(2, 16)
    return {
        "denoiser, TFLOP": parts.total() / TERA,
        **{f"denoiser, TFLOP, {name}": flops / TERA for name, flops in sorted(parts.items())},
        "denoiser, operators": counts.operators,
        "denoiser, GiB": counts.peak / GIB,
        "denoiser, batch of 2, operators": both.operators,
        "denoiser, batch of 2, GiB": both.peak / GIB,
    }


def context_metrics() -> Metrics:
    """What is computed of text and image tokens once a run, and kept; for one condition."""
    config, operations = UNetConfig(), FusedAttentionOperations()
    network = Denoiser(config, operations=operations, dtype=DTYPE, device="meta")
    tokens = empty(1, 77, config.context_dim), empty(1, 16, 16, config.context_dim)
    with FlopCounterMode(display=False) as flops:
        counts = count(network.prepare_context, *tokens)
    return {
        "prepare the context, TFLOP": flops.get_total_flops() / TERA,
        "prepare the context, operators": counts.operators,
        "prepare the context, GiB": counts.peak / GIB,
    }


def length_metrics() -> Metrics:
    """What 48 frames cost the denoiser, for each frame, against 16."""
    short, short_parts = count_denoiser(1, 16)
    long, long_parts = count_denoiser(1, 48)
    return {
        "denoiser, 48 frames to 16, TFLOP a frame": long_parts.total() / short_parts.total() / 3,
        "denoiser, 48 frames to 16, operators": long.operators / short.operators,
        "denoiser, 48 frames to 16, GiB a frame": long.peak / short.peak / 3,
    }


def encode_metrics() -> Metrics:
    """Both keyframes at the default size."""
    counts = count_encode(2, 320, 512)
    return {"encode 2, GiB": counts.peak / GIB, "encode 2, operators": counts.operators}


def decode_metrics() -> Metrics:
    """A clip of the default size and of the largest usual one, and how memory grows."""
    default, smallest = count_decode(16, 320, 512, 4), count_decode(16, 320, 512, 1)
    long, large = count_decode(48, 320, 512, 4), count_decode(16, 576, 1024, 1)
    return {
        "decode 512x320x16, default chunk, GiB": default.peak / GIB,
        "decode 512x320x16, default chunk, operators": default.operators,
        "decode 512x320x16, chunk of 1, GiB": smallest.peak / GIB,
        "decode 1024x576x16, chunk of 1, GiB": large.peak / GIB,
        "decode 512x320, GiB a further frame": (long.peak - default.peak) / GIB / 32,
    }


def weight_bytes(*components: Component) -> int:
    """Of parts of the published model in half precision."""
    networks = [build_network(component, ModelConfig()) for component in components]
    return DTYPE.itemsize * sum(p.numel() for network in networks for p in network.parameters())


def job_metrics() -> Metrics:
    """The default job by stage, each with the weights it works with: as ComfyUI loads them.

    The references, which the command line keeps from encoding to decoding, are counted throughout.
    """
    config = AutoencoderConfig()
    features = [*enumerate(config.channel_mult), (0, 1)]
    values = sum(config.channels * mult * 320 * 512 >> 2 * level for level, mult in features)
    references = 2 * DTYPE.itemsize * values
    networks = weight_bytes(Component.AUTOENCODER)
    denoising = weight_bytes(Component.DENOISER, Component.PROJECTOR)
    both, _ = count_denoiser(2, 16)
    stages = {
        "encoders' weights": weight_bytes(Component.TEXT_ENCODER, Component.IMAGE_ENCODER),
        "encode": networks + count_encode(2, 320, 512).peak,
        "sample": denoising + references + both.peak,
        "decode": networks + count_decode(16, 320, 512, 4).peak,
    }
    return {f"default job, {name}, GB": size / 1e9 for name, size in stages.items()}


GROUPS: dict[str, Callable[[], Metrics]] = {
    "denoiser": denoiser_metrics,
    "context": context_metrics,
    "length": length_metrics,
    "encode": encode_metrics,
    "decode": decode_metrics,
    "job": job_metrics,
}
"""Everything that is counted."""


def excesses(metrics: Metrics, budgets: dict[str, Any]) -> list[str]:
    """Say which counts are over their hard limit, or over what was accepted and its slack."""
    found = []
    for name, value in metrics.items():
        limit = budgets["limits"].get(name)
        accepted = budgets["accepted"].get(name)
        if limit is not None and value > limit:
            found.append(f"{name}: {value:.4g} is over the limit of {limit:g}")
        if accepted is None:
            found.append(f"{name}: {value:.4g} has no accepted figure yet")
        elif value > accepted * (1 + budgets["slack"]):
            found.append(f"{name}: {value:.4g}, accepted was {accepted:.4g}")
    return found


def main() -> int:
    """Count everything; the exit code says whether it is within the budget."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--accept", action="store_true", help="write the counts to the file")
    options = parser.parse_args()
    budgets = json.loads(BUDGETS.read_text("utf-8"))
    metrics = {name: value for measure in GROUPS.values() for name, value in measure().items()}
    for name, value in metrics.items():
        limit = budgets["limits"].get(name)
        print(f"{name:50} {value:10.4f}" + (f"   limit {limit:g}" if limit else ""))
    if options.accept:
        budgets["accepted"] = {name: round(value, 6) for name, value in metrics.items()}
        BUDGETS.write_text(json.dumps(budgets, indent=2) + "\n", "utf-8")
    found = excesses(metrics, budgets)
    print("\n".join(found) or "within the budget")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
