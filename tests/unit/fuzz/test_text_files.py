"""Malformed text files end in values or in a sentence."""

from pathlib import Path

import pytest

from support.fuzzing import count_outcomes
from support.text_mutators import texts


def test_malformed_texts_end_in_values_or_a_sentence(tmp_path: Path) -> None:
    counts = count_outcomes(texts(tmp_path, 160))
    refused = counts.total() - counts["read"]
    assert counts["read"] > 8 and refused > 40


@pytest.mark.fuzz
def test_a_thousand_malformed_texts(tmp_path: Path) -> None:
    counts = count_outcomes(texts(tmp_path, 1000))
    assert counts["read"] > 50 and counts["SheetError"] > 100
