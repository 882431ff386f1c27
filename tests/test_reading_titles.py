"""One's own titles file beside one's own interactions: how the two meet, and what is said where they do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from convncf.data.reading.api import read
from convncf.data.reading.options import ReadOptions
from convncf.errors import ReadError
from tests.wording import values_in
from tests.written import rows, said, titles, write

FIFTY = "user,item\n" + "".join(f"u{n % 7},{n}\n" for n in range(1, 51))


def test_titles_of_ones_own(tmp_path: Path) -> None:
    ratings, names = write(
        tmp_path, {"x.csv": "user,item\n1,a\n2,b\n2,c\n", "names.tsv": 'sku\tname\nb\t Bé \na\tÀ, "1"\nz\tZ\n'}
    )
    for result in (read(ratings, ReadOptions(titles=names)), read([ratings, names]), read([names, ratings])):
        assert titles(result) == {"a": 'À, "1"', "b": " Bé ", "c": ""}
        assert result.items.label(2) == "c"
        assert ["2", "3", "1"] in [values_in(sentence) for sentence in result.report.sentences()]
        assert result.report.warnings == ()


def test_ids_padded_by_blanks_meet(tmp_path: Path) -> None:
    ratings, names = write(tmp_path, {"x.csv": "user,item\n1,a\n", "names.csv": "item,title\n a  ,Alpha\n"})
    assert titles(read(ratings, ReadOptions(titles=names))) == {"a": "Alpha"}


def test_another_numbering_is_a_loud_line_with_both_sides(tmp_path: Path) -> None:
    names = "item,title\n" + "".join(f"{1000 + n},Title {n}\n" for n in range(1, 51))
    ratings, path = write(tmp_path, {"x.csv": FIFTY, "names.csv": names})
    result = read(ratings, ReadOptions(titles=path))
    (warning,) = result.report.warnings
    assert values_in(warning) == ["0", "50", "'1'", "'2'", "'3'", "'1001'", "'1002'", "'1003'"]
    assert ("names.csv" in warning, "--titles-key" in warning) == (True, True)
    assert result.items.label(0) == "1"


def test_the_column_that_would_match_is_named_and_matches(tmp_path: Path) -> None:
    names = "item,internal,title\n" + "".join(f"{1000 + n},{n},Title {n}\n" for n in range(1, 51))
    ratings, path = write(tmp_path, {"x.csv": FIFTY, "names.csv": names})
    (warning,) = read(ratings, ReadOptions(titles=path)).report.warnings
    assert "--titles-key 'internal'" in warning
    mended = read(ratings, ReadOptions(titles=path, titles_key="internal"))
    assert (mended.items.n_titled, mended.report.warnings) == (50, ())
    assert titles(mended)["7"] == "Title 7"


@pytest.mark.parametrize(
    ("key", "cause"),
    [
        ("{n}.0", "--ids number"),
        ("{n:04}", "--ids number"),
        ("tt{n}", "letters before"),
    ],
)
def test_the_likely_cause_is_named(tmp_path: Path, key: str, cause: str) -> None:
    names = "item,title\n" + "".join(f"{key.format(n=n)},Title {n}\n" for n in range(1, 51))
    ratings, path = write(tmp_path, {"x.csv": FIFTY, "names.csv": names})
    (warning,) = read(ratings, ReadOptions(titles=path)).report.warnings
    assert cause in warning
    if "--ids" in cause:
        assert read(ratings, ReadOptions(titles=path, ids="number")).items.n_titled == 50


def test_a_partial_match_gives_the_share(tmp_path: Path) -> None:
    names = "item,title\n" + "".join(f"{n},Title {n}\n" for n in range(1, 27))
    ratings, path = write(tmp_path, {"x.csv": FIFTY, "names.csv": names})
    result = read(ratings, ReadOptions(titles=path))
    assert any("26 of 50" in sentence and "names.csv" in sentence for sentence in result.report.sentences())
    assert result.report.warnings == ()


def test_equal_titles_are_told_apart_by_id(tmp_path: Path) -> None:
    ratings, path = write(tmp_path, {"x.csv": "user,item\n1,a\n1,b\n", "n.csv": "item,title\na,Hamlet\nb,Hamlet\n"})
    items = read(ratings, ReadOptions(titles=path)).items
    assert [items.distinct_label(index) for index in range(2)] == ["Hamlet · a", "Hamlet · b"]


def test_years_and_genres(tmp_path: Path) -> None:
    names = "item;Title;Year-Of-Publication;Genres\na;A;2002;Drama, War\nb;B;0;\nc;C;n/a;Drama,Drama\n"
    ratings, path = write(tmp_path, {"x.csv": "user,item\n1,a\n1,b\n1,c\n1,d\n", "n.csv": names})
    items = read(ratings, ReadOptions(titles=path)).items
    assert items.years == (2002, None, None, None)
    assert items.genres == (("Drama", "War"), (), ("Drama",), ())


def test_several_titles_and_broken_lines_are_told(tmp_path: Path) -> None:
    ratings, path = write(tmp_path, {"x.csv": "user,item\n1,a\n", "n.csv": "item,title\na,One\na,Two\nbroken\n"})
    result = read(ratings, ReadOptions(titles=path))
    assert titles(result) == {"a": "One"}
    assert "one title in n.csv" in said(result)
    assert "fields (line 4) dropped" in said(result)


def test_a_titles_file_without_titles_is_one_error(tmp_path: Path) -> None:
    ratings, path = write(tmp_path, {"x.csv": "user,item\n1,a\n", "n.csv": "item,price\na,5\n"})
    with pytest.raises(ReadError, match=r"n\.csv, line 1: .*'item', 'price'.*--title-column NAME"):
        read(ratings, ReadOptions(titles=path))
    mapped = read(ratings, ReadOptions(titles=path, columns={"title": "price"}))
    assert titles(mapped) == {"a": "5"}
    assert rows(mapped) == [("1", "a")]


def test_files_whose_names_mislead_are_told_apart_by_their_columns(tmp_path: Path) -> None:
    paths = write(tmp_path, {"books.csv": "user,item\n1,a\n", "movies.csv": "item,title\na,Alpha\n"})
    assert titles(read(paths)) == {"a": "Alpha"}


def test_a_change_that_makes_no_more_ids_meet_is_not_called_the_cause(tmp_path: Path) -> None:
    ratings, path = write(
        tmp_path, {"x.csv": "user,item\n8,0002\n8,0345X\n9,0155\n", "n.csv": "item,title\n0345X,Emma\n"}
    )
    result = read(ratings, ReadOptions(titles=path))
    assert any("1 of 3" in sentence and "n.csv" in sentence for sentence in result.report.sentences())
    (warning,) = result.report.warnings
    assert warning.startswith("1 of 3")
    assert "they match" not in warning
