"""How far the decoder is, by chunk of frames."""

from contextlib import AbstractContextManager
from typing import Any, cast

from torch import Tensor, nn

from ....tooncrafter_core.interpolation.decoding import second_pass_frames
from ..progress import progress_by_parts
from .vae import ToonCrafterVAE


def decoding_progress(
    vae: ToonCrafterVAE, clip: Tensor, second_pass: bool, node_id: str | None
) -> AbstractContextManager[None]:
    """Report the decoding of a clip b c t h w by the frames and pixels of every block."""
    decoder = cast(Any, vae.first_stage_model).network.decoder
    blocks: list[nn.Module] = []
    pixels = 0
    for level, stage in enumerate(decoder.up):
        blocks += list(stage.block)
        # Each level has four times the pixels of the one below it; the lowest those of the clip.
        pixels += len(stage.block) * 4 ** (len(decoder.up) - 1 - level)
    batch, _, frames, height, width = clip.shape
    again = second_pass_frames(frames)[0] if second_pass else []
    total = batch * (frames + len(again)) * pixels * height * width

    def weight(result: Tensor) -> float:
        return result.shape[0] * result.shape[-2] * result.shape[-1]

    return progress_by_parts(blocks, total, weight, node_id)
