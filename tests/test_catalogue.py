"""The catalogue: the embedded data is what its README says, imports are whole or absent, damage is named."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from convncf.data import catalogue, storage
from convncf.data.catalogue import Dataset
from convncf.data.interactions import Interactions, ItemTable, Vocabulary
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


def test_movielens_small_is_what_its_readme_says() -> None:
    data = catalogue.load("movielens-small")
    interactions, items = data.interactions, data.items
    assert (interactions.n_users, interactions.n_items, len(interactions)) == (671, 9066, 100_004)
    assert data.fingerprint == "sha256:e60c9ea66180c28b"
    assert interactions.users.ids[:2] == ("1", "2")
    assert interactions.to_frame().iloc[0].to_dict() == {
        "user_id": "1",
        "item_id": "31",
        "rating": 2.5,
        "timestamp": 1_260_759_144,
    }
    assert interactions.timestamp is not None
    assert (interactions.timestamp.min(), interactions.timestamp.max()) == (789_652_009, 1_476_640_644)
    assert interactions.rating is not None
    assert sorted(set(interactions.rating.tolist())) == [half / 2 for half in range(1, 11)]
    counts = np.bincount(interactions.user)
    assert (int(counts.min()), float(np.median(counts)), int(counts.max())) == (20, 71.0, 2391)

    untitled = [items.items.id(index) for index, title in enumerate(items.titles) if not title]
    assert sorted(untitled) == ["108548", "108583", "143410", "151307", "162376"]
    assert [title for title in items.titles if title != title.strip()] == ["Blind Side, The ", "Angst "]
    assert sum(year is not None for year in items.years) == 9061
    assert sum(bool(genres) for genres in items.genres) == 9049
    titles = pd.Series([title for title in items.titles if title])
    assert int(titles.duplicated(keep=False).sum()) == 438
    assert titles[titles.duplicated()].nunique() == 208
    labels = {items.distinct_label(index) for index in range(len(items))}
    assert len(labels) == 9066
    assert {"Hamlet (2000) · 3598", "Hamlet (2000) · 65665", "Toy Story (1995)"} <= labels
    assert items.genres[items.items.index("1")] == ("Adventure", "Animation", "Children", "Comedy", "Fantasy")


def test_the_embedded_data_is_listed_without_being_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "_read_table", None)
    entry = catalogue.entries()[0]
    assert (entry.name, entry.n_users, entry.n_items, entry.n_interactions) == ("movielens-small", 671, 9066, 100_004)
    assert entry.embedded
    assert entry.fingerprint == "sha256:e60c9ea66180c28b"
    assert "Harper and Konstan" in entry.source
    assert entry.problem is None


def test_the_embedded_data_cannot_be_deleted_or_replaced(csv: Path) -> None:
    with pytest.raises(DataError, match="part of the project"):
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
    assert data.source == "imported from my ratings.csv"
    assert data.fingerprint == entry.fingerprint
    assert data.report is not None
    assert data.report["dropped"] == [{"reason": "user id empty", "count": 1, "first_lines": [5]}]


def test_mapping_and_delimiter_reach_the_reader(csv: Path) -> None:
    catalogue.add(csv, "mine", mapping={"item_id": "title", "title": None}, delimiter=",")
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
    with pytest.raises(DataError, match="1 users have no interaction, such as 'idle'"):
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


def test_a_name_is_taken_once(csv: Path) -> None:
    first = catalogue.add(csv, "mine")
    with pytest.raises(DatasetExistsError, match=r"'mine' is already there\. Free: 'mine-2'"):
        catalogue.add(csv, "mine", mapping={"rating": None})
    with pytest.raises(DatasetExistsError, match=r"'MINE' is already there\. Free: 'MINE-2'"):
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
    with pytest.raises(DataError, match="cannot name a dataset") as error:
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


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("damage", ["truncated", "empty", "missing", "other"])
def test_a_damaged_file_is_named(csv: Path, home: Path, file: str, damage: str) -> None:
    catalogue.add(csv, "mine")
    path = home / "datasets" / "mine" / file
    whole = path.read_bytes()
    match damage:
        case "truncated":
            path.write_bytes(whole[: len(whole) // 2])
        case "empty":
            path.write_bytes(b"")
        case "missing":
            path.unlink()
        case "other" if file.endswith(".json"):
            path.write_text(json.dumps(["not", "a", "description"]))
        case "other":
            pq.write_table(pa.table({"user_id": [1, 2]}), path)
    with pytest.raises(DataError) as error:
        catalogue.load("mine")
    assert str(path) in str(error.value)
    assert "import it again" in str(error.value)
    assert [entry.name for entry in catalogue.entries()] == ["movielens-small", "mine"]  # one does not hide the others
    catalogue.delete("mine")


@pytest.mark.parametrize(
    ("column", "values", "complaint"),
    [
        ("user_id", pa.array(["1", None, "02"]), "user_id is empty in 1 rows"),
        ("user_id", pa.array(["1", "1", "1"]), "more than once"),
        ("user_id", pa.array([1, 1, 2]), "user id 1 is no text"),
        ("item_id", pa.array(["a", "zzz", "a"]), "zzz"),
        ("rating", pa.array([1.0, 2.0, 3.0], pa.float64()), "rating holds double"),
        ("rating", pa.array([1.0, None, 3.0], pa.float32()), "1 gaps"),
        ("timestamp", pa.array([1.5, 2.5, 3.5]), "timestamp holds double"),
    ],
)
def test_content_that_cannot_be_is_named(csv: Path, home: Path, column: str, values: pa.Array, complaint: str) -> None:
    catalogue.add(csv, "mine")
    path = home / "datasets" / "mine" / "interactions.parquet"
    with path.open("rb") as stream:
        table = pq.read_table(stream)
    pq.write_table(table.set_column(table.column_names.index(column), column, values), path)
    with pytest.raises(DataError, match=complaint) as error:
        catalogue.load("mine")
    assert str(path) in str(error.value)


def test_a_damaged_folder_is_listed_with_its_problem(csv: Path, home: Path) -> None:
    catalogue.add(csv, "mine")
    (home / "datasets" / "mine" / "items.parquet").unlink()
    (home / "datasets" / "stray").mkdir()
    problems = {entry.name: entry.problem for entry in catalogue.entries() if entry.problem}
    assert set(problems) == {"mine", "stray"}
    assert "items.parquet is missing" in str(problems["mine"])


def test_data_that_was_changed_is_noticed(csv: Path, home: Path) -> None:
    catalogue.add(csv, "mine")
    path = home / "datasets" / "mine" / "interactions.parquet"
    with path.open("rb") as stream:
        table = pq.read_table(stream)
    changed = table.set_column(2, "rating", pa.array([5, 5, 5], pa.float32()))
    pq.write_table(changed, path)
    data = catalogue.load("mine")
    with pytest.raises(DataError, match="was changed since it was made"):
        _ = data.fingerprint


def test_a_file_written_in_pieces_keeps_the_order_of_first_appearance(home: Path) -> None:
    names = [f"u{n:02}" for n in range(30, 0, -1)]
    frame = pd.DataFrame({"user_id": names, "item_id": ["x", "y"] * 15})
    interactions = Interactions.from_frame(frame)
    catalogue.save(Dataset("pieces", interactions, ItemTable.untitled(interactions.items), "by hand"))
    path = home / "datasets" / "pieces" / "interactions.parquet"
    with path.open("rb") as stream:
        table = pq.read_table(stream)
    pq.write_table(table, path, row_group_size=7)
    again = catalogue.load("pieces")
    assert again.interactions.users.ids == tuple(names)
    assert again.fingerprint == interactions.fingerprint


# ---------------------------------------------------------------- making the embedded set


def test_the_maker_reads_the_table_that_it_was_made_from(tmp_path: Path) -> None:
    path = tmp_path / "movielens.csv"
    path.write_text(
        "rownames,movieId,title,year,genres,userId,rating,timestamp\n"
        "1,31,Dangerous Minds,1995.0,Drama,1,2.5,1260759144\n"
        '2,7,"Blind Side, The ",,(no genres listed),1,4.0,1260759145\n'
        "3,8,NA,2000.0,Comedy|Drama,2,4.0,1260759146\n"
    )
    maker = Path(__file__).parents[1] / "datasets" / "movielens-small" / "make.py"
    spec = importlib.util.spec_from_file_location("make", maker)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    data = module.read(path)
    assert data.items.titles == ("Dangerous Minds", "Blind Side, The ", "NA")
    assert data.items.years == (1995, None, 2000)
    assert data.items.genres == (("Drama",), (), ("Comedy", "Drama"))
    assert data.interactions.timestamp.tolist() == [1260759144, 1260759145, 1260759146]
