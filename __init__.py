"""ToonCrafter for ComfyUI: the frames between two cartoon keyframes."""

WEB_DIRECTORY = "./web"  # help pages of the nodes


async def comfy_entrypoint() -> object:
    """Give ComfyUI the extension; everything else is imported here and not before."""
    from .nodes import load_extension

    return load_extension()
