"""What half precision costs, block by block and over a whole run.

    python dev.py bench precision [--size full] [--out FILE]

tiny: a trained tiny denoiser (``_learned``; some minutes at the first call), 50 steps
at guidance 7.5. full: the published architecture with random weights, one step of 4 frames of 64x64
pixels, about 12 GB and some minutes on two cores.
"""

import argparse
import copy
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from benchmarks._learned import F32, Clip, latent_psnr, learned_denoiser, psnr
from benchmarks._networks import make_autoencoder, make_conditions, make_denoiser, make_references
from benchmarks._results import Report
from tooncrafter_core.config.presets import TOONCRAFTER_512
from tooncrafter_core.diffusion.prediction import predicted_clean
from tooncrafter_core.diffusion.schedule import make_schedule
from tooncrafter_core.interpolation.decoding import decode_video
from tooncrafter_core.interpolation.guided_denoiser import Guidance, GuidedDenoiser
from tooncrafter_core.models.denoiser import Denoiser

CPU = torch.device("cpu")
HALVES = (torch.float16, torch.bfloat16)
LIMIT = 45.0
"""Decoded frames must be nearer than this many dB to those of float32."""


def word(dtype: torch.dtype) -> str:
    """A precision without its package."""
    return str(dtype).removeprefix("torch.")


def blocks_of(network: Denoiser) -> Iterator[tuple[str, nn.Module]]:
    """The blocks whose errors are reported separately, by the names of the checkpoint."""
    yield from ((name, getattr(network, name)) for name in ("time_embed", "fps_embedding", "out"))
    for part in ("input_blocks", "init_attn", "middle_block", "output_blocks"):
        for index, block in enumerate(cast(nn.ModuleList, getattr(network, part))):
            layers = list(block.children()) if part.endswith("put_blocks") else [block]
            for number, layer in enumerate(layers):
                yield f"{part}.{index}.{number} {type(layer).__name__}", layer


def signal_to_noise(found: Tensor, expected: Tensor) -> float:
    """How far a block's result lies above its error, in dB."""
    error = (found.double() - expected.double()).square().mean().clamp_min(1e-30)
    return float(10 * torch.log10(expected.double().square().mean() / error))


@contextmanager
def hooked(network: Denoiser, hook: Callable[..., None]) -> Iterator[None]:
    """Call ``hook(name, block, arguments, result)`` after every block."""

    def register(name: str, block: nn.Module) -> Any:
        return block.register_forward_hook(lambda m, args, out: hook(name, m, args, out))

    handles = [register(name, block) for name, block in blocks_of(network)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def cast_all(value: Any, dtype: torch.dtype) -> Any:
    """Floating tensors in ``dtype``, in whatever holds them."""
    if isinstance(value, Tensor):
        return value.to(dtype) if value.is_floating_point() else value
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(cast_all(item, dtype) for item in value))
    if isinstance(value, (list, tuple)):
        return type(value)(cast_all(item, dtype) for item in value)
    return value


def losses_by_block(network: Denoiser, run: Callable[[], Any], dtype: torch.dtype
                    ) -> dict[str, float]:  # fmt: skip
    """Each block alone in ``dtype`` on what float32 hands it: signal over error in dB."""
    found: dict[str, float] = {}

    def compare(name: str, block: nn.Module, args: tuple[Any, ...], out: Tensor) -> None:
        with torch.no_grad():
            twin = copy.deepcopy(block)
            twin._forward_hooks.clear()
            half = twin.to(dtype)(*cast_all(args, dtype))
        found.setdefault(name, signal_to_noise(half, out))

    with hooked(network, compare):
        run()
    return found


def report_blocks(report: Report, losses: dict[str, float], **described: Any) -> None:
    """Every block's loss in one line, and the worst in words."""
    worst = sorted(losses, key=lambda name: losses[name])
    report.add(
        "loss by block", suite="precision", device=CPU, **described,
        lowest_db=round(losses[worst[0]], 1), lowest=worst[:5],
        median_db=round(losses[worst[len(worst) // 2]], 1),
        blocks={name: round(value, 1) for name, value in losses.items()},
    )  # fmt: skip


def tiny_study(report: Report) -> Iterator[str]:
    """Whole runs of 50 steps; yields what is under the limit."""
    network, clip = learned_denoiser(), Clip(0)
    exact = {eta: clip.ddim(clip.guided(network), eta=eta) for eta in (0.0, 1.0)}
    for dtype in HALVES:
        described = {"size": "tiny", "dtype": word(dtype)}
        losses = losses_by_block(network, lambda: clip.guided(network)(exact[0.0], 500), dtype)
        report_blocks(report, losses, **described)
        for eta, expected in exact.items():
            rounded = learned_denoiser(dtype).float()
            rounded.dtype = F32
            for name, denoise in (
                ("native", clip.guided(learned_denoiser(dtype), dtype)),
                ("weights alone", clip.guided(rounded)),
            ):
                latents = clip.ddim(denoise, eta=eta)
                decoder = clip.half_autoencoder(dtype) if name == "native" else None
                frames = psnr(clip.frames(latents, decoder), clip.frames(expected))
                report.add(
                    f"50 steps, {name}", suite="precision", device=CPU, **described, eta=eta,
                    latents_db=round(latent_psnr(latents, expected), 2),
                    frames_db=round(frames, 2),
                )  # fmt: skip
                if frames < LIMIT:
                    yield f"{name} {word(dtype)} at eta {eta}: {frames:.1f} dB"


def full_study(report: Report) -> Iterator[str]:
    """One step of the published architecture, then its decoder; yields what is under the limit."""
    config, frames, side, timestep = TOONCRAFTER_512, 4, 8, 500
    alpha = float(make_schedule(config.diffusion).alphas_cumprod[timestep])
    torch.manual_seed(0)
    conditions = make_conditions(config, frames, side, side, CPU, F32)
    z = torch.randn(1, 4, frames, side, side)

    def build() -> Denoiser:
        """The same random weights at every call, so that one copy is in memory at a time."""
        torch.manual_seed(1)
        return make_denoiser(config.unet, CPU, F32)

    def clean_of(network: Denoiser, dtype: torch.dtype) -> Tensor:
        both = (condition.to(dtype=dtype) for condition in conditions)
        denoise = GuidedDenoiser(network, *both, Guidance(scale=7.5, rescale=0.7))
        return predicted_clean(z, denoise(z, timestep), alpha)

    def exactly() -> Tensor:
        network = build()
        for dtype in HALVES:
            losses = losses_by_block(network, partial(clean_of, network, F32), dtype)
            report_blocks(report, losses, size="full", dtype=word(dtype))
        return clean_of(network, F32)

    expected = exactly()
    found = {dtype: clean_of(cast(Denoiser, build().to(dtype)), dtype) for dtype in HALVES}
    pixels = config.autoencoder.downsampling * side
    references = make_references(config.autoencoder, pixels, pixels, CPU, F32)
    decoder = make_autoencoder(config.autoencoder, CPU, F32)
    video = decode_video(lambda c, n: decoder.decode(c, references, n), expected)
    for dtype in HALVES:
        half = copy.deepcopy(decoder).to(dtype)
        half_references = [reference.to(dtype) for reference in references]
        drawn = decode_video(
            lambda c, n, half=half, r=half_references: half.decode(c, r, n), found[dtype].to(dtype)
        )
        value = psnr(drawn.float(), video)
        report.add(
            "one step, native", suite="precision", device=CPU, size="full", dtype=word(dtype),
            latents_db=round(latent_psnr(found[dtype], expected), 2), frames_db=round(value, 2),
        )  # fmt: skip
        if value < LIMIT:
            yield f"full size, {word(dtype)}: {value:.1f} dB"


@torch.no_grad()
def main() -> int:
    """Measure; the exit code says whether the frames keep to the limit."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, help="file for the results, one JSON line each")
    parser.add_argument("--size", choices=("tiny", "full"), default="tiny")
    options = parser.parse_args()
    study = full_study if options.size == "full" else tiny_study
    under = list(study(Report(options.out)))
    print("\n".join(under) or f"every frame is within {LIMIT:g} dB of float32")
    return 1 if under else 0


if __name__ == "__main__":
    sys.exit(main())
