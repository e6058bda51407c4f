"""What goes through the port goes by names, and what does not move changes nothing."""

import torch

from support.networks import normal
from tooncrafter_core.config.presets import MINI, MINI_SKETCH, TINY, TINY_SKETCH
from tooncrafter_core.layers.operations import TORCH_OPERATIONS
from tooncrafter_core.models.motion.port import (
    KeyframeLatents,
    Residuals,
    WarpListener,
    hands_out_pictures,
    keyframe_warp,
    reference_warp,
    sketch_motion,
)


def test_keyframes_are_the_last_channels_of_what_the_denoiser_reads() -> None:
    noisy, blend, first, last = (normal(2, 4, 1, 3, 5, seed=seed) for seed in range(4))
    x = torch.cat([noisy, blend, first, last], dim=1).expand(-1, -1, 6, -1, -1)
    found = KeyframeLatents.read(x, 4)
    assert torch.equal(found.first, first[:, :, 0]) and torch.equal(found.last, last[:, :, 0])


def test_residuals_are_those_of_the_blocks_and_what_sketches_show_comes_by_name() -> None:
    residuals = Residuals([normal(2, 3), normal(2, 4)], sketched=normal(2, 5))
    doubled = residuals.changed(lambda tensor: tensor * 2)
    assert len(doubled) == 2
    assert all(torch.equal(a, b * 2) for a, b in zip(doubled, residuals, strict=True))
    assert doubled.sketched is not None and residuals.sketched is not None
    assert torch.equal(doubled.sketched, residuals.sketched * 2)
    assert Residuals(doubled[:1]).changed(torch.zeros_like).sketched is None


def test_a_listener_keeps_only_what_it_has_a_list_for() -> None:
    heard = WarpListener(drawn=[])
    heard.hear_flow(normal(1, 4, 2, 2))
    heard.hear_drawn(normal(1, 3, 2, 2))
    heard.hear_choice(normal(1, 5, 3, 2, 2), normal(1, 5, 2, 2))
    assert heard.flows is None and heard.chosen is None
    assert heard.drawn is not None and len(heard.drawn) == 1


def test_what_does_not_move_has_no_weights_and_changes_nothing() -> None:
    still = keyframe_warp(TINY.unet, 8, 16, TORCH_OPERATIONS)
    assert not still.state_dict()
    motion, h, v = still.look(normal(1, 8, 3, 4, 4)), normal(3, 8, 4, 4), normal(1, 4, 3, 4, 4)
    assert motion.shown(h) is h
    assert motion.corrected(v, h, normal(1, 16), None) is v
    assert reference_warp(TINY.autoencoder, TORCH_OPERATIONS) is None
    assert not hands_out_pictures(TINY.autoencoder)
    sketches = sketch_motion(TINY_SKETCH, TORCH_OPERATIONS)
    assert not sketches.layers()
    assert sketches.marked(h, normal(3, 1, 32, 32)) is h
    compared = sketches.compare(h, None, v)
    assert compared.features is h
    assert compared.shown is None and compared.sketched is None


def test_what_moves_is_built_by_the_configuration() -> None:
    assert keyframe_warp(MINI.unet, 8, 16, TORCH_OPERATIONS).state_dict()
    assert reference_warp(MINI.autoencoder, TORCH_OPERATIONS) is not None
    assert hands_out_pictures(MINI.autoencoder)
    layers = sketch_motion(MINI_SKETCH, TORCH_OPERATIONS).layers()
    assert set(layers) == {"matching", "tell", "certainty"}
