"""The whole interpolation without ComfyUI: settings, sampling, decoding."""
