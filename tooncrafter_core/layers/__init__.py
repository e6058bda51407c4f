"""Every layer that the networks are built from, and where ComfyUI's own take their place."""
