"""What lies or is named beside the data must not spoil it: titles without titles, documents, candidates alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from convncf.data.reading.api import read
from convncf.data.reading.options import ReadOptions
from convncf.errors import ReadError
from tests.written import rows, said, titles, write

INTER = "user_id:token\titem_id:token\trating:float\nu1\ti1\t5\nu1\ti2\t4\nu2\ti1\t3\n"
PAIRS = [("u1", "i1", 5.0), ("u1", "i2", 4.0), ("u2", "i1", 3.0)]


@pytest.mark.parametrize("named", [False, True])
def test_case_26_items_without_titles_show_their_ids_and_keep_what_else_is_known(tmp_path: Path, named: bool) -> None:
    item = "item_id:token\tprice:float\tclass:token_seq\ni1\t—\tDrama War\ni2\t3.5\tWar\n"
    data, items = write(tmp_path, {"x.inter": INTER, "x.item": item})
    result = read([data, items] if named else data)
    assert rows(result) == PAIRS
    assert titles(result) == {"i1": "", "i2": ""}
    assert [result.items.label(item) for item in (0, 1)] == ["i1", "i2"]
    assert result.items.genres == (("Drama", "War"), ("War",))
    assert result.report.warnings == ()
    words = said(result)
    assert "0 of 2 items have one in x.item." in words
    assert "--title-column NAME" in words
    assert "not used: 'price:float'" in words


def test_case_26_titles_that_were_asked_for_and_are_none_are_refused(tmp_path: Path) -> None:
    data, items = write(tmp_path, {"x.inter": INTER, "y.item": "item_id:token\tprice:float\ni1\t3\n"})
    with pytest.raises(ReadError, match=r"y\.item, line 1: .*'item_id:token', 'price:float'"):
        read(data, ReadOptions(titles=items))
    assert titles(read(data, ReadOptions(titles=items, columns={"title": "price:float"}))) == {"i1": "3", "i2": ""}


@pytest.mark.parametrize("item", [b"\0\0\0", b"", b"title:token\tprice:float\nHeat\t3\n"])
def test_case_26_titles_that_only_lie_beside_the_data_cannot_stop_it(tmp_path: Path, item: bytes) -> None:
    data, items = write(tmp_path, {"x.inter": INTER, "x.item": item})
    result = read(data)
    assert rows(result) == PAIRS
    (warning,) = result.report.warnings
    assert warning.startswith("no titles ")
    assert str(items) in warning
    with pytest.raises(ReadError):
        read([data, items])


def test_case_26_a_dash_in_a_column_that_is_not_used_costs_nothing(tmp_path: Path) -> None:
    (path,) = write(tmp_path, {"x.csv": "user,item,price,city\nu1,i1,—,Ulm\nu1,i2,3.5,\n"})
    result = read(path)
    assert rows(result) == [("u1", "i1"), ("u1", "i2")]
    assert result.report.files[0].unused == ("price", "city")
    assert said(result).endswith("not used: 'price', 'city'.")


def test_columns_without_names_that_are_not_used_are_named_by_number(tmp_path: Path) -> None:
    flags = "|".join("01" * 9) + "|0"
    u_data, _ = write(
        tmp_path, {"u.data": "1\t1\t5\t881250949\tx\n", "u.item": f"1|Heat (1995)|01-Jan-1995||http://x|{flags}\n"}
    )
    data, items = read(u_data).report.files
    assert (data.unused, items.unused) == (("5",), ("4", "5"))


def test_a_column_that_one_file_lacks_is_not_used(tmp_path: Path) -> None:
    train, test = write(tmp_path, {"x.train.csv": "user,item,rating\na,x,5\nb,y,3\n", "x.test.csv": "user,item\na,y\n"})
    assert [file.unused for file in read([train, test]).report.files] == [("rating",), ()]


def test_documents_named_beside_data_are_left_out_as_in_a_folder(tmp_path: Path) -> None:
    paths = write(
        tmp_path,
        {"LICENSE": "MIT licence\nof this\n", "README.md": "# Read me, please\nnow\n", "x.csv": "user,item\na,x\n"},
    )
    result = read(paths)
    assert rows(result) == [("a", "x")]
    assert "LICENSE (a document); README.md" in said(result)
    with pytest.raises(ReadError):
        read(paths[0])


@pytest.mark.parametrize("name", ["x.test.negative", "odd.txt"])
def test_candidates_alone_are_recognised_and_refused_with_what_they_belong_to(tmp_path: Path, name: str) -> None:
    (path,) = write(tmp_path, {name: "(0,5)\t5\t5\t7\t7\t8\n(1,4)\t2\t3\n"})
    with pytest.raises(ReadError) as refusal:
        read(path)
    stem = name.split(".")[0]
    assert str(refusal.value).startswith(f"{path} holds candidate sets")
    assert f"{stem}.train.rating and {stem}.test.rating" in str(refusal.value)


def test_candidates_beside_their_triple_say_which_file_to_give(tmp_path: Path) -> None:
    train, *_, negative = write(
        tmp_path, {"x.train.rating": "0\t1\t1\n", "x.test.rating": "0\t5\t1\n", "x.test.negative": "(0,5)\t7\n"}
    )
    with pytest.raises(ReadError) as refusal:
        read(negative)
    assert str(refusal.value).partition("Give ")[2].startswith(f"{train}: ")
    assert read(train).candidates is not None


@pytest.mark.parametrize("name", ["x.test.negative", "odd.txt"])
def test_candidates_of_any_name_are_read_with_what_they_belong_to(tmp_path: Path, name: str) -> None:
    paths = write(tmp_path, {"x.train.rating": "0\t1\t1\n", "x.test.rating": "0\t5\t1\n", name: "(0,5)\t7\n"})
    candidates = read(paths).candidates
    assert candidates is not None
    assert len(candidates) == 1


def test_case_25_data_of_words_alone_is_told_from_a_header_by_an_option_that_the_refusal_names(tmp_path: Path) -> None:
    (path,) = write(tmp_path, {"x.csv": "alice,apple\nbob,pear\nbob,apple\n"})
    with pytest.raises(ReadError, match=r"'alice', 'apple'.* --no-header\.$"):
        read(path)
    assert rows(read(path, ReadOptions(header=False)))[0] == ("alice", "apple")
