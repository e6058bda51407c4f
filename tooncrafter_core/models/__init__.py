"""The networks: denoiser, projector, autoencoder, CLIP, sketch encoder, the mini model's own."""
