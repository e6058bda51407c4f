"""CLIP, CLIP_VISION and sketch encoders from files: loaded strictly into ComfyUI's objects."""
