"""ToonCrafter for ComfyUI: the frames between two cartoon keyframes."""


async def comfy_entrypoint() -> object:
    """Give ComfyUI the extension; everything else is imported here and not before."""
    from .nodes import load_extension

    return load_extension()
