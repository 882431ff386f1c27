"""Dataset folders: the embedded one is what its README says, and damage is named by file."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convncf.data import catalogue
from convncf.data.dataset import Dataset
from convncf.data.interactions import Interactions
from convncf.data.items import ItemTable
from convncf.errors import DataError
from tests.worlds import divided

FILES = ("dataset.json", "interactions.parquet", "items.parquet")


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    path = tmp_path / "my ratings.csv"
    path.write_text(
        "user,item,title,rating,time\n1,a,Léon,4,1700000000000\n1,b,,3.5,1700000000001\n02,a,Léon,1,1700000000002\n,x,,1,1\n"
    )
    return path


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


# ---------------------------------------------------------------- damage


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
        ("user_id", pa.array(["1", None, "02"]), "empty in 1"),
        ("user_id", pa.array(["1", "1", "1"]), "more than once"),
        ("user_id", pa.array([1, 1, 2]), "user id 1"),
        ("item_id", pa.array(["a", "zzz", "a"]), "zzz"),
        ("rating", pa.array([1.0, 2.0, 3.0], pa.float64()), "rating holds double"),
        ("rating", pa.array([1.0, None, 3.0], pa.float32()), "1 missing values"),
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
    with pytest.raises(DataError, match="was changed"):
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


# ---------------------------------------------------------------- what the fingerprint covers


ROWS = [("u1", "a", 0), ("u1", "b", 1), ("u2", "a", 0), ("u2", "c", 2), ("u3", "b", 2), ("u3", "d", 0)]


def with_sets(order: Sequence[int] = range(6), parts: dict[int, int] | None = None, name: str = "divided") -> Dataset:
    """ROWS in another order, with other `parts` of some rows, and a candidate set for each test row."""
    rows = [(*ROWS[k][:2], (parts or {}).get(k, ROWS[k][2])) for k in order]
    return divided(*rows, candidates=[("u2", "c", "b"), ("u3", "b", "a")], name=name)


def test_the_fingerprint_covers_a_ready_split_and_candidates() -> None:
    data = with_sets()
    undivided = replace(data, part=None, candidates=None)
    assert undivided.fingerprint == data.interactions.fingerprint
    assert data.candidates is not None
    others = [
        undivided,
        replace(data, candidates=None),
        replace(data, part=None),
        with_sets(parts={0: 1}),
        replace(data, candidates=replace(data.candidates, negatives=data.candidates.negatives[::-1])),
    ]
    assert len({data.fingerprint, *(other.fingerprint for other in others)}) == 6


@given(order=st.permutations(range(6)))
def test_the_fingerprint_of_a_divided_dataset_does_not_depend_on_order(order: list[int]) -> None:
    assert with_sets(order).fingerprint == with_sets().fingerprint


@pytest.mark.parametrize("what", ["parts", "candidates"])
def test_a_divided_dataset_that_was_changed_is_noticed(home: Path, what: str) -> None:
    entry = catalogue.save(with_sets())
    kept = catalogue.load("divided")
    assert kept.fingerprint == entry.fingerprint == with_sets().fingerprint
    other = with_sets(parts={0: 1}, name="other")
    if what == "candidates":
        assert other.candidates is not None
        other = replace(
            with_sets(name="other"), candidates=replace(other.candidates, answer=other.candidates.answer[::-1])
        )
    catalogue.save(other)
    file = "interactions.parquet" if what == "parts" else "candidates.parquet"
    folder = home / "datasets"
    (folder / "divided" / file).write_bytes((folder / "other" / file).read_bytes())
    with pytest.raises(DataError, match="was changed"):
        _ = catalogue.load("divided").fingerprint


def test_a_divided_dataset_from_before_parts_counted_is_still_good(home: Path) -> None:
    catalogue.save(with_sets())
    path = home / "datasets" / "divided" / "dataset.json"
    said = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(said | {"fingerprint": with_sets().interactions.fingerprint}), encoding="utf-8")
    assert catalogue.load("divided").fingerprint == with_sets().fingerprint


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
