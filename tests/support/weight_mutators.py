"""Malformed weight files: from the tiny model in each form, with odd indices, lists and sizes."""

import io
import json
import pickle
import random
import struct
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from support.checkpoints import tiny_tensors
from support.fuzzing import ODD_VALUES, mutated_bytes, mutated_tree
from tooncrafter_core.checkpoints.kept_texts import CONFIG_KEY, text_tensors
from tooncrafter_core.checkpoints.stored_config import config_metadata
from tooncrafter_core.config.presets import TINY

Mutator = Callable[[random.Random], bytes]


@cache
def whole() -> bytes:
    """The tiny model as a safetensors file that describes itself."""
    tensors = {key: value.contiguous() for key, value in tiny_tensors(dtype=torch.half).items()}
    texts = config_metadata(TINY)
    return save(tensors | text_tensors(texts), metadata=texts)


@cache
def parts() -> tuple[dict[str, Any], bytes]:
    """Its index, and what follows."""
    (length,) = struct.unpack("<Q", whole()[:8])
    return json.loads(whole()[8 : 8 + length]), whole()[8 + length :]


def joined(index: object, rest: bytes) -> bytes:
    """A safetensors file of an index and what follows."""
    text = json.dumps(index).encode()
    return struct.pack("<Q", len(text)) + text + rest


def odd_index(draw: random.Random) -> bytes:
    """Places of the index changed, and nothing else."""
    index, rest = parts()
    return joined(mutated_tree(index, draw), rest)


def odd_index_bytes(draw: random.Random) -> bytes:
    """Bytes of the index changed."""
    return mutated_bytes(whole()[:200_000], draw) + whole()[200_000:]


def odd_config(draw: random.Random) -> bytes:
    """The model's description of itself changed: values out of range, or of other kinds."""
    index, rest = parts()
    config = mutated_tree(json.loads(index["__metadata__"][CONFIG_KEY]), draw)
    return joined(index | {"__metadata__": {CONFIG_KEY: json.dumps(config)}}, rest)


def odd_shapes(draw: random.Random) -> bytes:
    """Tensors of other shapes that the index has room for, with or without a description."""
    index, rest = parts()
    index = json.loads(json.dumps(index))
    if draw.random() < 0.5:
        del index["__metadata__"]
        del index[CONFIG_KEY]
    for key in draw.sample([k for k in index if k != "__metadata__"], draw.choice((1, 3, 40))):
        entry = index[key]
        match draw.randrange(5):
            case 0:
                del index[key]
                continue
            case 1:
                entry["shape"] = entry["shape"][::-1]
            case 2:
                entry["shape"] = [1, *entry["shape"]]
            case 3:
                entry["shape"] = [n // 2 if n > 1 else n for n in entry["shape"]]
            case _:
                entry["dtype"] = draw.choice(("F32", "I8", "BOOL", "F8_E4M3", "F16", "I64"))
        size = {"F32": 4, "F16": 2, "I64": 8}.get(entry["dtype"], 1)
        for number in entry["shape"]:
            size *= number
        start = min(entry["data_offsets"][0], max(0, len(rest) - size))
        entry["data_offsets"] = [start, start + size]
    return joined(index, rest)


@cache
def pickled(older: bool) -> bytes:
    """Some tensors of the tiny model and leftovers of a training framework as a torch file."""
    tensors = {k: v for k, v in tiny_tensors().items() if "image_proj" in k or "fps" in k}
    content = {"state_dict": tensors, "step": 3, "path": Path("x"), "kinds": {1, 2}}
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=not older)
    return file.getvalue()


def with_list(listed: bytes) -> bytes:
    """The torch file with another list of tensors."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(pickled(False))) as old, zipfile.ZipFile(file, "w") as new:
        for part in old.infolist():
            is_list = part.filename.endswith("data.pkl")
            new.writestr(part.filename, listed if is_list else old.read(part))
    return file.getvalue()


@cache
def listed() -> bytes:
    """Its list of tensors."""
    with zipfile.ZipFile(io.BytesIO(pickled(False))) as archive:
        return next(archive.read(n) for n in archive.namelist() if n.endswith("data.pkl"))


def odd_list(draw: random.Random) -> bytes:
    """Bytes of the list of tensors changed."""
    return with_list(mutated_bytes(listed(), draw))


def odd_instructions(draw: random.Random) -> bytes:
    """Instructions of pickles put into the list of tensors, also ones that torch never writes."""
    data = bytearray(listed())
    instructions = [getattr(pickle, name) for name in dir(pickle) if name.isupper()]
    codes = [one for one in instructions if isinstance(one, bytes) and len(one) == 1]
    for _ in range(draw.randint(1, 5)):
        place = draw.randrange(2, len(data))
        data[place:place] = draw.choice(codes) * draw.choice((1, 1, 1, 3, 1000))
    return with_list(bytes(data))


def odd_content(draw: random.Random) -> bytes:
    """What no model is, saved by torch."""
    keys: list[Any] = ["betas", 1, None, (1, "a"), 2.5, "image_proj_model.latents", "", "\u0000"]
    values: list[Any] = [
        torch.ones(2, 2), torch.ones(2).to_sparse(), torch.ones(1).expand(2**30),
        torch.empty(10**12, device="meta"), torch.nested.nested_tensor([torch.ones(2)]),
        torch.ones(2, dtype=torch.complex64), torch.tensor(True), torch.ones(0), bytearray(9),
        torch.Size([2]), *ODD_VALUES,
    ]  # fmt: skip
    content: Any = {draw.choice(keys): draw.choice(values) for _ in range(5)}
    for _ in range(draw.randrange(4)):
        content = draw.choice(({"state_dict": content}, [content], {"module": content}, (content,)))
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=draw.random() < 0.7)
    return file.getvalue()


def odd_older_bytes(draw: random.Random) -> bytes:
    """Bytes of a file of torch before 1.6 changed, most of them in its lists."""
    content, edge = pickled(True), 30_000
    return mutated_bytes(content[:edge], draw) + content[edge:]


def odd_archive_bytes(draw: random.Random) -> bytes:
    """Bytes of the archive changed, most of them in its directory."""
    content = pickled(False)
    return mutated_bytes(content, draw, draw.choice((0, len(content) - 12_000)))


MUTATORS: dict[str, tuple[str, Mutator]] = {
    "index": (".safetensors", odd_index),
    "index bytes": (".safetensors", odd_index_bytes),
    "configuration": (".safetensors", odd_config),
    "shapes": (".safetensors", odd_shapes),
    "list": (".ckpt", odd_list),
    "instructions": (".ckpt", odd_instructions),
    "content": (".ckpt", odd_content),
    "older form": (".ckpt", odd_older_bytes),
    "archive": (".ckpt", odd_archive_bytes),
}


def weight_files(folder: Path, count: int, seed: int = 0) -> Iterator[tuple[str, Path]]:
    """Malformed files, each under a name that says how to make it again."""
    for number in range(count):
        what = list(MUTATORS)[number % len(MUTATORS)]
        ending, mutate = MUTATORS[what]
        path = folder / f"a{ending}"
        path.write_bytes(mutate(random.Random(seed + number)))
        yield f"{what}, seed {seed + number}", path
