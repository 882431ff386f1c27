"""A file of pairs: how it is laid out is found out, an item goes by id or whole title, and what is unknown is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from convncf.data.items import ItemTable
from convncf.data.reading.options import ReadOptions
from convncf.data.reading.pairs import NameIndex, PairRow, read_pairs, unscored_rows
from convncf.data.vocabulary import Vocabulary
from convncf.errors import ReadError
from tests.wording import values_in

ITEMS = ItemTable(
    Vocabulary("item", ("1", "2", "3", "4", "Heat")),
    ("Hamlet", "Hamlet", "Amélie", "", "Cold, the"),
    (1990, 2000, 2001, None, None),
    ((),) * 5,
)
NAMES = NameIndex(Vocabulary("user", ("u1", "u2")), ITEMS)


@pytest.mark.parametrize(
    "text",
    [
        "user,item\nu1,1\nu9,x y\n",
        "user;item\r\nu1;1\r\nu9;x y\r\n",
        "item\tuser\n1\tu1\nx y\tu9\n",
        "user_id,movieId,rating\nu1,1,5\nu9,x y,3\n",
        '\ufeffuser,title\n"u1","1"\n"u9","x y"\n',
    ],
)
def test_delimiter_header_and_columns_are_found_out(tmp_path: Path, text: str) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text(text, encoding="utf-8", newline="")
    assert read_pairs(path).rows == (PairRow(2, "u1", "1"), PairRow(3, "u9", "x y"))


def test_without_a_header_the_first_two_columns_are_user_and_item(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("15,1\n15,2\n", encoding="utf-8")
    found = read_pairs(path)
    assert found.rows == (PairRow(1, "15", "1"), PairRow(2, "15", "2"))
    assert values_in(found.description) == ["'1'", "'2'"]


def test_columns_may_be_named(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("who,what,item\nu1,7,1\n", encoding="utf-8")
    options = ReadOptions(columns={"user_id": "who", "item_id": "what"})
    assert read_pairs(path, options).rows == (PairRow(2, "u1", "7"),)
    with pytest.raises(ReadError, match=r"line 1: .*'who', 'what', 'item'.*--user-column"):
        read_pairs(path)


def test_a_line_of_another_width_is_counted_and_named_and_blank_lines_keep_the_numbers(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("user,item\nu1,1\n\nu1,1,2\nu2,3\n", encoding="utf-8")
    found = read_pairs(path)
    assert [row.line for row in found.rows] == [2, 5]
    assert [values_in(str(dropped))[-2:] for dropped in found.dropped] == [["2", "4"]]


def test_no_item_column_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("user,colour\nu1,red\n", encoding="utf-8")
    with pytest.raises(ReadError, match=r"among 'user', 'colour'"):
        read_pairs(path)


@pytest.mark.parametrize(
    ("text", "index"),
    [("1", 0), (" 2 ", 1), ("Amelie", 2), ("AMÉLIE (2001)", 2), ("hamlet (2000)", 1), ("Heat", 4), ("cold, the", 4)],
)
def test_an_item_goes_by_its_id_else_by_its_whole_title(text: str, index: int) -> None:
    met, reasons = NAMES.match(PairRow(1, "u1", text))
    assert (met.item, met.note, reasons) == (index, "", ())


def test_what_is_unknown_is_named_and_counted_by_reason() -> None:
    rows = [("u9", "1"), ("u1", "Hamlet"), ("u1", "Ham"), ("u9", ""), ("u8", "1"), ("u1", "1")]
    met = [NAMES.match(PairRow(line, *row)) for line, row in enumerate(rows, start=2)]
    assert [values_in(each.note) for each, _ in met] == [
        ["'u9'"], ["2", "'Hamlet'", "'1'", "'2'"], ["'Ham'"], ["'u9'"], ["'u8'"], []
    ]  # fmt: skip
    assert "no item" in met[3][0].note
    assert [values_in(str(reason)) for reason in unscored_rows(met)] == [
        ["3", "2", "5", "6"], ["1", "3"], ["1", "4"], ["1", "5"]
    ]  # fmt: skip
