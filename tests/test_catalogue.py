"""The catalogue: the embedded data is what its README says, imports are whole or absent, damage is named."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from convncf.data import catalogue, storage
from convncf.data.dataset import Dataset
from convncf.data.interactions import Interactions
from convncf.data.items import ItemTable
from convncf.data.reading.options import ReadOptions
from convncf.data.vocabulary import Vocabulary
from convncf.errors import DataError, DatasetExistsError, DatasetNotFoundError, ReadError

FILES = ("dataset.json", "interactions.parquet", "items.parquet")


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    path = tmp_path / "my ratings.csv"
    path.write_text(
        "user,item,title,rating,time\n1,a,Léon,4,1700000000000\n1,b,,3.5,1700000000001\n02,a,Léon,1,1700000000002\n,x,,1,1\n"
    )
    return path


def tiny(name: str = "tiny") -> Dataset:
    frame = pd.DataFrame({"user_id": ["u", "v"], "item_id": ["x", "y"]})
    interactions = Interactions.from_frame(frame)
    table = ItemTable(interactions.items, ("Heat", ""), (1995, None), (("Action", "Crime"), ()))
    return Dataset(name, interactions, table, "made by hand")


# ---------------------------------------------------------------- embedded


def test_the_embedded_data_is_listed_without_being_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "_read_table", None)
    entry = catalogue.entries()[0]
    assert (entry.name, entry.n_users, entry.n_items, entry.n_interactions) == ("movielens-small", 671, 9066, 100_004)
    assert entry.embedded
    assert entry.fingerprint == "sha256:e60c9ea66180c28b"
    assert "Harper and Konstan" in entry.source
    assert entry.problem is None


def test_the_embedded_data_cannot_be_deleted_or_replaced(csv: Path) -> None:
    with pytest.raises(DataError, match="the project"):
        catalogue.delete("movielens-small")
    with pytest.raises(DatasetExistsError, match="MovieLens-Small-2"):
        catalogue.add(csv, "MovieLens-Small")
    assert catalogue.names() == ("movielens-small",)


# ---------------------------------------------------------------- import


def test_an_imported_file_is_there_as_it_was_read(csv: Path, home: Path) -> None:
    entry = catalogue.add(csv, "mine")
    assert (entry.n_users, entry.n_items, entry.n_interactions, entry.embedded) == (2, 2, 3, False)
    assert entry in catalogue.entries()
    assert catalogue.names() == ("movielens-small", "mine")
    assert sorted(path.name for path in (home / "datasets" / "mine").iterdir()) == sorted(FILES)

    data = catalogue.load("mine")
    assert data.interactions.users.ids == ("1", "02")
    assert data.interactions.time_unit == "ms"
    assert data.interactions.timestamp is not None
    assert data.interactions.timestamp.tolist() == [1_700_000_000_000, 1_700_000_000_001, 1_700_000_000_002]
    assert data.items.titles == ("Léon", "")
    assert data.source.endswith("my ratings.csv")
    assert data.fingerprint == entry.fingerprint
    assert data.report is not None
    assert data.report["dropped"] == [{"reason": "user id empty", "count": 1, "first_lines": [5], "file": ""}]


def test_mapping_and_delimiter_reach_the_reader(csv: Path) -> None:
    catalogue.add(csv, "mine", options=ReadOptions(columns={"item_id": "title", "title": None}, delimiter=","))
    assert catalogue.load("mine").interactions.items.ids == ("Léon",)


def test_save_and_load_keep_everything(home: Path) -> None:
    made = tiny()
    catalogue.save(made)
    again = catalogue.load("tiny")
    assert again.interactions.to_frame().equals(made.interactions.to_frame())
    assert again.interactions.timestamp is None
    assert again.interactions.rating is None
    assert (again.items.titles, again.items.years, again.items.genres) == (
        made.items.titles,
        made.items.years,
        made.items.genres,
    )
    assert (again.source, again.report, again.fingerprint) == ("made by hand", None, made.fingerprint)


def test_items_without_interactions_keep_their_place(home: Path) -> None:
    items = Vocabulary("item", ("new", "x", "other"))
    interactions = Interactions(Vocabulary("user", ("u",)), items, np.array([0]), np.array([1]))
    catalogue.save(Dataset("cold", interactions, ItemTable.untitled(items), "by hand"))
    again = catalogue.load("cold").interactions
    assert again.items.ids == items.ids
    assert again.item.tolist() == [1]


def test_users_without_interactions_are_refused_and_nothing_stays(home: Path) -> None:
    items = Vocabulary("item", ("x",))
    interactions = Interactions(Vocabulary("user", ("idle", "u")), items, np.array([1]), np.array([0]))
    with pytest.raises(DataError, match=r"1 users .*'idle'"):
        catalogue.save(Dataset("idle", interactions, ItemTable.untitled(items), "by hand"))
    assert list((home / "datasets").iterdir()) == []


def test_a_failed_import_leaves_nothing(csv: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ReadError):
        catalogue.add(csv.with_name("absent.csv"), "mine")

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(storage, "_write_table", full)
    with pytest.raises(OSError, match="no space left"):
        catalogue.add(csv, "mine")
    assert catalogue.names() == ("movielens-small",)
    assert list((home / "datasets").iterdir()) == []


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device", "items.parquet"),
        OSError("Error writing bytes to file. Detail: [errno 28] No space left on device"),  # as Arrow has it
    ],
)
def test_a_full_disk_is_said_in_words_and_nothing_stays(
    csv: Path, home: Path, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    real = storage._write_table
    written: list[Path] = []

    def full(table: pa.Table, path: Path) -> None:
        if written:
            raise error
        real(table, path)
        written.append(path)

    monkeypatch.setattr(storage, "_write_table", full)
    with pytest.raises(DataError, match=r"datasets is full: .* Nothing was kept"):
        catalogue.add(csv, "mine")
    assert len(written) == 1
    assert list((home / "datasets").iterdir()) == []


def test_a_name_is_taken_once(csv: Path) -> None:
    first = catalogue.add(csv, "mine")
    with pytest.raises(DatasetExistsError, match=r"'mine' .*: 'mine-2'"):
        catalogue.add(csv, "mine", mapping={"rating": None})
    with pytest.raises(DatasetExistsError, match=r"'MINE' .*: 'MINE-2'"):
        catalogue.save(tiny("MINE"))  # some file systems hold both to be one
    assert catalogue.load("mine").fingerprint == first.fingerprint


def test_of_two_imports_at_once_one_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = storage.write_folder

    def overtaken(dataset: Dataset, folder: Path) -> None:
        write(dataset, folder)
        shutil.copytree(folder, home / "datasets" / "tiny")

    monkeypatch.setattr(catalogue, "write_folder", overtaken)
    with pytest.raises(DatasetExistsError, match="tiny-2"):
        catalogue.save(tiny())
    assert [path.name for path in (home / "datasets").iterdir()] == ["tiny"]


@pytest.mark.parametrize(
    ("name", "proposal"),
    [
        ("a/b", "a-b"),
        ("..", "dataset"),
        ("", "dataset"),
        (".hidden", "hidden"),
        ("../../etc", "etc"),
        ("a\\b", "a-b"),
        ("Été 2024", "Ete-2024"),
        ("CON", "dataset-CON"),
        ("nul.csv", "dataset-nul.csv"),
        ("x" * 65, "x" * 59),
        ("ends.", "ends"),
        ("line\nbreak", "line-break"),
        ("評価", "dataset"),
    ],
)
def test_names_that_cannot_be_folders_are_refused_with_one_that_can(
    name: str, proposal: str, csv: Path, home: Path
) -> None:
    with pytest.raises(DataError, match="cannot name") as error:
        catalogue.add(csv, name)
    assert str(error.value).endswith(f"such as {proposal!r}.")
    catalogue.check_name(proposal)
    assert not (home / "datasets").exists()


def test_delete(csv: Path, home: Path) -> None:
    catalogue.add(csv, "mine")
    catalogue.delete("mine")
    assert catalogue.names() == ("movielens-small",)
    assert list((home / "datasets").iterdir()) == []
    with pytest.raises(DatasetNotFoundError, match="'mine'"):
        catalogue.delete("mine")


# ---------------------------------------------------------------- refusals on loading


@pytest.mark.parametrize("name", ["movielens-smal", "../datasets/movielens-small", "", "a/b"])
def test_a_dataset_that_is_not_there(name: str) -> None:
    with pytest.raises(DatasetNotFoundError, match="movielens-small"):
        catalogue.load(name)
