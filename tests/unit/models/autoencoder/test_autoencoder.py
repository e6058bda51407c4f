"""Images to latents and references, and back."""

import copy
from functools import cache

import torch

from support.networks import deviation, filled, normal
from tooncrafter_core.config.presets import TINY
from tooncrafter_core.models.autoencoder.autoencoder import Autoencoder, Posterior, references_from


@cache
def autoencoder() -> Autoencoder:
    return filled(Autoencoder(TINY.autoencoder, device="meta"))


IMAGES = normal(4, 3, 32, 48).clamp(-1, 1)


def test_images_are_encoded_apart() -> None:
    # In float64: in float32 another number of pictures is added up in another order.
    network, images = copy.deepcopy(autoencoder()).double(), IMAGES.double()
    whole, alone = network.encode(images), network.encode(images[2:3])
    assert whole.mean.shape == whole.log_variance.shape == (4, 4, 4, 6)
    assert deviation(alone.mean, whole.mean[2:3]) < 1e-11


def test_features_are_those_of_each_level_then_of_the_first_convolution() -> None:
    shapes = [tuple(feature.shape) for feature in autoencoder().encode(IMAGES[:1]).features]
    assert shapes == [
        (1, 32, 32, 48), (1, 64, 16, 24), (1, 64, 8, 12), (1, 64, 4, 6), (1, 32, 32, 48)
    ]  # fmt: skip


def test_references_pair_the_images_of_each_clip() -> None:
    features = autoencoder().encode(IMAGES).features
    references = references_from(features, batch=2)
    assert references[0].shape == (2, 32, 2, 32, 48)
    assert torch.equal(references[1][1, :, 0], features[1][2])


def test_posterior_sample_is_mean_plus_deviation_times_noise() -> None:
    mean, noise = normal(2, 4, 2, 2), normal(2, 4, 2, 2, seed=1)
    posterior = Posterior(mean, torch.full_like(mean, 2.0), [])
    torch.testing.assert_close(posterior.sample(noise), mean + torch.e * noise)


def test_log_variance_is_kept_in_its_range() -> None:
    network = filled(Autoencoder(TINY.autoencoder, device="meta"))
    network.quant_conv.bias += 1000
    assert (network.encode(IMAGES).log_variance == 20).all()


def test_the_post_quantisation_convolution_is_not_used() -> None:
    network = filled(Autoencoder(TINY.autoencoder, device="meta"))
    z = normal(1, 4, 2, 4, 4)
    expected = network.decode(z)
    network.post_quant_conv.weight += 1
    assert torch.equal(network.decode(z), expected)
