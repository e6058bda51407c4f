"""Means, spreads, duels and verdicts on numbers worked out by hand."""

import csv
import io

import pytest

from tooncrafter_core.evaluation.results import MetricInfo
from tooncrafter_core.experiments.decoder_ablation import sag
from tooncrafter_core.experiments.spread import deviation, duel, order, verdict
from tooncrafter_core.experiments.tables import SeedTable, duels_in_markdown

LPIPS = MetricInfo(key="lpips", title="LPIPS", is_higher_better=False, decimals=2, weights="none")
MEASURED = {
    "untuned": {"lpips": {None: 0.5}},
    "all": {"lpips": {0: 0.3, 1: 0.5, 2: 0.4}},
    "part": {"lpips": {0: 0.2, 1: 0.3, 2: 0.4}},
}


def test_pairs_are_of_one_seed() -> None:
    found = duel(MEASURED["part"]["lpips"], MEASURED["all"]["lpips"], is_higher_better=False)
    assert (found.wins, found.seeds) == (2, 3)
    assert found.lead == pytest.approx(0.1)
    assert found.spread == pytest.approx(0.1)
    other_way = duel(MEASURED["part"]["lpips"], MEASURED["all"]["lpips"], is_higher_better=True)
    assert other_way.wins == 0 and other_way.lead == pytest.approx(-0.1)


def test_a_row_without_seeds_meets_every_seed() -> None:
    found = duel(MEASURED["untuned"]["lpips"], MEASURED["all"]["lpips"], is_higher_better=False)
    assert (found.wins, found.seeds) == (0, 3)
    assert found.lead == pytest.approx(-0.1)
    alone = duel({None: 1.0}, {None: 3.0}, is_higher_better=False)
    assert (alone.wins, alone.seeds, alone.lead, alone.spread) == (1, 1, 2.0, None)


def test_rows_are_ordered_by_their_means_and_held_against_the_paper() -> None:
    assert order(MEASURED, LPIPS, list(MEASURED)) == ["part", "all", "untuned"]
    said = verdict(MEASURED, LPIPS, ["part", "all", "untuned"], "FVD")
    assert "is reproduced in the means alone by LPIPS" in said
    assert "part (0.30), all (0.40), untuned (0.50)" in said
    assert "part before all in 2 of 3; all before untuned in 2 of 3" in said
    sure = verdict(MEASURED, LPIPS, ["part", "untuned"], "FVD")
    assert "is reproduced, in every seed" in sure
    assert "is not reproduced by" in verdict(MEASURED, LPIPS, ["untuned", "part"], "FVD")
    best = verdict(MEASURED, LPIPS, ["part", "untuned", "all"], "FVD")
    assert "is not reproduced, but for its best row" in best


def test_tables_show_the_spread_and_every_seed() -> None:
    table = SeedTable(title="Rows", columns=[LPIPS], measured=MEASURED, notes=["48 clips."])
    lines = table.to_markdown().splitlines()
    assert "| untuned | 0.50 |" in lines
    assert "| all | 0.40 ± 0.10 |" in lines
    assert "| part | **0.30 ± 0.10** |" in lines
    assert "| all | 0.30, 0.50, 0.40 |" in lines
    written = list(csv.reader(io.StringIO(table.to_csv())))
    assert written[0] == ["row", "quantity", "mean", "deviation", "by seed"]
    assert written[2] == ["all", "LPIPS", "0.4", "0.1", "0: 0.3; 1: 0.5; 2: 0.4"]
    assert deviation(MEASURED["untuned"]["lpips"]) is None
    duels = duels_in_markdown("part", "part", MEASURED, [LPIPS])
    assert "| all | 2 of 3, +0.10 ± 0.10 |" in duels
    assert "| untuned | 3 of 3, +0.20 ± 0.10 |" in duels


def test_the_sag_is_the_ends_above_the_middle_third() -> None:
    assert sag([30.0, 1.0, 20.0, 22.0, 1.0, 34.0]) == pytest.approx(32 - 21)
