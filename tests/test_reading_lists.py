"""LightGCN's lists: a user and then its items, or a count and then the items."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convncf.data.reading.api import read
from convncf.data.reading.options import ReadOptions
from convncf.errors import ReadError
from tests.written import dropped, parts, rows, said, write


def test_a_pair_of_files_is_a_ready_split(tmp_path: Path) -> None:
    write(tmp_path, {"train.txt": "10 0\n11 1\n12 2\n13 3\n", "test.txt": "10 1\n11 0\n12 0\n13 0\n"})
    result = read(tmp_path / "train.txt")
    assert parts(result) == {
        "training": [("10", "0"), ("11", "1"), ("12", "2"), ("13", "3")],
        "test": [("10", "1"), ("11", "0"), ("12", "0"), ("13", "0")],
    }
    assert result.report.split == {"training": 4, "validation": 0, "test": 4}
    assert "read with test.txt" in said(result)
    assert parts(read([tmp_path / "test.txt", tmp_path / "train.txt"])) == parts(result)
    alone = read(tmp_path / "train.txt", ReadOptions(companions=False))
    assert (alone.part, len(alone.interactions)) == (None, 4)


def test_every_line_is_accounted_for(tmp_path: Path) -> None:
    (path,) = write(tmp_path, {"own.txt": "0 5 6 7\n1\n\n2 5 \n3 6 6 8\n"})
    result = read(path)
    assert rows(result) == [("0", "5"), ("0", "6"), ("0", "7"), ("2", "5"), ("3", "6"), ("3", "8")]
    (account,) = result.report.files
    assert (account.lines, account.blank, account.records, account.rows) == (5, 1, 4, 7)
    assert result.report.exact_duplicates == 1
    assert "(the first: line 2)" in said(result)
    assert "a user and" in said(result)


def test_lines_of_three_beside_lines_that_differ_are_lists_too(tmp_path: Path) -> None:
    paths = write(tmp_path, {"x_train.txt": "0 5 6 7\n1 5\n", "x_test.txt": "0 8 9\n1 8 9\n"})
    assert parts(read(paths))["test"] == [("0", "8"), ("0", "9"), ("1", "8"), ("1", "9")]


def test_lists_with_a_count_name_users_by_their_place(tmp_path: Path) -> None:
    (path,) = write(tmp_path, {"users.lists": "2 5 6\n1 7\n0\n3 5 6 8\n"})
    result = read(path)
    assert rows(result) == [("0", "5"), ("0", "6"), ("1", "7"), ("3", "5"), ("3", "6"), ("3", "8")]
    assert "0, 1, 2 …" in said(result)
    assert "a count and" in said(result)
    as_users = read(path, ReadOptions(format="adjacency"))
    assert rows(as_users)[:3] == [("2", "5"), ("2", "6"), ("1", "7")]


def test_a_wrong_count_is_a_row_left_out(tmp_path: Path) -> None:
    (path,) = write(tmp_path, {"own.txt": "2 5 6\n3 7 8\n1 5\n"})
    result = read(path, ReadOptions(format="counted-adjacency"))
    assert rows(result) == [("0", "5"), ("0", "6"), ("2", "5")]
    assert dropped(result) == {"the count is not that of the items": (1, (2,))}


def test_words_among_numbers_are_left_out_unless_lists_are_asked_for(tmp_path: Path) -> None:
    lines = "".join(f"{user} 1 2{' 3' if user % 2 else ''}\n" for user in range(2500))
    (path,) = write(tmp_path, {"own.txt": f"{lines}2500 7 x\n"})
    assert dropped(read(path)) == {"not whole numbers, as in the other lists": (1, (2501,))}
    assert ("2500", "x") in rows(read(path, ReadOptions(format="adjacency")))


def test_lists_of_words_are_asked_for(tmp_path: Path) -> None:
    (path,) = write(tmp_path, {"train.txt": "ann a b\nbob a\neve c d e\n"})
    with pytest.raises(ReadError, match=r"line 1: .* 2 to 4 .*--format adjacency"):
        read(path)
    assert len(read(path, ReadOptions(format="adjacency")).interactions) == 6


def test_prose_is_no_list(tmp_path: Path) -> None:
    (path,) = write(tmp_path, {"own.txt": "once upon a time\nthere was\na file\n"})
    with pytest.raises(ReadError, match=r"own\.txt, line 1"):
        read(path)


@given(
    lists=st.dictionaries(
        st.integers(0, 10**12), st.lists(st.integers(0, 99), unique=True, max_size=6), min_size=1, max_size=8
    ).filter(lambda lists: any(lists.values())),
    end=st.sampled_from(["\n", "\r\n", " \n", "\n\n"]),
    gz=st.booleans(),
)
def test_lists_come_back(tmp_path: Path, lists: dict[int, list[int]], end: str, gz: bool) -> None:
    import gzip

    text = "".join(" ".join(map(str, (user, *items))) + end for user, items in lists.items()).encode()
    (path,) = write(tmp_path, {"train.txt.gz" if gz else "train.txt": gzip.compress(text) if gz else text})
    result = read(path, ReadOptions(format="adjacency", companions=False))
    assert rows(result) == [(str(user), str(item)) for user, items in lists.items() for item in items]
    assert result.report.files[0].lines == text.count(b"\n")
