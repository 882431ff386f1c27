"""What a dataset holds, in numbers: one rule says of which ratings, if any, few stars are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from convncf.data.catalogue import as_dataset
from convncf.data.reading.api import read
from convncf.data.statistics import DatasetStatistics, dataset_statistics
from tests.wording import values_in
from tests.written import said, write


def facts(folder: Path, header: str, ratings: str) -> DatasetStatistics:
    body = "".join(f"u{n % 3},i{n},{rating}\n" for n, rating in enumerate(ratings.split()))
    (path,) = write(folder, {"x.csv": f"user,item,{header}\n{body}"})
    result = read(path)
    assert "rated" not in said(result), "told once, and not by reading"
    return dataset_statistics(as_dataset("x", result))


@pytest.mark.parametrize(
    ("header", "ratings", "told"),
    [
        ("rating", "5 1 4 2 5 5", ["33.3", "2", "5"]),
        ("rating", "5 0.5 4 4", ["25.0", "2", "5"]),
        ("stars", "10 4 5 9 0", ["20.0", "4", "10"]),
        ("rating", "1 " + "5 " * 2400, ["0.1", "2", "5"]),
        ("rating", "5 3 4", []),
        ("rating", "5 5 5", []),
        ("rating", "1 1 1", []),
        ("rating", "5 1 1.3", []),
        ("rating", "7 1 2", []),
        ("rating", "1 2 5000", []),
        ("quantity", "5 1 2", []),
        ("plays", "10 1 2", []),
    ],
)
def test_case_15_the_share_of_low_ratings_is_told_where_they_are_stars(
    tmp_path: Path, header: str, ratings: str, told: list[str]
) -> None:
    found = facts(tmp_path, header, ratings)
    assert found.ratings is not None
    assert (found.ratings.share_low or None) is (None if not told else found.ratings.share_low)
    stars = [hint for hint in found.hints if "rated" in hint]
    assert [values_in(hint)[:3] for hint in stars] == ([told] if told else [])
    assert all("--set data.min_rating=" in hint for hint in stars)


@pytest.mark.parametrize("header", ["quantity", "Play Count", "count"])
def test_case_15_counts_are_presence_and_a_return_is_told(tmp_path: Path, header: str) -> None:
    found = facts(tmp_path, header, "1 5 -1 2")
    count, negative = found.hints
    assert (repr(header) in count, "data.min_rating" in count) == (True, True)
    assert negative.startswith("1 positive ")


def test_nothing_is_told_of_ratings_that_were_not_read(tmp_path: Path) -> None:
    train, test = write(
        tmp_path, {"x.train.rating": "0\t1\t1\n0\t2\t1\n1\t1\t1\n", "x.test.rating": "0\t3\t5\n1\t2\t2\n"}
    )
    result = read([train, test])
    assert any(note.startswith("ratings not read") for note in result.report.notes)
    assert [file.columns.get("rating") for file in result.report.files] == [None, None]
    found = dataset_statistics(as_dataset("x", result))
    assert (found.ratings, found.hints) == (None, ())
