"""Exports: embeddings for the projector, arrays of a pair, and the page of it; each read back as its reader would."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from convncf import inspection
from convncf.data.interactions import Interactions
from convncf.data.items import ItemTable
from convncf.data.split import Split
from convncf.errors import ConfigError
from convncf.figures.export import Picture, pair_page
from convncf.inspection import PairTrace
from convncf.interop import embeddings
from convncf.interop.pair import arrays_of, command, csv_zip, npz, pair_record
from convncf.models.base import Sizes
from convncf.models.factorisation import MatrixFactorisation
from convncf.models.popularity import Popularity
from tests.closer_look import indices, loaded
from tests.command_line import CommandLine
from tests.made_traces import pair

pytest_plugins = ["tests.app_home"]

HOSTILE = ["a\ttab", "two\nlines", 'a "quote"', "AC\\DC", " ", "\u2028", "<b>", "東京"]
ABOUT = {"run": "first", "user_id": "\ud800 lone", "title": "two\nlines"}


def hostile() -> tuple[MatrixFactorisation, Split, ItemTable]:
    """Eight users and items whose ids and titles hold whatever would move a line or a column."""
    frame = pd.DataFrame({"user_id": HOSTILE, "item_id": [f"i{text}" for text in HOSTILE]})
    interactions = Interactions.from_frame(frame)
    n = len(HOSTILE)
    split = Split(interactions, np.zeros(n, np.int8), "all in training", n, n)
    table = ItemTable(interactions.items, tuple(HOSTILE), (None,) * n, (("Drama", "War"),) * n)
    return MatrixFactorisation({"embedding_size": 3}, Sizes(n, n)), split, table


def read_as_the_projector(content: bytes) -> list[list[str]]:
    """Lines of cells, as the projector divides them: stripped, empty lines skipped, at tabs."""
    lines = [line.strip() for line in content.decode().split("\n")]
    return [line.split("\t") for line in lines if line]


# ---------------------------------------------------------------- projector


def test_vectors_and_words_have_a_line_each_in_the_original_order() -> None:
    model, split, table = hostile()
    found = embeddings.projector_files(model, split, table)
    users = read_as_the_projector(found.files["users/metadata.tsv"])
    items = read_as_the_projector(found.files["items/metadata.tsv"])
    p = read_as_the_projector(found.files["users/vectors.tsv"])
    q = read_as_the_projector(found.files["items/vectors.tsv"])
    n = len(HOSTILE)
    assert [len(p), len(users), len(q), len(items)] == [n, n, n, n + 1], "one column has no heading, four have"
    assert {len(row) for row in users} == {1}
    assert {len(row) for row in items} == {len(embeddings.ITEM_COLUMNS)}
    assert tuple(items[0]) == embeddings.ITEM_COLUMNS
    assert items[1:][7] == ["東京", "i東京", "Drama|War", "1"]
    assert [row[0] for row in users] == [
        "a\\ttab",
        "two\\nlines",
        'a "quote"',
        "AC\\\\DC",
        "\\x20",
        "\\u2028",
        *HOSTILE[6:],
    ]
    assert np.array_equal(np.array(p, np.float32), model.user_embedding.weight.detach().numpy())
    assert np.array_equal(np.array(q, np.float32), model.item_embedding.weight.detach().numpy())


@pytest.mark.parametrize("text", [*HOSTILE, "\t\n", "\\t", "x\r\n ", " \u3000edge\x85", ""])
def test_an_escaped_cell_can_be_read_back(text: str) -> None:
    cell = embeddings.escape(text)
    assert len(cell.splitlines()) <= 1
    assert "\t" not in cell
    assert cell.strip() == cell
    assert cell.encode("latin-1", "backslashreplace").decode("unicode_escape") == text


def test_what_was_escaped_is_counted() -> None:
    found = embeddings.projector_files(*hostile())
    assert found.escaped == 3 * 5, "tab, line feed, backslash, blank and line separator, in three columns"
    assert "15 ids or titles" in found.words


def test_a_model_without_embeddings_is_refused_in_words() -> None:
    _, split, table = hostile()
    with pytest.raises(ConfigError, match="Popularity"):
        embeddings.projector_files(Popularity(8, 8), split, table)


# ---------------------------------------------------------------- arrays


def test_the_arrays_come_back_from_npz_as_they_are() -> None:
    trace = pair()
    with np.load(io.BytesIO(npz(trace, ABOUT)), allow_pickle=False) as found:
        assert set(found) == {
            "p",
            "q",
            "map",
            "layer_1",
            "features",
            "weights",
            "contributions",
            "bias",
            "score",
            "about",
        }
        assert found["layer_1"].shape == (4, 4, 4)
        assert np.array_equal(found["map"], np.outer(found["p"], found["q"]))
        assert (
            float(found["contributions"].sum(dtype=np.float64) + found["bias"]) == float(found["score"]) == trace.score
        )
        assert json.loads(str(found["about"])) == ABOUT


def test_the_arrays_come_back_from_csv_to_the_last_bit() -> None:
    trace = pair()
    with zipfile.ZipFile(io.BytesIO(csv_zip(trace, {"run": "first"}))) as archive:
        names = set(archive.namelist())
        text = {name: archive.read(name).decode() for name in names}
    assert names == {f"{name}.csv" for name in arrays_of(trace)} | {"README.txt"}
    assert np.array_equal(np.loadtxt(io.StringIO(text["map.csv"]), delimiter=",", dtype=np.float32), trace.map)
    assert np.array_equal(np.loadtxt(io.StringIO(text["p.csv"]), dtype=np.float32), trace.p)
    rows = list(csv.reader(io.StringIO(text["layer_1.csv"])))
    assert rows[0] == ["channel", "row", "column_0", "column_1", "column_2", "column_3"]
    assert rows[6][:2] == ["1", "1"]
    read = np.array([row[2:] for row in rows[1:]], np.float32).reshape(4, 4, 4)
    assert np.array_equal(read, trace.layers[0].maps)
    assert float(text["score.csv"]) == trace.score
    assert "map.csv  8 x 8: " in text["README.txt"]
    assert '"run": "first"' in text["README.txt"]


# ---------------------------------------------------------------- the page


def test_the_page_holds_what_is_on_screen(runs_home: Path) -> None:
    found = loaded(runs_home, "tiny-222")
    user, item = indices(found)
    view = inspection.view_pair(found.model, found.split, user, item)
    record = pair_record(found, view)
    assert isinstance(view.trace, PairTrace)
    shown = pair_page(record, view.trace, Picture(order="by p", scale="shared", layer=1, channel=2, cell=(1, 0)))
    for words in (
        "The interaction map".lower(),
        "Sorted for display only",
        "All tiles share one scale",
        "Channel 2 of layer 2",
        "The cell in row 1, column 0",
        "The score as a sum",
        "Feature maps of layer 3: 4 × 1 × 1",
        "convncf inspect tiny-222 --user u3 --item i4",
        record.rank_words,
        record.excluded,
    ):
        assert words in shown or words in shown.lower(), words
    assert "order of dimensions" in pair_page(record, view.trace)
    assert shown.count("<tr") == len(record.top) + len(record.history) + 2
    assert len(record.top) == 10


def test_a_model_without_embeddings_has_its_lists(runs_home: Path) -> None:
    found = loaded(runs_home, "tiny-pop")
    view = inspection.view_pair(found.model, found.split, *indices(found))
    shown = pair_page(pair_record(found, view), None)
    assert "Top 10" in shown
    assert "Interaction map" not in shown


def test_an_id_that_begins_with_a_dash_stays_an_id() -> None:
    assert command("first", "-1", "a b", 3) == "convncf inspect first --user=-1 --item 'a b' --epoch 3"


# ---------------------------------------------------------------- the command


@pytest.fixture
def convncf(at_home: Path) -> CommandLine:
    return CommandLine(at_home)


def test_the_command_writes_every_kind(convncf: CommandLine, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    said = convncf(
        *("export", "tiny-222", "--user", "u3", "--item", "i4", "--projector", str(out / "vectors")),
        *("--html", str(out / "a.html"), "--npz", str(out / "a.npz"), "--csv", str(out / "a.zip")),
    )
    assert "24 users and 30 items" in said.err
    assert (out / "vectors" / "items" / "vectors.tsv").read_text().count("\n") == 30
    assert (out / "vectors" / "items" / "metadata.tsv").read_text().count("\n") == 31
    assert 'tensor_path: "users/vectors.tsv"' in (out / "vectors" / "projector_config.pbtxt").read_text()
    with np.load(out / "a.npz", allow_pickle=False) as found:
        assert found["map"].shape == (8, 8)
    assert zipfile.is_zipfile(out / "a.zip")
    assert "Interaction map" in (out / "a.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "nothing to export"),
        (["--npz", "x.npz"], "--user and --item"),
        (["--user", "u3", "--item", "i4", "--npz", "x.txt"], "ends neither"),
        (["--user", "u3", "--item", "i4", "--html", "nowhere/x.html"], "does not exist"),
        (["--projector", "."], "is not empty"),
    ],
)
def test_the_command_refuses_before_work(
    convncf: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], reason: str
) -> None:
    (tmp_path / "there").touch()
    monkeypatch.chdir(tmp_path)
    assert reason in convncf.refused("export", "tiny-222", *words)
    assert sorted(os.listdir(tmp_path)) == ["there"] or "copy" in os.listdir(tmp_path)


def test_arrays_of_a_model_without_any_are_refused(convncf: CommandLine, tmp_path: Path) -> None:
    said = convncf.refused("export", "tiny-pop", "--user", "u3", "--item", "i4", "--npz", str(tmp_path / "x.npz"))
    assert "no arrays" in said


def test_a_full_disk_leaves_nothing_half_written(
    convncf: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "full"
    out.mkdir()

    def full(self: Path, content: bytes) -> int:
        with self.open("wb") as stream:
            stream.write(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self))

    monkeypatch.setattr(Path, "write_bytes", full)
    said: Any = convncf.refused("export", "tiny-222", "--user", "u3", "--item", "i4", "--npz", str(out / "x.npz"))
    assert "No space left" in said
    assert os.listdir(out) == []
