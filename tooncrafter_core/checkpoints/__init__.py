"""Weight files: reading, recognising, loading and writing them."""

from .convert_encoders import find_encoder
from .detect import (
    EncoderFile,
    detect,
    detect_component_files,
    detect_sketch_encoder,
    is_sketch_encoder,
)
from .files.read import Checkpoint, read_checkpoint
from .files.save import save_checkpoint
from .keys import Component
from .load import Models, build_models, build_network, compare, load_component

__all__ = [
    "Checkpoint",
    "Component",
    "EncoderFile",
    "Models",
    "build_models",
    "build_network",
    "compare",
    "detect",
    "detect_component_files",
    "detect_sketch_encoder",
    "find_encoder",
    "is_sketch_encoder",
    "load_component",
    "read_checkpoint",
    "save_checkpoint",
]
