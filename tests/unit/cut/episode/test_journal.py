"""The journal of an episode: added to line by line, and read with what a kill has left."""

from pathlib import Path

from tooncrafter_core.cut.episode.journal import JOURNAL, Journal, states_of


def test_a_line_that_was_cut_short_counts_as_absent_and_does_not_spoil_the_next(
    tmp_path: Path,
) -> None:
    journal = Journal(tmp_path)
    assert journal.rows() == []
    journal.add("drawn", "a", segment=1, seconds=2.5)
    with (tmp_path / JOURNAL).open("a") as file:
        file.write('{"event": "drawn", "cut": "a", "segm')
    journal.add("written", "a", fingerprint="f")
    assert [row["event"] for row in journal.rows()] == ["drawn", "written"]
    state = journal.states()["a"]
    assert state.seconds == {1: 2.5} and state.fingerprint == "f" and not state.errors


def test_a_fault_lasts_until_what_it_was_about_is_done() -> None:
    rows = [
        {"event": "failed", "cut": "a", "segment": 2, "error": "no memory"},
        {"event": "faulty", "cut": "a", "error": "no key"},
        {"event": "drawn", "cut": "a", "segment": 2, "seconds": 1},
    ]
    assert states_of(rows)["a"].errors == {0: "no key"}
    written = {"event": "written", "cut": "a", "fingerprint": "f"}
    assert states_of([*rows, written])["a"].errors == {}


def test_lines_of_another_kind_are_passed_over() -> None:
    rows: list[dict[str, object]] = [
        {}, {"cut": 3}, {"cut": "a", "segment": "1"},
        {"event": "drawn", "cut": "b", "seconds": "x"}, {"event": "began"},
    ]  # fmt: skip
    states = states_of(rows)
    assert list(states) == ["b"] and states["b"].seconds == {}
