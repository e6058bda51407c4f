"""What ComfyUI's EasyCache costs in quality, on the mini model, which is trained.

    python dev.py bench easycache [--clips 6] [--out FILE]

The clips of ``presets``, drawn by the nodes in the newest ComfyUI that ``dev.py`` keeps: 50 steps,
guidance 7.5, the published eta 1. Work is counted in predictions, both halves of guidance one each.
"""

import sys
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from einops import rearrange
from torch import Tensor

from benchmarks._results import Report, clip_options

HOST = Path(__file__).parents[1] / ".hosts" / "0.3.75" / "ComfyUI"
THRESHOLDS = (0.2, 0.5)
"""Of change, below which a prediction is used again; at 0.1 next to none is."""
FROM, UNTIL = 0.15, 0.95
"""The part of the sampling in which it may; EasyCache's own."""


def import_host() -> None:
    """Put ComfyUI and the pack into this process, before anything of the core is read."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from comfyui.inprocess import load_pack, parse_host_arguments, put_host_first

    put_host_first(HOST)
    parse_host_arguments()
    load_pack()


def measure(report: Report, seeds: range) -> None:
    """Draw every clip without the cache, and with it at every threshold."""
    import comfy_extras.nodes_easycache as easycache
    from tooncrafter_pack.nodes.bridge.denoiser import HostDenoiser

    from benchmarks.presets import HEIGHT, WIDTH, add_row, mini_checkpoint, true_clip
    from support.host_models import build_models, run_decode, run_keyframes, run_sampler
    from tooncrafter_core.checkpoints import detect

    predictions: list[int] = []
    predict = HostDenoiser._predict

    def counted(self: Any, x: Tensor, *conditions: Any, **more: Any) -> Tensor:
        predictions.append(x.shape[0])
        return predict(self, x, *conditions, **more)

    HostDenoiser._predict = counted  # type: ignore[method-assign]
    checkpoint = mini_checkpoint()
    models = build_models(
        {key: checkpoint[key].float() for key in checkpoint.info}, detect(checkpoint)
    )

    def draw(model: Any, clip: Tensor) -> Tensor:
        ends = [rearrange((clip[i] + 1) / 2, "c h w -> 1 h w c") for i in (0, -1)]
        ready = run_keyframes(models, *ends, width=WIDTH, height=HEIGHT, frames=len(clip))
        latent = run_sampler(model, *ready, steps=50)
        video = run_decode(models, latent, *ends, second_pass=False)
        return rearrange(video, "t h w c -> t c h w").mul(2).sub(1)[1:-1].clamp(-1, 1)

    clips = [true_clip(seed) for seed in seeds]
    exact: list[Tensor] = []
    for threshold in (None, *THRESHOLDS):
        drawn, work = [], []
        for clip in clips:
            model = models.model
            if threshold is not None:
                node = easycache.EasyCacheNode
                model = node.execute(model, threshold, FROM, UNTIL, False).args[0]
            predictions.clear()
            drawn.append(draw(model, clip))
            work.append(sum(predictions))
        exact = exact or drawn
        name = "50 steps" if threshold is None else f"EasyCache, threshold {threshold}"
        others = None if threshold is None else exact
        add_row(report, name, round(mean(work)), clips, drawn, others)


@torch.no_grad()
def main() -> int:
    """Measure the thresholds; they have no limit."""
    options = clip_options(main.__doc__, clips=6)
    if not HOST.is_dir():
        raise SystemExit(f"There is no ComfyUI at {HOST}; `python dev.py comfyui` fetches it.")
    import_host()
    from benchmarks.presets import FIRST_SEED

    measure(Report(options.out), range(FIRST_SEED, FIRST_SEED + options.clips))
    return 0


if __name__ == "__main__":
    sys.exit(main())
