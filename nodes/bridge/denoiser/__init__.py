"""The denoiser and the projector as a ComfyUI MODEL."""

from .model import load_model
from .network import HostDenoiser

__all__ = ["HostDenoiser", "load_model"]
