"""Transformers over pixels and over frames."""

import torch
from einops import repeat

from support.networks import deviation, filled, normal
from tooncrafter_core.layers.operations import TORCH_OPERATIONS
from tooncrafter_core.models.attention import Attention
from tooncrafter_core.models.transformers import (
    SpatialTransformer,
    TemporalTransformer,
    TransformerLayout,
)

FRAMES, BATCH = 3, 2


def cross_attention() -> Attention:
    return filled(Attention(32, 2, 16, TORCH_OPERATIONS, context_dim=24, has_image_tokens=True))


X = normal(BATCH * FRAMES, 12, 32)
TEXT = normal(BATCH, 77, 24, seed=1)
IMAGE = normal(BATCH, FRAMES, 16, 24, seed=2)


def test_text_and_image_tokens_have_softmaxes_of_their_own() -> None:
    layer = cross_attention()
    text = repeat(TEXT, "b l c -> (b t) l c", t=FRAMES)
    image = IMAGE.flatten(0, 1)
    q = layer.to_q(X)
    attend = TORCH_OPERATIONS.attention
    expected = layer.to_out(
        attend(q, layer.to_k(text), layer.to_v(text), 2)
        + attend(q, layer.to_k_ip(image), layer.to_v_ip(image), 2)
    )
    assert deviation(layer(X, TEXT, IMAGE), expected) < 1e-5


def test_prepared_keys_and_values_give_the_same_bits() -> None:
    layer = cross_attention()
    assert torch.equal(layer(X, layer.prepare(TEXT, IMAGE)), layer(X, TEXT, IMAGE))
    assert torch.equal(layer(X, layer.prepare(TEXT)), layer(X, TEXT))


def test_shared_image_tokens_are_each_frames_own_when_all_are_equal() -> None:
    layer = cross_attention()
    shared = IMAGE[:, 0]
    own = repeat(shared, "b l c -> b t l c", t=FRAMES)
    assert deviation(layer(X, TEXT, shared), layer(X, TEXT, own)) < 1e-5


def test_text_may_have_any_number_of_tokens() -> None:
    layer = cross_attention()
    twice = torch.cat([TEXT, TEXT], dim=1)
    # Every token twice changes no softmax.
    assert deviation(layer(X, twice, IMAGE), layer(X, TEXT, IMAGE)) < 1e-5


def test_frames_read_their_own_image_tokens() -> None:
    layer = cross_attention()
    changed = IMAGE.clone()
    changed[0, 1] += 1
    difference = (layer(X, TEXT, changed) - layer(X, TEXT, IMAGE)).abs().amax((1, 2))
    assert (difference > 1e-3).tolist() == [False, True, False, False, False, False]


def test_pixels_do_not_see_other_frames() -> None:
    layer = filled(
        SpatialTransformer(
            32, TransformerLayout(2, 16, 1, 32), TORCH_OPERATIONS, context_dim=24,
            has_image_tokens=True,
        )
    )  # fmt: skip
    x = normal(BATCH * FRAMES, 32, 3, 4)
    whole = layer(x, TEXT, IMAGE)
    assert whole.shape == x.shape
    alone = layer(x[4:5], TEXT[1:], IMAGE[1:, 1:2])
    assert deviation(alone, whole[4:5]) < 1e-5


def temporal(projects_by_convolution: bool) -> TemporalTransformer:
    return filled(
        TemporalTransformer(
            32, TransformerLayout(2, 24 if projects_by_convolution else 16, 1, 32),
            TORCH_OPERATIONS, projects_by_convolution=projects_by_convolution,
        )
    )  # fmt: skip


def test_frames_have_no_position() -> None:
    x = normal(BATCH * FRAMES, 32, 3, 4)
    order = [2, 0, 1, 5, 3, 4]
    for kind in (True, False):
        layer = temporal(kind)
        assert deviation(layer(x[order], FRAMES), layer(x, FRAMES)[order]) < 1e-5


def test_both_projections_are_the_same_mathematics() -> None:
    layer = TemporalTransformer(32, TransformerLayout(2, 16, 1, 32), TORCH_OPERATIONS)
    convolved = TemporalTransformer(
        32, TransformerLayout(2, 16, 1, 32), TORCH_OPERATIONS, projects_by_convolution=True
    )
    weights = filled(layer).state_dict()
    convolved.load_state_dict(
        {k: v[..., None] if k in ("proj_in.weight", "proj_out.weight") else v
         for k, v in weights.items()}
    )  # fmt: skip
    x = normal(BATCH * FRAMES, 32, 3, 4)
    with torch.no_grad():
        assert deviation(convolved(x, FRAMES), layer(x, FRAMES)) < 1e-5
