"""A predefined split in any format: what belongs to which part, and who is in test alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from convncf.data.reading.api import read
from convncf.data.reading.options import ReadOptions
from convncf.errors import ReadError
from tests.wording import values_in
from tests.written import dropped, parts, rows, said, write

HEADER = "user_id:token\titem_id:token\n"


def test_recbole_parts_with_validation_and_titles(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "x.train.inter": f"{HEADER}1\ta\n1\tb\n",
            "x.valid.inter": f"{HEADER}1\tc\n",
            "x.test.inter": f"{HEADER}1\td\n",
            "x.item": "item_id:token\tname:token_seq\tprice:float\tclass:token_seq\na\tÀ la carte\t—\tDrama War\n",
        },
    )
    result = read(tmp_path / "x.train.inter")
    assert parts(result) == {"training": [("1", "a"), ("1", "b")], "validation": [("1", "c")], "test": [("1", "d")]}
    assert result.report.split == {"training": 2, "validation": 1, "test": 1}
    assert (result.items.titles[0], result.items.genres[0]) == ("À la carte", ("Drama", "War"))
    assert ["2", "1", "1"] in [values_in(sentence) for sentence in result.report.sentences()]


def test_blanks_where_recbole_has_tabs_are_told(tmp_path: Path) -> None:
    (path,) = write(tmp_path, {"x.inter": "user_id:token item_id:token\n1 a\n2 b\n"})
    result = read(path)
    assert rows(result) == [("1", "a"), ("2", "b")]
    assert "atomic files" in said(result)
    assert result.report.delimiter == " "
    with pytest.raises(ReadError, match="among 'user_id:token item_id:token'"):
        read(path, ReadOptions(delimiter="tab"))


def test_an_unusual_delimiter_is_shown_and_proposed(tmp_path: Path) -> None:
    (path,) = write(tmp_path, {"x.inter": "user_id:token^item_id:token\n1^a\n"})
    with pytest.raises(ReadError, match=r"'user_id:token\^item_id:token'.* '\^'"):
        read(path)
    assert rows(read(path, ReadOptions(delimiter="^"))) == [("1", "a")]


@pytest.mark.parametrize(
    "names",
    [
        ("train.csv", "test.csv"),
        ("shop_train.csv", "shop_test.csv"),
        ("x.base.csv", "x.test.csv"),
        ("u1.base", "u1.test"),
    ],
)
def test_parts_by_their_usual_names(tmp_path: Path, names: tuple[str, str]) -> None:
    train, test = write(tmp_path, {names[0]: "user,item\n1,a\n1,b\n", names[1]: "user,item\n1,c\n"})
    result = read([train, test])
    assert parts(result) == {"training": [("1", "a"), ("1", "b")], "test": [("1", "c")]}


def test_the_whole_and_its_parts_are_not_read_together(tmp_path: Path) -> None:
    paths = write(tmp_path, {"ratings.csv": "user,item\n1,a\n", "train.csv": "user,item\n1,a\n"})
    with pytest.raises(ReadError, match=r"ratings\.csv and train\.csv"):
        read(paths)


def test_a_whole_beside_a_test_part_is_training(tmp_path: Path) -> None:
    paths = write(tmp_path, {"ratings.csv": "user,item\n1,a\n1,b\n", "x_test.csv": "user,item\n1,c\n"})
    result = read(paths)
    assert parts(result) == {"training": [("1", "a"), ("1", "b")], "test": [("1", "c")]}
    assert "ratings.csv read as training" in said(result)


def test_one_file_is_no_split_whatever_its_name(tmp_path: Path) -> None:
    (path,) = write(tmp_path, {"my_test.csv": "user,item\n1,a\n"})
    assert read(path).part is None


def test_files_of_interactions_are_joined(tmp_path: Path) -> None:
    paths = write(tmp_path, {"may.csv": "user,item\n1,a\n", "june.csv": "user;item\n1;a\n2;b\n3\n"})
    result = read(paths)
    assert rows(result) == [("1", "a"), ("2", "b")]
    assert result.part is None
    assert (result.report.lines, result.report.header, result.report.exact_duplicates) == (6, 2, 1)
    assert str(result.report.dropped[0]).endswith("2 fields (line 4 of june.csv)")


def test_who_is_in_test_alone_is_counted_and_named(tmp_path: Path) -> None:
    paths = write(tmp_path, {"train.csv": "user,item\n1,a\n2,b\n", "test.csv": "user,item\n1,b\n2,a\n99,77\n"})
    result = read(paths)
    assert "not in training: '99'" in said(result)
    assert "not in training: '77'" in said(result)
    assert result.report.warnings == ()


def test_times_that_change_unit_from_file_to_file_are_refused(tmp_path: Path) -> None:
    paths = write(
        tmp_path,
        {"a.csv": "user,item,time\n1,a,1400000000\n1,b,1400000001\n", "b.csv": "user,item,time\n1,c,1400000000000\n"},
    )
    with pytest.raises(ReadError, match=r"mixes units: .*1 row \(line 2 of b\.csv\)"):
        read(paths)


def test_repeats_keep_the_latest_or_the_first(tmp_path: Path) -> None:
    (path,) = write(tmp_path, {"x.csv": "user,item,time\nu1,i1,1\nu1,i1,5\nu1,i1,9\nu1,i2,7\nu1,i2,7\n"})
    latest, first = read(path), read(path, ReadOptions(keep="first"))
    assert rows(latest) == [("u1", "i1", 9), ("u1", "i2", 7)]
    assert rows(first) == [("u1", "i1", 1), ("u1", "i2", 7)]
    for result, kept in ((latest, "latest"), (first, "first")):
        report = result.report
        assert (report.exact_duplicates, report.repeats, report.most_repeated) == (1, 2, 3)
        assert f"(at most 3 rows of one). Kept: the {kept}." in said(result)


@pytest.mark.parametrize(("keep", "held_out"), [("latest", "i1"), ("first", "i2")])
def test_the_choice_decides_what_is_held_out(tmp_path: Path, keep: str, held_out: str) -> None:
    from convncf.data.splitting import leave_one_out

    text = "user,item,time\nu1,i0,0\nu1,i1,1\nu1,i1,5\nu1,i1,9\nu1,i2,7\n"
    (path,) = write(tmp_path, {"x.csv": text})
    data = read(path, ReadOptions(keep=keep)).interactions  # type: ignore[arg-type]
    test = leave_one_out(data).test
    assert [data.items.id(item) for item in test.indices.tolist()] == [held_out]


@pytest.mark.parametrize("scale", [1, 10**3, 10**9])
def test_times_stay_exact_in_every_unit(tmp_path: Path, scale: int) -> None:
    from convncf.data.splitting import leave_one_out

    times = [(1_700_000_000 + offset) * scale for offset in (2, 4, 0, 3, 1)]
    text = "user,item,time\n" + "".join(f"u,i{n},{time}\n" for n, time in enumerate(times))
    (path,) = write(tmp_path, {"x.csv": text})
    result = read(path)
    assert [row[2] for row in rows(result)] == times
    assert result.report.time is not None
    assert result.report.time.first == "2023-11-14"
    assert leave_one_out(result.interactions).test.indices.tolist() == [1]


@pytest.mark.parametrize(
    ("times", "words"),
    [
        (("2014-05-01 12:00:00", "2016-01-01"), "UTC, as seconds: 2014-05-01"),
        (
            ("2014-05-01T12:00:00+02:00", "2016-01-01T00:00:00Z"),
            "zone, as seconds: 2014-05-01",
        ),
        (("20140501120000", "20160101000000"), "20140501120000, read as UTC:"),
        (("1400000000", "-62135596800"), "kept (line 3)"),
    ],
)
def test_the_zoo_of_dates(tmp_path: Path, times: tuple[str, str], words: str) -> None:
    (path,) = write(
        tmp_path, {"x.csv": "user,item,time\n" + "".join(f"u,i{n},{time}\n" for n, time in enumerate(times))}
    )
    assert words in said(read(path))


def test_a_time_unit_can_be_insisted_on(tmp_path: Path) -> None:
    (path,) = write(tmp_path, {"x.csv": "user,item,time\nu,a,86400000\nu,b,172800000\n"})
    assert "seconds since 1970: 1972-09-27" in said(read(path))
    assert "as set: 1970-01-02" in said(read(path, ReadOptions(time_unit="ms")))
    assert dropped(read(path)) == {}
