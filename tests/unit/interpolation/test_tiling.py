"""Decoding in tiles: exact when one tile holds everything, near otherwise, only when needed."""

import logging
from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from support.networks import filled, normal
from support.tiny import tiny_models
from tooncrafter_core.config.presets import TINY
from tooncrafter_core.device.memory import TileSize, smaller_tile
from tooncrafter_core.interpolation import pipeline
from tooncrafter_core.interpolation.decoding import DecodeEvents, DecodePlan, decode_video
from tooncrafter_core.interpolation.settings import InterpolationSettings
from tooncrafter_core.interpolation.tiling import decode_in_tiles, seam_weights, spans
from tooncrafter_core.models.autoencoder.autoencoder import Autoencoder, references_from

ROWS, COLUMNS = 8, 32


class OutOfMemoryError(RuntimeError):
    """Stands for the device's."""


def is_it(error: Exception) -> bool:
    return isinstance(error, OutOfMemoryError)


@cache
def autoencoder() -> Autoencoder:
    return filled(Autoencoder(TINY.autoencoder, device="meta"))


@cache
@torch.no_grad()
def clip() -> tuple[Tensor, list[Tensor]]:
    """Latents of soft pictures, and their references."""
    small = normal(2, 3, 2, 5, seed=4)
    images = torch.nn.functional.interpolate(small, (ROWS * 8, COLUMNS * 8), mode="bicubic")
    posterior = autoencoder().encode(images.clamp(-1, 1))
    return posterior.mean.movedim(0, 1)[None], references_from(posterior.features)


@torch.no_grad()
def tiled(rows: int, columns: int) -> Tensor:
    return decode_in_tiles(autoencoder(), *clip(), TileSize(rows, columns))


@cache
@torch.no_grad()
def whole() -> Tensor:
    return autoencoder().decode(*clip(), chunk=1)


@pytest.mark.parametrize("tile", [(ROWS, COLUMNS), (64, 64)])
def test_a_tile_that_holds_the_picture_changes_nothing(tile: tuple[int, int]) -> None:
    assert torch.equal(tiled(*tile), whole())


@pytest.mark.parametrize("tile", [(8, 20), (6, 32), (6, 20)])
def test_tiles_are_finite_and_near_the_exact_picture(tile: tuple[int, int]) -> None:
    video, expected = tiled(*tile).clamp(-1, 1), whole().clamp(-1, 1)
    assert video.shape == expected.shape and video.isfinite().all()
    decibels = 10 * torch.log10(4 / (video - expected).square().mean())

    # Measured: 18.5 to 21.4 with these made-up weights, which amplify every difference.
    assert 17 < decibels < 100


def test_tiles_fade_into_each_other() -> None:
    for length, side in ((40, 24), (40, 39), (64, 34), (41, 20)):
        places = spans(length, side)
        assert places[0].start == 0 and places[-1].stop == length
        total = torch.zeros(length * 8)
        weights = seam_weights(places, 8)
        for place, weight in zip(places, weights, strict=True):
            assert place.stop - place.start == side and (weight > 0).all()
            total[place.start * 8 : place.stop * 8] += weight
        torch.testing.assert_close(total, torch.ones_like(total))
        for before, after in pairwise(places):
            assert before.stop - after.start >= 8
        # Nothing begins at once: the first pixel inside the picture hardly counts.
        assert all(weight[0] < 0.05 for weight in weights[1:])


def test_tiles_become_smaller_until_they_are_mostly_overlap() -> None:
    sizes: list[TileSize | None] = [TileSize(72, 128)]
    while (last := sizes[-1]) is not None:
        sizes.append(smaller_tile(last))
    assert sizes == [(72, 128), (72, 68), (40, 68), (40, 38), (24, 38), (24, 23), None]
    assert smaller_tile(TileSize(8, 8)) is None


class ScarceMemory:
    """A decoder of which single frames above a number of cells do not fit."""

    def __init__(self, cells: int) -> None:
        self.cells = cells
        self.tried: list[int | TileSize] = []
        self.reported: list[TileSize] = []

    def frames(self, latents: Tensor, chunk: int) -> Tensor:
        self.tried.append(chunk)
        return self._decode(latents, latents.shape[-2] * latents.shape[-1])

    def tiles(self, latents: Tensor, tile: TileSize) -> Tensor:
        self.tried.append(tile)
        return self._decode(latents, tile.rows * tile.columns)

    def _decode(self, latents: Tensor, cells: int) -> Tensor:
        if cells > self.cells:
            raise OutOfMemoryError
        return latents.clone()

    def run(self, *, allowed: bool) -> Tensor:
        events = DecodeEvents(is_out_of_memory=is_it, on_tiles=self.reported.append)
        clip, plan = torch.zeros(1, 3, 5, 40, 64), DecodePlan(allows_tiles=allowed)
        return decode_video(self.frames, clip, plan, events, self.tiles)


def test_tiles_come_after_single_frames_and_are_reported() -> None:
    memory = ScarceMemory(24 * 36)
    memory.run(allowed=True)
    # The second pass begins with the tiles that worked.
    assert memory.tried == [4, 2, 1, (40, 36), (24, 36), (24, 36)]
    assert memory.reported == [(40, 36), (24, 36)]


def test_tiles_are_not_used_where_frames_fit_or_without_leave() -> None:
    enough = ScarceMemory(40 * 64)
    enough.run(allowed=True)
    assert enough.tried == [4, 4] and enough.reported == []
    forbidden = ScarceMemory(24 * 36)
    with pytest.raises(OutOfMemoryError):
        forbidden.run(allowed=False)
    assert forbidden.tried == [4, 2, 1] and forbidden.reported == []


def test_memory_that_holds_not_even_the_smallest_tile_is_reported() -> None:
    memory = ScarceMemory(0)
    with pytest.raises(OutOfMemoryError):
        memory.run(allowed=True)
    assert memory.tried == [4, 2, 1, (40, 36), (24, 36), (24, 22)]


@torch.no_grad()
def test_a_budget_leads_to_tiles_only_when_they_are_allowed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    z, references = clip()
    z = z * TINY.diffusion.latent_scale
    settings = InterpolationSettings(second_pass=False)

    def decode(**changes: object) -> Tensor:
        changed = replace(settings, **changes)  # type: ignore[arg-type]
        return pipeline.decode(tiny_models(), z, references, changed)

    with caplog.at_level(logging.WARNING):
        exact = decode()
        assert torch.allclose(decode(memory_budget=1), exact, atol=1e-4)
        assert torch.allclose(decode(tiles=True, memory_budget=500), exact, atol=1e-4)
        assert caplog.text == ""
        approximate = decode(tiles=True, memory_budget=1)
    assert "tiles of 160x64 pixels. This is approximate" in caplog.text
    assert not torch.allclose(approximate, exact, atol=1e-3)
