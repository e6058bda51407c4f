"""Where the published weights are, as a node of a saved workflow gives them to the page.

The page offers a file for download when a widget names it and ComfyUI does not have it.
"""

from typing import Any

from comfyui.launch import PACK_NAME, PROJECT
from support.registry import read_pyproject

HUGGING_FACE = "https://huggingface.co/{}/resolve/main/{}"
OFFICIAL, PRUNED, ENCODERS = "Doubiiu/ToonCrafter", "Kijai/DynamiCrafter_pruned", "h94/IP-Adapter"


def published(repository: str, file: str, directory: str, name: str = "") -> dict[str, str]:
    """A file of Hugging Face, and the name under which it is kept."""
    address = HUGGING_FACE.format(repository, file)
    return {"name": name or file, "url": address, "directory": directory}


MODELS: dict[str, list[dict[str, str]]] = {
    "ToonCrafterLoader": [
        published(OFFICIAL, "model.ckpt", "checkpoints"),
        published(PRUNED, "tooncrafter_512_interp-pruned-fp16.safetensors", "checkpoints"),
        published(
            ENCODERS, "models/image_encoder/model.safetensors", "clip_vision",
            "CLIP-ViT-H-14-laion2B-s32B-b79K.safetensors",
        ),
    ],
    "ToonCrafterSketchEncoderLoader": [
        published(OFFICIAL, "sketch_encoder.ckpt", "controlnet"),
        published(PRUNED, "sketch_encoder-fp16.safetensors", "controlnet"),
    ],
}  # fmt: skip
"""By the kind of the node that reads them."""


def add_origins(
    nodes: list[dict[str, Any]], object_info: dict[str, Any], host_version: str
) -> None:
    """Write into saved nodes which pack they are of, and which files they may want."""
    for node in nodes:
        info = object_info.get(node["type"])
        if info is None:
            continue  # a note is the page's own
        is_ours = info["python_module"] == f"custom_nodes.{PACK_NAME}"
        project = read_pyproject(PROJECT)["project"]
        node["properties"] |= {
            "cnr_id": project["name"] if is_ours else "comfy-core",
            "ver": project["version"] if is_ours else host_version,
        }
        if node["type"] in MODELS:
            node["properties"]["models"] = MODELS[node["type"]]
