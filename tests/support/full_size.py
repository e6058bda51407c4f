"""Weight files of the published layouts at full size, with the goldens' made-up weights."""

import json
import math
import struct
from pathlib import Path

from golden import recipe

DATA = Path(__file__).parents[1] / "golden" / "data"


def write_full_checkpoint(
    path: Path, manifest: str = "tooncrafter_512.keys.json", tag: str = "full"
) -> None:
    """Write every tensor of a manifest in fp16, one at a time.

    All 2668 tensors of the published checkpoint: 5.3 GB, a minute and a half on one core.
    """
    shapes = json.loads((DATA / manifest).read_text())
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
