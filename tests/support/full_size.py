"""A checkpoint of the official layout at full size, with the goldens' made-up weights."""

import json
import math
import struct
from pathlib import Path

from golden import recipe

MANIFEST = Path(__file__).parents[1] / "golden" / "data" / "tooncrafter_512.keys.json"


def write_full_checkpoint(path: Path, tag: str = "full") -> None:
    """Write all 2668 tensors in fp16, one at a time: 5.3 GB, a minute and a half on one core."""
    shapes = json.loads(MANIFEST.read_text())
    shapes = {key: value[0] if isinstance(value[0], list) else value
              for key, value in shapes.get("keys", shapes).items()}  # fmt: skip
    header, offset = {}, 0
    for key, shape in shapes.items():
        end = offset + 2 * math.prod(shape)
        header[key] = {"dtype": "F16", "shape": shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for key, shape in shapes.items():
            file.write(recipe.make_param(tag, key, shape).half().numpy().tobytes())
