"""The only files that import ComfyUI's own modules: core networks as ComfyUI's objects."""
