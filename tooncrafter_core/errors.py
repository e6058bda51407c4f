"""Errors that speak to the person at the screen: what was found, what is needed, what to do."""


class ToonCrafterError(ValueError):
    """A mistake in what the user gave, told in one or two plain sentences."""


class KeyframeError(ToonCrafterError):
    """The keyframes cannot be used: wrong count, shape or values."""


class SketchError(ToonCrafterError):
    """The sketches cannot be used: wrong frame numbers, strength or pictures."""


class CheckpointError(ToonCrafterError):
    """A weight file cannot be read, or does not hold what it must."""


class UnsafeCheckpointError(CheckpointError):
    """A pickle wanted to run code; nothing of it was run."""


class ModelMismatchError(ToonCrafterError):
    """Two parts that were connected do not belong together."""


class OutputError(ToonCrafterError):
    """The result cannot be written where it was asked for."""


class DatasetError(ToonCrafterError):
    """A data set cannot be built or read: what it is made of, or its manifest, does not do."""


class TrainingError(ToonCrafterError):
    """A training run cannot begin or go on: its settings, weights or numbers do not do."""
