"""The command ``cuts``: all cuts of a folder are checked, drawn, written, and continued."""

import json
from pathlib import Path
from typing import Any

import pytest

from support.command_line import failure
from support.episodes import QUICK, drawings_in, episode, write_episode
from tooncrafter_core.cli import cuts as command
from tooncrafter_core.cli import main
from tooncrafter_core.jobs.runner import run_here

NAMES = ("sc1/c1", "sc1/c10", "sc1/c2")


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a process for each worker: these take seconds to start."""
    monkeypatch.setattr(command, "_runner", lambda *_: run_here)


def journal(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "journal.jsonl").read_text().splitlines()]


def events(out: Path) -> list[tuple[str, str, int]]:
    return [(row["event"], row.get("cut", ""), row.get("segment", 0)) for row in journal(out)]


def test_an_episode_gives_what_each_cut_gives_and_nothing_is_done_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cuts, out = write_episode(tmp_path, NAMES), tmp_path / "out"
    assert main(episode(cuts, out, "--workers", "2")) == 0
    said = capsys.readouterr().out
    assert "3 cuts of 30 frames: 6 segments, 0 drawn already, 6 to draw." in said
    assert "6 segments drawn, 3 cuts written." in said
    drawn = [row for row in journal(out) if row["event"] == "drawn"]
    assert {(row["cut"], row["segment"]) for row in drawn} == {
        (name, segment) for name in NAMES for segment in (1, 2)
    }
    assert {row["worker"] for row in drawn} == {"1", "2"}
    alone = tmp_path / "alone"
    for name in NAMES:
        words = ["cut", str(cuts / f"{name}.yaml"), "-o", str(alone / name), "--checkpoint",
                 str(tmp_path / "tiny.safetensors"), *QUICK]  # fmt: skip
        assert main(words) == 0
    assert drawings_in(out) == drawings_in(alone)
    before = len(journal(out))
    assert main(episode(cuts, out, "--workers", "1")) == 0
    assert [row["event"] for row in journal(out)[before:]] == ["began"]


@pytest.mark.usefixtures("in_this_process")
def test_what_changes_is_drawn_and_written_again_and_nothing_else(tmp_path: Path) -> None:
    cuts, out = write_episode(tmp_path, NAMES), tmp_path / "out"
    assert main(episode(cuts, out, "--stop-after", "3")) == 0
    assert sum(event == "drawn" for event, _, _ in events(out)) == 3
    assert ("written", "sc1/c1", 0) in events(out) and ("written", "sc1/c2", 0) not in events(out)
    before = len(events(out))
    assert main(episode(cuts, out)) == 0
    later = events(out)[before:]
    assert sum(event == "drawn" for event, _, _ in later) == 3
    assert {cut for event, cut, _ in later if event == "written"} == {"sc1/c10", "sc1/c2"}
    file = cuts / "sc1/c2.yaml"
    file.write_text(file.read_text() + "segments: {2: {seed: 9}}\n")
    before = len(events(out))
    assert main(episode(cuts, out)) == 0
    assert events(out)[before + 1 :] == [("drawn", "sc1/c2", 2), ("written", "sc1/c2", 0)]
    # Other timing: nothing is drawn, the film is another.
    file.write_text(file.read_text().replace("on: 2", "on: 1"))
    before = len(events(out))
    assert main(episode(cuts, out)) == 0
    assert [event for event, _, _ in events(out)[before:]] == ["began", "written"]


@pytest.mark.usefixtures("in_this_process")
def test_all_faults_are_said_before_anything_is_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cuts, out = write_episode(tmp_path, (*NAMES, "sc2/lost", "sc2/wrong", "sc2/broken")), "out"
    out = tmp_path / "out"
    (cuts / "sc2/lost/A2.png").write_text("no picture")
    (cuts / "sc2/wrong.yaml").write_text("keys: wrong\nframs: [1, 5, 9]\n")
    (cuts / "sc2/broken.yaml").write_text("keys: [")
    assert main(episode(cuts, out)) == 2
    said = capsys.readouterr()
    for text in ("A2.png", "did you mean 'frames'", "is no YAML that can be read"):
        assert text in said.out
    assert "3 cuts of 6 cannot be drawn as they are, and nothing was drawn" in said.err
    assert not out.exists()
    assert main(episode(cuts, out, "--dry-run")) == 2
    assert not out.exists()
    assert main(episode(cuts, out, "--skip-faulty")) == 2
    assert sum(event == "drawn" for event, _, _ in events(out)) == 6
    page = (out / "report.html").read_text("utf-8")
    assert page.count('<article class="failed">') == 3
    assert page.index("sc2/broken") < page.index("sc1/c1")
    # Mended, they are drawn, and no longer in the list of faults.
    (cuts / "sc2/wrong.yaml").write_text("keys: wrong\nframes: [1, 5, 9]\n")
    for name in ("lost", "broken"):
        (cuts / f"sc2/{name}.yaml").unlink()
    assert main(episode(cuts, out)) == 0
    assert '<article class="failed">' not in (out / "report.html").read_text("utf-8")


def test_folders_and_numbers_that_cannot_be_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cuts, out = write_episode(tmp_path, ("a",)), tmp_path / "out"
    assert "There is no folder" in failure(capsys, episode(cuts / "none", out))
    (tmp_path / "empty").mkdir()
    assert "holds no cut file" in failure(capsys, episode(tmp_path / "empty", out))
    assert "--workers is 1 to 256" in failure(capsys, episode(cuts, out, "--workers", "0"))
    assert "--stop-after is 1 or more" in failure(capsys, episode(cuts, out, "--stop-after", "0"))
    (cuts / "a.yml").write_text("keys: a\n")
    assert "one folder" in failure(capsys, episode(cuts, out))
    (cuts / "a.yml").unlink()
    (cuts / "a/b.yaml").write_text("keys: a\n")
    assert "would lie within those of 'a'" in failure(capsys, episode(cuts, out))
    (cuts / "a/b.yaml").unlink()
    out.mkdir()
    (out / "report.html").write_text("mine")
    assert "report.html" in failure(capsys, episode(cuts, out))
    assert (out / "report.html").read_text() == "mine"


@pytest.mark.usefixtures("in_this_process")
def test_candidates_are_drawn_ranked_and_shown(tmp_path: Path) -> None:
    cuts, out = write_episode(tmp_path, ("a",)), tmp_path / "out"
    assert main(episode(cuts, out, "--candidates", "2")) == 0
    assert len(list(out.glob("a/segments/*/clip.json"))) == 4
    assert "of 2" in (out / "report.html").read_text("utf-8")
    before = len(events(out))
    assert main(episode(cuts, out, "--candidates", "3")) == 0
    assert len(list(out.glob("a/segments/*/clip.json"))) == 6
    assert [event for event, _, _ in events(out)[before:]] == ["began", "drawn", "drawn", "written"]
