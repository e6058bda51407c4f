"""The order of files, and where results may go: never over what is read."""

import os
from pathlib import Path

import pytest

from tooncrafter_core.errors import OutputError
from tooncrafter_core.files import Place, check_places, in_order, remove_abandoned


def test_files_come_as_people_count_them() -> None:
    names = ["1.png", "2.png", "10.png", "a1b2.png", "A1b10.png", "a2.png", "frame 9.png",
             "frame 10.png", "x/2/1.png", "x/10/1.png", "コマ3.png", "コマ12.png"]  # fmt: skip
    paths = [Path(name) for name in names]
    assert in_order(reversed(paths)) == paths
    assert [path.name for path in in_order(Path(f"{n}.png") for n in range(16, 0, -1))] == [
        f"{n}.png" for n in range(1, 17)
    ]
    same = [Path("001.png"), Path("01.png"), Path("1.png")]
    assert in_order(same) == in_order(reversed(same))


def test_files_whose_names_begin_with_a_dot_are_skipped() -> None:
    assert in_order([Path("._5.png"), Path("5.png"), Path(".hidden")]) == [Path("5.png")]


@pytest.fixture
def drawings(tmp_path: Path) -> Path:
    """A folder of 16 drawings, named as ours are."""
    folder = tmp_path / "F"
    folder.mkdir()
    for number in range(1, 17):
        (folder / f"{number:04d}.png").write_bytes(b"drawing")
    return folder


def frames(path: str | Path) -> Place:
    return Place(option="--frames-dir", at=path, kind="frames")


def file(path: str | Path) -> Place:
    return Place(option="-o", at=path)


def folder(path: str | Path, **options: object) -> Place:
    return Place(option="-o", at=path, kind="folder", **options)  # pyright: ignore


def refusal(place: Place | list[Place], *inputs: str | Path, overwrite: bool = False) -> str:
    """The sentence with which places are refused."""
    with pytest.raises(OutputError) as caught:
        check_places(place if isinstance(place, list) else [place], inputs, overwrite)
    return str(caught.value)


def test_a_folder_with_pictures_is_refused_unless_it_may_be_replaced(drawings: Path) -> None:
    assert "holds 16 pictures ('0001.png' ...). Choose another name, or add --overwrite" in refusal(
        frames(drawings)
    )
    check_places([frames(drawings)], overwrite=True)
    (drawings / "0017.png").mkdir()
    assert "holds other files ('0017.png')" in refusal(frames(drawings), overwrite=True)


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("spelling", ["absolute", "relative", "dots", "link", "hard link"])
def test_a_file_that_is_read_is_never_written_over(
    drawings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spelling: str, overwrite: bool
) -> None:
    given = drawings / "0001.png"
    monkeypatch.chdir(drawings)
    other: str | Path = given
    if spelling == "relative":
        other = "0001.png"
    elif spelling == "dots":
        other = f"../{drawings.name}/./0001.png"
    elif spelling == "link":
        (tmp_path / "link").symlink_to(drawings, target_is_directory=True)
        other = tmp_path / "link" / "0001.png"
    elif spelling == "hard link":
        other = tmp_path / "hard.png"
        os.link(given, other)
    for read, written in ((given, other), (other, given)):
        assert "would write over what is read" in refusal(file(written), read, overwrite=overwrite)


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_that_is_read_or_holds_what_is_read_is_never_replaced(
    drawings: Path, tmp_path: Path, overwrite: bool
) -> None:
    reported = "would write over what is read"
    assert reported in refusal(frames(drawings), drawings / "0001.png", overwrite=overwrite)
    assert reported in refusal(frames(drawings), drawings, overwrite=overwrite)
    assert reported in refusal(file(drawings / "0003.png"), drawings, overwrite=overwrite)
    # Through links: to the drawings from elsewhere, and among the drawings to elsewhere.
    (tmp_path / "key.png").symlink_to(drawings / "0001.png")
    assert reported in refusal(frames(drawings), tmp_path / "key.png", overwrite=overwrite)
    (tmp_path / "real.png").write_bytes(b"drawing")
    (drawings / "0017.png").symlink_to(tmp_path / "real.png")
    assert reported in refusal(frames(drawings), drawings / "0017.png", overwrite=overwrite)
    (tmp_path / "way").symlink_to(tmp_path, target_is_directory=True)
    assert reported in refusal(frames(tmp_path / "way" / "F"), drawings / "0001.png")


def test_places_next_to_what_is_read_are_free(drawings: Path, tmp_path: Path) -> None:
    read = f"{drawings}/../key.png"
    Path(read).write_bytes(b"drawing")
    (drawings / "empty").mkdir()
    check_places([file(drawings / "new.mp4"), frames(drawings / "empty")], [drawings])
    check_places([frames(tmp_path / "new"), file(tmp_path / "new.mp4")], [drawings, read])
    # '..' is followed, not taken by its letters: this picture does not lie in F.
    (drawings / "empty").rmdir()
    check_places([frames(drawings)], [read], overwrite=True)


def test_two_results_need_two_places(tmp_path: Path) -> None:
    sheet = Place(option="--sheet", at=tmp_path / "x.png")
    reported = "-o '{0}' and --sheet '{0}' name the same place".format(tmp_path / "x.png")
    assert reported in refusal([file(tmp_path / "x.png"), sheet])
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)
    assert "the same place" in refusal([file(tmp_path / "link" / "x.png"), sheet])
    # Some file systems take these for one name.
    assert "the same place" in refusal([file(tmp_path / "X.PNG"), sheet])
    assert "within the other" in refusal([frames(tmp_path / "out"), file(tmp_path / "out/a.mp4")])
    check_places([frames(tmp_path / "out"), file(tmp_path / "out.mp4"), sheet])


@pytest.mark.parametrize("overwrite", [False, True])
def test_links_are_not_replaced(drawings: Path, tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "clip.mp4").symlink_to(drawings / "0001.png")
    (tmp_path / "nowhere.mp4").symlink_to(tmp_path / "missing.mp4")
    (tmp_path / "out").symlink_to(drawings, target_is_directory=True)
    for place in (file(tmp_path / "clip.mp4"), file(tmp_path / "nowhere.mp4"),
                  frames(tmp_path / "out")):  # fmt: skip
        assert "is a link, which would be replaced" in refusal(place, overwrite=overwrite)
    check_places([folder(tmp_path / "out")])


@pytest.mark.parametrize("name", ["-", "", "a\0.png"])
@pytest.mark.parametrize("kind", ["file", "frames", "folder"])
def test_the_standard_output_nothing_and_nul_are_no_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, kind: str
) -> None:
    monkeypatch.chdir(tmp_path)
    place = Place(option="-o", at=name, kind=kind)  # pyright: ignore[reportArgumentType]
    assert "is no name" in refusal(place)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["file", "frames", "folder"])
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("http://example.org/clip.mp4", "is an address"),
        ("s3://bucket/frames", "is an address"),
        (Path("file:///tmp/clip.mp4"), "is an address"),
        (".mp4", "is an ending without a name before it. Name the result, as in 'result.mp4'"),
        ("deep/.PNG", "is an ending without a name"),
        (".safetensors", "is an ending without a name"),
    ],
)
def test_addresses_and_endings_alone_are_no_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str | Path, says: str, kind: str
) -> None:
    monkeypatch.chdir(tmp_path)
    place = Place(option="-o", at=name, kind=kind)  # pyright: ignore[reportArgumentType]
    assert says in refusal(place) and not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", [".cache", "walk:3/a.mp4", "C:/a.mp4", ".hidden.mp4", "a.b.mp4"])
def test_names_that_only_look_like_addresses_or_endings_are_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    check_places([Place(option="-o", at=name)])


def test_what_is_there_must_be_of_the_kind_that_is_written(drawings: Path, tmp_path: Path) -> None:
    assert "exists. Choose another name, or add --overwrite" in refusal(file(drawings / "0001.png"))
    check_places([file(drawings / "0001.png")], overwrite=True)
    assert "is a folder. Name a file" in refusal(file(drawings), overwrite=True)
    assert "is a file; name a folder" in refusal(frames(drawings / "0001.png"), overwrite=True)
    assert "is a file. Name a folder" in refusal(folder(drawings / "0001.png"), overwrite=True)
    if hasattr(os, "mkfifo"):  # Windows has no pipes with names
        os.mkfifo(tmp_path / "pipe.mp4")
        assert "is no ordinary file" in refusal(file(tmp_path / "pipe.mp4"), overwrite=True)


def test_results_are_added_to_a_folder_unless_that_has_such_files_of_its_own(
    tmp_path: Path,
) -> None:
    place = folder(
        tmp_path, names=("report.md", "table*.csv"), marks=("results.json",), can_overwrite=False
    )
    (tmp_path / "notes.txt").write_text("mine")
    check_places([place])
    (tmp_path / "table of guests.csv").write_text("mine")
    reported = refusal(place)
    assert "has a 'table of guests.csv' of its own. Choose another name." in reported
    (tmp_path / "results.json").write_text("{}")
    check_places([place])
    assert "what is read" in refusal(place, tmp_path / "table of guests.csv")
    assert "what is read" in refusal(place, tmp_path)
    check_places([place], [tmp_path / "notes.txt"])


@pytest.mark.parametrize("kind", ["file", "frames", "folder"])
def test_a_place_that_cannot_be_written_is_reported_before_anything_is_made(
    drawings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    def place(path: Path) -> Place:
        return Place(option="-o", at=path, kind=kind)  # pyright: ignore[reportArgumentType]

    before = sorted(tmp_path.rglob("*"))
    check_places([place(tmp_path / "deep" / "er" / "out")])
    reported = refusal(place(drawings / "0001.png" / "deep" / "out"))
    assert f"'{drawings / '0001.png'}' is no folder" in reported
    assert "cannot be written" in refusal(place(tmp_path / ("n" * 300)))

    def refuse(path: Path, mode: str = "r") -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert "cannot be written: Permission denied" in refusal(place(tmp_path / "out"))
    assert sorted(tmp_path.rglob("*")) == before


def test_a_place_is_checked_while_another_thread_looks_for_abandoned_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlink = Path.unlink

    def unlink_after_a_look(path: Path, missing_ok: bool = False) -> None:
        monkeypatch.setattr(Path, "unlink", unlink)
        remove_abandoned(tmp_path)
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink_after_a_look)
    check_places([Place(option="-o", at=tmp_path / "a.mp4")])
    assert not list(tmp_path.iterdir())
