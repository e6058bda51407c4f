"""Whatever is written or removed goes through ``tooncrafter_core/files``."""

import pytest

from support.imports import ROOT
from support.writes import ALLOWED, raw_removals, raw_writes

TEXTS = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for top in ("tooncrafter_core", "nodes")
    for path in (ROOT / top).rglob("*.py")
}


def test_nothing_is_written_around_the_one_writer() -> None:
    assert not raw_writes(TEXTS)


def test_nothing_is_removed_around_the_one_place() -> None:
    assert not raw_removals(TEXTS)


@pytest.mark.parametrize(
    ("line", "is_removal"),
    [
        ("shutil.rmtree(folder)", True),
        ("rmtree(folder)", True),
        ("path.unlink(missing_ok=True)", True),
        ("(folder / 'a').rmdir()", True),
        ("path.rename(other)", True),
        ("path.replace(other)", True),
        ("path.replace(target=other)", True),
        ("os.replace(one, other)", True),
        ("os.remove(path)", True),
        ("shutil.move(one, other)", True),
        ("text.replace('a', 'b')", False),
        ("replace(settings, steps=1)", False),
        ("names.remove('a')", False),
        ("remove_folder(folder, ('*.png',))", False),
    ],
)
def test_each_way_to_remove_is_found(line: str, is_removal: bool) -> None:
    assert bool(raw_removals({"nodes/a.py": line})) == is_removal


@pytest.mark.parametrize(
    "line",
    [
        "path.write_text('x')",
        "Path('a').write_bytes(b'x')",
        "open('a', 'w')",
        "path.open(mode='ab')",
        "image.save(path)",
        "save_file(tensors, path)",
        "torch.save(state, path)",
        "np.save(path, array)",
        "shutil.copyfile(one, other)",
        "shutil.copy(one, other)",
        "shutil.copytree(one, other)",
        "copytree(one, other)",
        "shutil.copyfileobj(one, other)",
        "shutil.unpack_archive(one, other)",
    ],
)
def test_each_way_around_is_found(line: str) -> None:
    assert raw_writes({"nodes/a.py": f"\n{line}\n"})[0].startswith("nodes/a.py, line 2: ")


@pytest.mark.parametrize(
    "text",
    [
        "path.open('rb')",
        "values.copy()",
        "array.copy(order='C')",
        "write_text(path, 'x')",
        "with replacing(path) as part:\n    part.write_bytes(b'x')",
        "with replacing_folder(path) as new:\n    (new / 'a').write_text('x')",
        "buffer = io.BytesIO()\nimage.save(buffer)",
    ],
)
def test_the_right_way_is_not(text: str) -> None:
    assert not raw_writes({"nodes/a.py": text})


def test_every_exception_is_still_needed() -> None:
    for exception in ALLOWED:
        name, call = exception.split(": ")
        assert f"{call}(" in TEXTS[name], exception
