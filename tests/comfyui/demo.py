"""Runs an example workflow in a real ComfyUI and saves the pictures that it makes.

`python -m comfyui.demo HOST --out DIR [--workflow FILE]` with `tests` on the path.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from comfyui.host import Host
from comfyui.launch import PROJECT
from comfyui.workflow import load_workflow, to_prompt


def find_workflow() -> Path | None:
    """Give the basic example if there is one, else the first example."""
    examples = sorted((PROJECT / "example_workflows").glob("*.json"))
    basic = [path for path in examples if "basic" in path.stem.lower()]
    return next(iter([*basic, *examples]), None)


def main(arguments: Sequence[str] | None = None) -> int:
    """Boot ComfyUI, run the workflow, save its pictures."""
    parser = argparse.ArgumentParser(prog="comfyui.demo", description=main.__doc__)
    parser.add_argument("host", type=Path, help="folder that holds ComfyUI's main.py")
    parser.add_argument("--out", type=Path, required=True, help="folder for the pictures")
    parser.add_argument("--workflow", type=Path, default=None)
    options = parser.parse_args(arguments)
    with Host(options.host) as host:
        nodes = host.object_info()
        ours = sorted(name for name in nodes if name.startswith("ToonCrafter"))
        print(f"ComfyUI answered after {host.boot_seconds:.1f} s with {len(nodes)} nodes")
        print(f"nodes of this pack: {', '.join(ours) or 'none yet'}")
        path = options.workflow or find_workflow()
        if path is None:
            print("there is no example workflow yet, so nothing more to show")
            return 0
        result = host.run(to_prompt(load_workflow(path), nodes), timeout=900)
        print(f"{path.name}: {result.status} after {result.elapsed:.1f} s")
        if result.status != "success":
            print(result.error or result.validation, file=sys.stderr)
            return 1
        options.out.mkdir(parents=True, exist_ok=True)
        for node_id in result.outputs:
            for record in result.images(node_id):
                picture = (host.download(record) * 255).round().astype(np.uint8)
                target = options.out / record["filename"]
                Image.fromarray(picture).save(target)
                print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
