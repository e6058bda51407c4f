"""The autoencoder with its dual-reference decoder."""
