"""How much memory ComfyUI has."""

import comfy.model_management


def total_memory() -> int:
    """The computer's memory in bytes, as ComfyUI counts it."""
    return int(comfy.model_management.total_ram * 2**20)
