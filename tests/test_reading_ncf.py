"""The NCF triple: a predefined split with stored candidate sets, published faults counted; ids that do not meet."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from convncf.data import catalogue
from convncf.data.reading.api import ReadResult, read
from convncf.data.reading.options import ReadOptions
from convncf.errors import ReadError
from tests.wording import values_in
from tests.written import parts, rows, said, write

TRAIN = "0\t7\t4\t100000001\n0\t9\t3\t100000002\n1\t5\t5\t100000003\n"
TEST = "0\t5\t4\t100000009\n1\t7\t2\t100000008\n"
NEGATIVE = "(0,5)\t5\t5\t7\t7\t8\n(1,7)\t8\t9\t11\n"
TRIPLE: dict[str, str | bytes] = {"x.train.rating": TRAIN, "x.test.rating": TEST, "x.test.negative": NEGATIVE}


def sets(result: ReadResult) -> list[tuple[str, str, list[str]]]:
    """(user, answer, negatives) of each stored set, by raw ids."""
    found, data = result.candidates, result.interactions
    assert found is not None
    return [
        (data.users.id(user), data.items.id(answer), [data.items.id(int(item)) for item in found.of(s)])
        for s, (user, answer) in enumerate(zip(found.user.tolist(), found.answer.tolist(), strict=True))
    ]


def test_the_triple_is_a_ready_split_with_its_candidates(tmp_path: Path) -> None:
    write(tmp_path, TRIPLE)
    result = read(tmp_path / "x.train.rating")
    assert parts(result) == {"training": [("0", "7"), ("0", "9"), ("1", "5")], "test": [("0", "5"), ("1", "7")]}
    assert rows(result)[3] == ("0", "5", 4.0, 100000009)
    assert sets(result) == [("0", "5", ["5", "5", "7", "7", "8"]), ("1", "7", ["8", "9", "11"])]
    assert result.interactions.items.ids == ("7", "9", "5", "8", "11")
    assert "2 items occur only" in said(result)


def test_what_is_wrong_with_published_candidates_is_counted_and_kept(tmp_path: Path) -> None:
    write(tmp_path, TRIPLE)
    result = read(tmp_path / "x.train.rating")
    found = result.report.candidates
    assert found is not None
    assert (found.sets, found.smallest, found.largest) == (2, 3, 5)
    assert (found.answer_copies, found.repeats, found.seen_in_training) == (2, 1, 1)
    (told,) = [sentence for sentence in result.report.sentences() if "x.test.negative: 2 sets" in sentence]
    assert values_in(told) == ["2", "3", "5", "2", "1", "1"]


def test_cleaned_candidates_lack_exactly_what_was_counted(tmp_path: Path) -> None:
    write(tmp_path, TRIPLE)
    result = read(tmp_path)
    assert result.candidates is not None
    assert result.part is not None
    cleaned = result.candidates.cleaned(result.interactions.matrix(result.part == 0))
    ids = result.interactions.items.ids
    assert [[ids[item] for item in cleaned.of(s)] for s in range(2)] == [["8"], ["8", "9", "11"]]
    assert len(result.candidates.negatives) == 8, "the published sets stay as they are"


def test_the_split_and_the_candidates_survive_the_catalogue(tmp_path: Path, home: Path) -> None:
    write(tmp_path, TRIPLE)
    read_now = read(tmp_path / "x.train.rating")
    catalogue.add(tmp_path / "x.train.rating", "triple", home)
    stored = catalogue.load("triple", home)
    assert read_now.part is not None
    assert stored.part is not None
    assert stored.candidates is not None
    assert read_now.candidates is not None
    assert stored.part.tolist() == read_now.part.tolist()
    assert stored.candidates.fingerprint(stored.interactions) == read_now.candidates.fingerprint(read_now.interactions)
    assert stored.interactions.items.ids == read_now.interactions.items.ids


def test_a_mark_is_no_rating_and_times_of_the_test_alone_are_not_read(tmp_path: Path) -> None:
    write(tmp_path, TRIPLE | {"x.train.rating": "0\t7\t1\n0\t9\t1\n1\t5\t1\n"})
    result = read(tmp_path)
    assert (result.interactions.rating, result.interactions.timestamp) == (None, None)
    assert "ratings not read" in said(result)
    assert "times not read: x.train.rating" in said(result)


# ---------------------------------------------------------------- ids that do not meet


def test_test_ids_that_are_decimals_are_a_loud_line_with_the_cause_and_a_fix_that_works(tmp_path: Path) -> None:
    train = "".join(f"{user}\t{item}\t1\n" for user in range(4) for item in range(4))
    test = "".join(f"{user}.0\t{10 + user}.0\t5\n" for user in range(4))
    write(tmp_path, {"x.train.rating": train + "".join(f"9\t{i}\t1\n" for i in range(10, 14)), "x.test.rating": test})
    loud = "Warning: only 0 of the 4 users held out occur in training; training has '0', '1', '2' …, the held-out part "
    loud += "'0.0', '1.0', '2.0' …; they match without leading zeros and .0: --ids number reads both so."
    result = read(tmp_path)
    assert loud in result.report.sentences()
    assert any("the 4 items" in warning for warning in result.report.warnings)
    mended = read(tmp_path, ReadOptions(ids="number"))
    assert mended.report.warnings == ()
    assert mended.interactions.n_users == 5
    assert parts(mended)["test"] == [("0", "10"), ("1", "11"), ("2", "12"), ("3", "13")]
    assert "as set: 4 rows" in said(mended)


def test_ids_that_differ_in_spelling_alone_are_kept_apart_and_told(tmp_path: Path) -> None:
    (path,) = write(tmp_path, {"own.csv": "user,item\n015,a\n15,b\n15.0,c\nx,d\n"})
    result = read(path)
    assert result.interactions.users.ids == ("015", "15", "15.0", "x")
    assert "'015' and '15'" in said(result)
    assert read(path, ReadOptions(ids="number")).interactions.users.ids == ("15", "x")


# ---------------------------------------------------------------- faults


def test_sets_that_cannot_be_used_are_counted(tmp_path: Path) -> None:
    write(tmp_path, TRIPLE | {"x.test.negative": "(0,5)\t8\nnonsense\n(1,5)\t8\n\n"})
    result = read(tmp_path)
    assert sets(result) == [("0", "5", ["8"])]
    assert all("x.test.negative" in warning for warning in result.report.warnings)
    assert [values_in(warning) for warning in result.report.warnings] == [["1", "2"], ["1", "3"], ["1"]]
    assert result.report.files[-1].lines == 4


@pytest.mark.parametrize(
    ("negative", "complaint"),
    [
        ("5\t6\t7\n", "x.test.negative, line 1: not"),
        ("\n(8,5)\t6\n", "x.test.negative, line 2: none"),
    ],
)
def test_candidates_that_fit_nothing_are_one_error(tmp_path: Path, negative: str, complaint: str) -> None:
    write(tmp_path, TRIPLE | {"x.test.negative": negative})
    with pytest.raises(ReadError, match=re.escape(complaint)):
        read(tmp_path)


def test_a_pair_in_training_and_test_stays_in_training(tmp_path: Path) -> None:
    write(tmp_path, TRIPLE | {"x.test.rating": TEST + "0\t9\t3\t100000002\n"})
    result = read(tmp_path)
    assert ("0", "9") not in parts(result)["test"]
    assert [str(drop).endswith("(line 3 of x.test.rating)") for drop in result.report.dropped] == [True]


def test_one_item_among_the_candidates_alone_is_said_in_the_singular(tmp_path: Path) -> None:
    write(tmp_path, TRIPLE | {"x.test.negative": "(0,5)\t7\t8\n(1,7)\t9\n"})
    assert "1 item occurs only" in said(read(tmp_path / "x.train.rating"))
