"""The autoencoder as a ComfyUI VAE."""

from .vae import MEBIBYTE, ToonCrafterVAE, require_tooncrafter

__all__ = ["MEBIBYTE", "ToonCrafterVAE", "require_tooncrafter"]
