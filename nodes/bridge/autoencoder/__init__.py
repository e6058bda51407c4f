"""The autoencoder as a ComfyUI VAE."""

from .progress import decoding_progress
from .vae import MEBIBYTE, ToonCrafterVAE, require_tooncrafter

__all__ = ["MEBIBYTE", "ToonCrafterVAE", "decoding_progress", "require_tooncrafter"]
