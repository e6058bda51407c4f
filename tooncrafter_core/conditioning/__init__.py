"""What the denoiser is conditioned on: prompt, image tokens, keyframe latents, motion fps."""
