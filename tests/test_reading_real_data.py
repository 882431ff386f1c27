"""The real datasets of shared/data, with no option but the file; skipped where the folder is absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from convncf.data.reading.api import ReadResult, read

BESIDE_THE_CLONE = Path(__file__).resolve().parents[2] / "shared" / "data"
FOLDER = Path(os.environ.get("CONVNCF_SHARED_DATA", BESIDE_THE_CLONE))
pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(not FOLDER.is_dir(), reason=f"{FOLDER} is absent (CONVNCF_SHARED_DATA names another place)"),
]


def sizes(result: ReadResult) -> tuple[int, int, int]:
    data = result.interactions
    return data.n_users, data.n_items, len(data)


def test_ml_100k_recbole() -> None:
    result = read(FOLDER / "ml-100k" / "ml-100k.inter")
    assert sizes(result) == (943, 1682, 100_000)
    assert result.items.n_titled == 1682
    assert result.items.label(result.interactions.items.index("1")) == "Toy Story (1995)"
    assert result.items.genres[result.interactions.items.index("1")] == ("Animation", "Children's", "Comedy")
    assert result.report.n_dropped == result.report.merged == 0


def test_ml_1m_triple() -> None:
    result = read(FOLDER / "ml-1m" / "ml-1m.train.rating")
    assert sizes(result) == (6040, 3706, 1_000_209)
    assert result.report.split == {"training": 994_169, "validation": 0, "test": 6040}
    assert result.items.n_titled == 3661
    found = result.report.candidates
    assert found is not None
    assert (found.sets, found.smallest, found.largest, found.answer_copies) == (6040, 99, 99, 156)
    assert result.interactions.timestamp is None


def test_movietweetings() -> None:
    result = read(FOLDER / "movietweetings" / "ratings.dat")
    assert sizes(result) == (21_081, 12_611, 141_695)
    assert result.items.n_titled == 12_611
    assert "0054890" in result.interactions.items
    assert result.report.time is not None
    assert (result.report.time.first, result.report.time.last) == ("2013-02-28", "2013-11-06")


@pytest.mark.parametrize("given", ["gowalla/train.txt", "gowalla"])
def test_gowalla_lists(given: str) -> None:
    result = read(FOLDER / given)
    assert sizes(result) == (29_858, 40_981, 1_027_370)
    assert result.report.split == {"training": 810_128, "validation": 0, "test": 217_242}
    assert result.report.warnings == ()
