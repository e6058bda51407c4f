"""What a clip was asked for, as it travels with LATENT and CONDITIONING or comes from a file."""
