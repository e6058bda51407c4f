"""Frames that a sketch shows, as keyframes of their own: the frames between follow them.

Legend: b batch, t frames, c channels, h w space.
"""

import itertools
from collections.abc import Sequence

import torch
from einops import rearrange
from torch import Tensor

from .keyframe_matching import KeyframeMatching


def follow_sketches(
    matching: KeyframeMatching,
    ends: Sequence[Tensor],
    sketched: Tensor,
    mixed: Tensor,
    matched: Tensor,
) -> tuple[Tensor, Tensor]:
    """What is known of all frames once some of them are known from sketches.

    Args:
        matching: compares the frames that are known, each with the next.
        ends: the keyframes, each b c h w.
        sketched: (b t) (c + 1) h w: latents that sketches show, times how sure they are, and how
            sure; zero in frames without a sketch. More than sure counts as sure.
        mixed: b c t h w, what was moved from the keyframes.
        matched: b c t h w, what their matching gave.

    Returns:
        Both again, the sketched latents and what lies between them in place of them.
    """
    channels, num_frames = matched.shape[1:3]
    sketched = rearrange(sketched.to(matched), "(b t) c h w -> b c t h w", t=num_frames)
    certainty = sketched[:, channels:]
    latents = sketched[:, :channels] / certainty.clamp(min=1)
    certainty = certainty.clamp(max=1)
    has_sketch = certainty.amax((1, 3, 4)) > 0
    clips = []
    for index, frames in enumerate(has_sketch.tolist()):
        clip = torch.stack([mixed[index], matched[index]])
        known = [t for t in range(1, num_frames - 1) if frames[t]]
        if known:
            shown = (1 - certainty[index]) * matched[index] + latents[index]
            clip = _between(matching, [end[index] for end in ends], known, shown, clip)
        clips.append(clip)
    mixed, matched = torch.stack(clips, dim=1)
    return mixed, matched


def _between(
    matching: KeyframeMatching, ends: Sequence[Tensor], known: list[int], shown: Tensor,
    clip: Tensor,
) -> Tensor:  # fmt: skip
    """``n c t h w`` of a clip whose ``known`` frames are those of ``shown``, ``c t h w``."""
    last = clip.shape[2] - 1
    points = [(0, ends[0]), *((t, shown[:, t]) for t in known), (last, ends[1])]
    frames: list[Tensor] = [clip[:, :, 0]]
    for (start, first), (stop, second) in itertools.pairwise(points):
        if stop - start > 1:
            pair = first[None].float(), second[None].float()
            inner = matching(*pair, stop - start + 1).latents[0, :, 1:-1]
            frames += [one.expand_as(clip[:, :, 0]) for one in inner.unbind(1)]
        frames.append(clip[:, :, last] if stop == last else second.expand_as(clip[:, :, 0]))
    return torch.stack(frames, dim=2)
