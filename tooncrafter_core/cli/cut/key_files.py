"""The files of keys that options and cut files name."""

from collections.abc import Sequence
from pathlib import Path

from ...errors import CutError, counted


def key_files(given: Sequence[str], level: str | None = None) -> list[Path]:
    """Keys in the order of the film; of a folder in natural order.

    Keys of a cel may lie in a folder of its name, within the folder that is given. ``CutError``
    lists what is not there.
    """
    from ...pictures.films import all_pictures

    if missing := [f"'{name}'" for name in given if not Path(name).exists()]:
        raise CutError(
            f"There is no file for {counted(len(missing), 'key')}: {', '.join(missing)}. Check the "
            "names of the keys."
        )
    if len(given) > 1 or not Path(given[0]).is_dir():
        return [Path(name) for name in given]
    folder = Path(given[0])
    # A name with a slash in it would lead elsewhere.
    if level and Path(level).name == level and (folder / level).is_dir():
        folder /= level
    files = all_pictures(folder)
    if not files:
        raise CutError(f"The folder '{folder}' has no pictures: it must hold the keys.")
    return files


def names_of(files: Sequence[Path]) -> list[str]:
    """What keys without a sheet are called: their files' names; ``CutError`` where two are one."""
    by_name: dict[str, Path] = {}
    for path in files:
        other = by_name.setdefault(path.stem, path)
        if other.absolute() != path.absolute():
            raise CutError(
                f"Two keys are called '{path.stem}': '{other}' and '{path}'. Give one another name."
            )
    return [path.stem for path in files]
