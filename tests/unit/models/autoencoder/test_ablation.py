"""Parts of the decoder that are left out take no part, and come back."""

from dataclasses import replace

import torch

from support.networks import filled, normal
from tooncrafter_core.config.presets import MINI
from tooncrafter_core.models.autoencoder.ablation import HAR, OF_PARTS, P3D, PARTS, only_parts
from tooncrafter_core.models.autoencoder.autoencoder import Autoencoder, references_from

CONFIG = replace(MINI.autoencoder, channels=8, channel_mult=(1, 1, 1, 2))


@torch.no_grad()
def test_what_is_left_out_changes_nothing_and_what_stays_does() -> None:
    autoencoder = filled(Autoencoder(CONFIG, device="meta"))
    z = normal(1, 4, 3, 4, 4)
    ends = autoencoder.encode(normal(2, 3, 32, 32).tanh())
    references = references_from(ends.features)
    whole = autoencoder.decode(z, references)
    found = {}
    for parts in (PARTS, (HAR, P3D), (HAR,), ()):
        with only_parts(autoencoder, parts):
            found[parts] = autoencoder.decode(z, references)
    assert torch.equal(autoencoder.decode(z, references), whole)
    assert torch.equal(found[PARTS], whole)
    alone = autoencoder.decode_images(z[0].transpose(0, 1)).transpose(0, 1)[None]
    assert torch.allclose(found[()], alone, atol=1e-5)
    for more, less in ((PARTS, (HAR, P3D)), ((HAR, P3D), (HAR,)), ((HAR,), ())):
        assert (found[more] - found[less]).abs().max() > 1e-3, (more, less)
    names = [name for name, _ in autoencoder.named_parameters()]
    for part, of in OF_PARTS.items():
        assert any(of.search(name) for name in names), part
    for name in names:
        assert sum(bool(of.search(name)) for of in OF_PARTS.values()) <= 1, name
