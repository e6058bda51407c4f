"""CLIP_img and CLIP_txt: similarity of frames to the true ones and to the prompt.

Cosines of OpenCLIP's image and text embeddings, from the encoders of a ToonCrafter checkpoint or of
a CLIP file.

Legend: t frames, c channels, h w space; videos in [-1, 1].
"""

from torch import Tensor

from ..models.clip.similarity import ClipModel
from .metric import check_pair


def clip_image_similarity(video: Tensor, truth: Tensor, clip_model: ClipModel) -> Tensor:
    """CLIP_img: cosine of each frame's embedding with the true frame's.

    Shapes: both ``t 3 h w``; the result is ``t``, in [-1, 1]. ``EvaluationError`` for videos that
    cannot be compared.
    """
    check_pair(video, truth)
    return (clip_model.embed_images(video) * clip_model.embed_images(truth)).sum(-1)


def clip_text_similarity(video: Tensor, prompt: str, clip_model: ClipModel) -> Tensor:
    """CLIP_txt: cosine of each frame's embedding with the prompt's.

    Shapes: ``t 3 h w`` to ``t``, in [-1, 1]. ``EvaluationError`` for a wrong shape or wrong values,
    ``CheckpointError`` without a text encoder.
    """
    check_pair(video, video)
    return clip_model.embed_images(video) @ clip_model.embed_prompts([prompt])[0]
