"""convncf datasets through the real process: a file becomes a dataset, with a report of what was dropped."""

from __future__ import annotations

from pathlib import Path

import pytest

from convncf.data import catalogue
from tests.command_line import ODD_TITLES, CommandLine
from tests.wording import values_in


def test_a_file_of_ones_own(convncf: CommandLine, tmp_path: Path) -> None:
    title = ODD_TITLES["b0"]
    quoted = title.replace('"', '""')
    lines = ["buyer;sku;name;when", f'007;1;"{quoted}";2024-05-01', "007;1.0;Plain;2024-05-02", ";1;x;2024-05-03"]
    file = tmp_path / "Été sales.csv"
    file.write_text("\n".join([*lines, lines[2]]) + "\n", encoding="utf-8-sig")
    columns = ("--user-column", "buyer", "--item-column", "sku", "--title-column", "name", "--time-column", "when")

    added = convncf("datasets", "add", str(file), *columns, "--json")
    found = added.object
    assert found["dataset"] == "Ete-sales"
    assert (found["users"], found["items"], found["interactions"]) == (1, 2, 2)
    assert found["fingerprint"].startswith("sha256:")
    report = found["report"]
    assert (report["lines"], report["kept"], report["exact_duplicates"], report["delimiter"]) == (5, 2, 1, ";")
    assert [(dropped["reason"], dropped["first_lines"]) for dropped in report["dropped"]] == [("user id empty", [4])]
    assert "user id empty (line 4)" in added.err
    assert "--dataset Ete-sales" in added.err

    kept = catalogue.load("Ete-sales", convncf.home)
    assert (kept.interactions.users.ids, kept.interactions.items.ids) == (("007",), ("1", "1.0"))
    assert kept.items.titles == (title, "Plain")
    listed = convncf("datasets", "list", "--json").object
    assert [entry["name"] for entry in listed["datasets"]] == ["movielens-small", "Ete-sales"]
    assert listed["datasets"][1]["fingerprint"] == found["fingerprint"]
    assert listed["home"] == str(convncf.home)
    assert convncf("datasets", "--json").object == listed

    convncf("datasets", "delete", "Ete-sales", "--yes")
    assert [entry["name"] for entry in convncf("datasets", "--json").object["datasets"]] == ["movielens-small"]


def test_the_order_of_dates_is_asked_for_where_it_does_not_show(convncf: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "sales.csv"
    file.write_text("buyer,sku,date,price\na,x,01/05/2014,9\na,y,02/05/2014,-\n", encoding="utf-8")
    mapped = (str(file), "--user-column", "buyer")
    assert "--date-order day-first" in convncf.refused("datasets", "add", *mapped)
    report = convncf("datasets", "add", *mapped, "--date-order", "day-first", "--json").object["report"]
    assert (report["time"]["first"], report["time"]["last"]) == ("2014-05-01", "2014-05-02")
    assert report["files"][0]["unused"] == ["price"]


def test_the_list_as_a_table(convncf: CommandLine) -> None:
    printed = convncf("datasets").out.splitlines()
    assert printed[0].split() == ["dataset", "kind", "users", "items", "interactions", "fingerprint"]
    assert printed[1].split()[:5] == ["movielens-small", "embedded", "671", "9,066", "100,004"]


@pytest.mark.parametrize(
    ("content", "options", "advice"),
    [
        ("who,what\na,b\n", (), "--item-column NAME"),
        ("user,item\n", (), "no row"),
        ("user,item\na,b\n", ("--user-column", "usr"), "mean user?"),
        ("user,item\na,b\n", ("--name", "movielens-small"), "Free: 'movielens-small-2'"),
        ("user,item\na,b\n", ("--name", "a/b"), "such as 'a-b'"),
    ],
)
def test_a_file_that_is_refused_leaves_nothing(
    convncf: CommandLine, tmp_path: Path, content: str, options: tuple[str, ...], advice: str
) -> None:
    file = tmp_path / "own.csv"
    file.write_text(content, encoding="utf-8")
    assert advice in convncf.refused("datasets", "add", str(file), *options)
    folder = convncf.home / "datasets"
    assert not folder.exists() or list(folder.iterdir()) == []


def test_a_file_that_is_not_there(convncf: CommandLine, tmp_path: Path) -> None:
    assert "does not exist" in convncf.refused("datasets", "add", str(tmp_path / "no.csv"))


def test_the_embedded_data_stays(convncf: CommandLine) -> None:
    assert "cannot be deleted" in convncf.refused("datasets", "delete", "movielens-small", "--yes")


def test_a_damaged_dataset_does_not_hide_the_others(convncf: CommandLine) -> None:
    folder = convncf.home / "datasets" / "broken"
    folder.mkdir(parents=True)
    (folder / "dataset.json").write_text("{", encoding="utf-8")
    shown = convncf("datasets")
    assert "movielens-small" in shown.out
    assert "broken cannot" in shown.err
    entries = convncf("datasets", "--json").object["datasets"]
    assert [bool(entry["problem"]) for entry in entries] == [False, True]


def test_a_ready_split_with_candidates_and_titles(convncf: CommandLine, tmp_path: Path) -> None:
    files = {
        "tiny.train.rating": "0\t7\t1\n0\t9\t1\n1\t5\t1\n",
        "tiny.test.rating": "0\t5\t4\t100\n1\t7\t2\t100\n",
        "tiny.test.negative": "(0,5)\t5\t8\n(1,7)\t8\t9\n",
        "tiny.item": "item_id:token\tmovie_title:token_seq\n7\tSeven\n",
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    one = convncf("datasets", "add", str(tmp_path / "tiny.train.rating"), "--json")
    found = one.object
    assert found["dataset"] == "tiny"
    sizes = {key: found[key] for key in ("users", "items", "interactions", "train", "validation", "test")}
    assert sizes == {"users": 2, "items": 4, "interactions": 5, "train": 3, "validation": 0, "test": 2}
    assert found["report"]["candidates"]["answer_copies"] == 1
    assert ["3", "0", "2"] in [values_in(line) for line in one.err.splitlines()]
    assert "validation gets one random" in one.err
    assert [entry["role"] for entry in found["report"]["files"]] == ["training", "test", "candidates", "titles"]
    assert "tiny.test.rating, tiny.test.negative and tiny.item" in one.err

    paths = [str(tmp_path / name) for name in files]
    every = convncf("datasets", "add", *paths, "--name", "every", "--json").object
    assert every["fingerprint"] == found["fingerprint"]
    alone = convncf("datasets", "add", paths[0], "--name", "alone", "--alone", "--json").object
    assert (alone["interactions"], "train" in alone) == (3, False)
    stored = catalogue.load("tiny", convncf.home)
    assert stored.part is not None
    assert stored.part.tolist() == [0, 0, 0, 2, 2]
    assert stored.candidates is not None
    assert len(stored.candidates) == 2


def test_what_is_found_out_can_be_insisted_on(convncf: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "own.txt"
    file.write_bytes("ann^7,0^86400000\nann^8,5^172800000\nbéa^8,5^172800000\n".encode("latin-1"))
    names = tmp_path / "names.csv"
    names.write_text("code,sku,what\nx,7,Seven\n", encoding="utf-8")
    columns = ("--user-column", "1", "--item-column", "2", "--time-column", "3", "--title-column", "what")
    dialect = ("--delimiter", "^", "--no-header", "--encoding", "latin-1", "--time-unit", "ms", "--format", "delimited")
    more = ("--titles", str(names), "--titles-key", "sku", "--ids", "text", "--keep", "first", "--decimal", ",")
    report = convncf("datasets", "add", str(file), *columns, *dialect, *more, "--json").object["report"]
    assert (report["n_users"], report["n_items"], report["time"]["first"]) == (2, 2, "1970-01-02")
    assert report["files"][0]["encoding"] == "iso8859-1, as set"
    assert catalogue.load("own", convncf.home).interactions.users.ids == ("ann", "béa")


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        (("--format", "xml"), "called 'xml'"),
        (("--time-unit", "minutes"), "called 'minutes'"),
        (("--ids", "numbers"), "mean number?"),
        (("--titles", "absent.csv"), "absent.csv"),
    ],
)
def test_options_that_cannot_be_are_refused_before_anything_is_kept(
    convncf: CommandLine, tmp_path: Path, options: tuple[str, ...], advice: str
) -> None:
    file = tmp_path / "own.csv"
    file.write_text("user,item\na,b\n", encoding="utf-8")
    assert advice in convncf.refused("datasets", "add", str(file), *options)
    assert not (convncf.home / "datasets").exists()
