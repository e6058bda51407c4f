"""How far each approximate way of drawing ends from the exact one.

    python dev.py bench approximate [--clips 2] [--out FILE]

With the tiny denoiser of ``_learned``, guidance 7.5, float32. Ways without fresh noise are
compared with 50 steps of DDIM at eta 0 and the same start, the rest with the published eta 1. The
work is counted in predictions, 100 for the exact run.
"""

import sys
from collections.abc import Callable
from functools import partial
from statistics import mean

import torch
from torch import Tensor, nn

from benchmarks._learned import Clip, latent_psnr, learned_denoiser, psnr
from benchmarks._results import Report, clip_options
from tooncrafter_core.diffusion.guidance import is_in_interval
from tooncrafter_core.diffusion.multistep import multistep_steps, sample_dpmpp_2m
from tooncrafter_core.models.denoiser import Denoiser

CPU = torch.device("cpu")


class Counting(nn.Module):
    """A denoiser that counts its predictions."""

    def __init__(self, network: Denoiser) -> None:
        super().__init__()
        self.network, self.predictions = network, 0

    def prepare_context(self, text: Tensor, image: Tensor) -> object:
        """As the denoiser does."""
        return self.network.prepare_context(text, image)

    def forward(self, x: Tensor, *conditions: object) -> Tensor:
        """Predict and count."""
        self.predictions += len(x)
        return self.network(x, *conditions)


def by_ddim(clip: Clip, network: nn.Module, *, steps: int = 50, eta: float = 1.0, end: float = 1.0
            ) -> Tensor:  # fmt: skip
    """The published sampler, guided up to a part of the sampling."""
    within = partial(is_in_interval, num_timesteps=1000, start=0.0, end=end)
    return clip.ddim(clip.guided(network, is_guided_at=within), steps, eta)


def by_solver(clip: Clip, network: nn.Module, *, steps: int, end: float = 1.0) -> Tensor:
    """The presets' way."""
    within = partial(is_in_interval, num_timesteps=1000, start=0.0, end=end)
    denoise = clip.guided(network, is_guided_at=within)
    return sample_dpmpp_2m(denoise, clip.noise().start(), multistep_steps(clip.schedule, steps))


def in_fp8(clip: Clip, network: nn.Module, *, eta: float) -> Tensor:
    """Weights rounded to fp8_e4m3fn, arithmetic in float32."""
    rounded = learned_denoiser()
    rounded.load_state_dict(
        {k: v.to(torch.float8_e4m3fn).float() for k, v in rounded.state_dict().items()}
    )
    return by_ddim(clip, Counting(rounded), eta=eta)


WAYS: dict[str, tuple[float, Callable[[Clip, nn.Module], Tensor]]] = {
    "fast: dpmpp_2m, 25 steps": (0.0, partial(by_solver, steps=25)),
    "draft: dpmpp_2m, 12 steps": (0.0, partial(by_solver, steps=12)),
    "DDIM, 25 steps": (0.0, partial(by_ddim, steps=25, eta=0.0)),
    "DDIM, 12 steps": (0.0, partial(by_ddim, steps=12, eta=0.0)),
    "guidance to 0.8": (1.0, partial(by_ddim, end=0.8)),
    "guidance to 0.6": (1.0, partial(by_ddim, end=0.6)),
    "guidance to 0.4": (1.0, partial(by_ddim, end=0.4)),
    "fast, guidance to 0.6": (0.0, partial(by_solver, steps=25, end=0.6)),
    "fp8 weights": (1.0, partial(in_fp8, eta=1.0)),
}
"""Each with the eta of what it is compared with."""


def measure(report: Report, clips: list[Clip]) -> None:
    """Draw every clip in every way."""
    network = learned_denoiser()
    exact = {eta: [by_ddim(clip, network, eta=eta) for clip in clips] for eta in (0.0, 1.0)}
    report.add(
        "eta 0 against eta 1", suite="approximate", size="tiny", dtype="float32", device=CPU,
        frames_db=round(psnr(clips[0].frames(exact[0.0][0]), clips[0].frames(exact[1.0][0])), 2),
    )  # fmt: skip
    for name, (eta, way) in WAYS.items():
        counting = Counting(network)
        drawn = [way(clip, counting) for clip in clips]
        pairs = list(zip(clips, drawn, exact[eta], strict=True))
        report.add(
            name, suite="approximate", size="tiny", dtype="float32", device=CPU, eta=eta,
            predictions=counting.predictions // len(clips) or 100,
            latents_db=round(mean(latent_psnr(z, e) for _, z, e in pairs), 2),
            frames_db=round(mean(psnr(c.frames(z), c.frames(e)) for c, z, e in pairs), 2),
        )  # fmt: skip


@torch.no_grad()
def main() -> int:
    """Measure the distances; they have no limit."""
    options = clip_options(main.__doc__, clips=2)
    measure(Report(options.out), [Clip(seed) for seed in range(options.clips)])
    return 0


if __name__ == "__main__":
    sys.exit(main())
