"""convncf datasets show, filter and fetch through the real process: what a dataset holds, and what is left of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.archives import MAKERS, N_ITEMS, N_USERS, served
from tests.command_line import CommandLine
from tests.wording import values_in

# ---------------------------------------------------------------- show


STARS = """user,item,rating,time
u1,a,5,1000000000
u1,b,4,1000000060
u1,c,1,1000003600
u2,a,2,1000000001
u2,b,5,1000000002
"""


@pytest.fixture
def stars(convncf: CommandLine, tmp_path: Path) -> CommandLine:
    """The same with a dataset "stars": five ratings of two users, two of them 2 or less."""
    file = tmp_path / "stars.csv"
    file.write_text(STARS, encoding="utf-8")
    added = convncf("datasets", "add", str(file))
    assert "40.0% of the positives" in added.err
    assert "--set data.min_rating=4" in added.err
    return convncf


def test_show_tells_what_a_dataset_holds(stars: CommandLine) -> None:
    found = stars("datasets", "show", "stars", "--json").object
    assert (found["users"], found["items"], found["interactions"], found["titled"]) == (2, 3, 5, 0)
    assert (found["first"], found["last"]) == ("2001-09-09T01:46:40Z", "2001-09-09T02:46:40Z")
    assert found["per_user"] == {"fewest": 2, "median": 2.5, "most": 3}
    stars_told = {"lowest": 1.0, "highest": 5.0, "few": 2.0, "share_low": 0.4, "negative": 0, "counts": ""}
    assert found["ratings"] == stars_told
    assert found["hints"][0].startswith("40.0%")
    assert (found["predefined_split"], found["candidates"]) == (None, None)
    assert found["split"]["kind"] == "ratio"
    assert {key: found["split"][key] for key in ("train", "validation", "test")} == {
        "train": 3,
        "validation": 1,
        "test": 1,
    }
    assert found["sentences"][0].startswith("From 5 rows")
    shown = stars("datasets", "show", "stars")
    assert "2001-09-09T01:46:40Z to 2001-09-09T02:46:40Z" in shown.out
    assert "40.0% of the positives" in shown.err


def test_show_gives_the_predefined_split(convncf: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "t.train.rating").write_text("0\t7\t1\n0\t9\t1\n1\t5\t1\n", encoding="utf-8")
    (tmp_path / "t.test.rating").write_text("0\t5\t4\t100\n1\t7\t2\t100\n", encoding="utf-8")
    (tmp_path / "t.test.negative").write_text("(0,5)\t5\t8\n(1,7)\t8\n", encoding="utf-8")
    convncf("datasets", "add", str(tmp_path / "t.train.rating"))
    found = convncf("datasets", "show", "t", "--json").object
    assert found["predefined_split"] == {"train": 3, "validation": 0, "test": 2}
    sets = found["candidates"]
    assert (sets["sets"], sets["fewest"], sets["most"]) == (2, 1, 2)
    assert sets["fingerprint"].startswith("sha256:")
    assert (found["split"]["kind"], found["split"]["train"], found["split"]["validation"]) == ("predefined", 2, 1)
    assert any("validation part" in note for note in found["split"]["notes"])
    assert "candidate sets" in convncf("datasets", "show", "t").out


def test_show_tells_what_is_negative_and_what_cannot_be_divided(convncf: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "shop.csv"
    file.write_text("user,item,quantity\nann,a,40\nben,b,-1\n", encoding="utf-8")
    convncf("datasets", "add", str(file), "--rating-column", "quantity")
    found = convncf("datasets", "show", "shop", "--json").object
    told = {"lowest": -1.0, "highest": 40.0, "few": None, "share_low": None, "negative": 1, "counts": "quantity"}
    assert found["ratings"] == told
    count, negative = found["hints"]
    assert count.startswith("'quantity' ")
    assert values_in(negative)[:2] == ["1", "0"]
    assert "3 interactions" in found["split"]["problem"]
    assert "3 interactions" in " ".join(convncf("datasets", "show", "shop").out.split())


def test_show_refuses_a_name_that_is_not_there(convncf: CommandLine) -> None:
    assert "mean movielens-small?" in convncf.refused("datasets", "show", "movielens-smal")


# ---------------------------------------------------------------- filter


def test_filter_shows_the_ledger_and_what_could_be_divided(stars: CommandLine) -> None:
    settings = ("--set", "data.min_rating=2", "--set", "data.max_item=2", "--set", "data.ratios=[0.5,0,0.5]")
    found = stars("datasets", "filter", "stars", *settings, "--json").object
    assert [(step["what"], step["users"], step["items"], step["interactions"]) for step in found["steps"]] == [
        ("before filters", 2, 3, 5),
        ("rated 2 or more", 2, 2, 4),
        ("items with at most 2 users, 0 rounds", 2, 2, 4),
    ]
    sizes = [found["split"][key] for key in ("train", "validation", "test", "rated_lower")]
    assert sizes == [2, 0, 2, 0]
    assert found["split"]["low_rated"] == "hidden"
    assert found["settings"]["min_rating"] == 2
    shown = stars("datasets", "filter", "stars", *settings)
    assert "rated 2 or more" in shown.out
    assert "2 training, 0 validation, 2 test" in " ".join(shown.out.split())
    listed = stars("datasets", "--json").object["datasets"]
    assert {entry["name"]: entry["n_interactions"] for entry in listed}["stars"] == 5, "nothing is changed"


def test_filter_tells_where_nothing_could_be_divided(stars: CommandLine) -> None:
    shown = stars("datasets", "filter", "stars", "--set", "data.min_rating=4")
    assert "the 3 interactions" in shown.err
    found = stars("datasets", "filter", "stars", "--set", "data.min_rating=4", "--json").object
    assert found["steps"][-1]["interactions"] == 3
    assert "the most is 2" in found["split"]["problem"]


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("train.epochs=3", "train.epochs"),
        ("data.dataset=toy", "the command's argument"),
        ("data.min_usr=3", "mean data.min_user"),
        ("data.min_user=9", "users with 9"),
        ("data.since=2020-01-01", "2001-09-09 to 2001-09-09"),
        ("data.since=yesterday", "is not a date"),
    ],
)
def test_filter_refuses_what_cannot_be(stars: CommandLine, setting: str, words: str) -> None:
    assert words in stars.refused("datasets", "filter", "stars", "--set", setting)


# ---------------------------------------------------------------- fetch


def test_fetch_from_a_file_and_from_a_server(convncf: CommandLine, tmp_path: Path) -> None:
    archive = MAKERS["ml-latest-small"](tmp_path / "films.zip")
    refused = convncf.refused("datasets", "fetch", "ml-latest-small", "--from", str(archive))
    assert "its sha256 is" in refused
    assert "under the same terms" in refused, "the terms come first"
    assert list(convncf.home.glob("datasets/*")) == []
    with served(archive.read_bytes()) as address:
        got = convncf(
            "datasets", "fetch", "ml-latest-small", "--url", f"{address}/whole.zip", "--any-version", "--json"
        )
        assert f"fetching {address}/whole.zip" in got.err
        assert "404 Not Found" in convncf.refused(
            "datasets", "fetch", "ml-1m", "--url", f"{address}/gone.zip", "--any-version"
        )
    found = got.object
    assert (found["dataset"], found["users"], found["items"]) == ("ml-latest-small", N_USERS, N_ITEMS)
    assert found["verified"] is False
    assert "Harper" in found["licence"]
    again = convncf("datasets", "fetch", "ml-latest-small", "--from", str(archive), "--any-version", "--name", "films")
    assert again.out.splitlines()[1].split()[:3] == ["films", str(N_USERS), str(N_ITEMS)]
    assert "fetching" not in again.err
    names = [entry["name"] for entry in convncf("datasets", "--json").object["datasets"]]
    assert names == ["movielens-small", "films", "ml-latest-small"]


def test_fetch_says_what_there_is(convncf: CommandLine) -> None:
    assert "ml-100k, ml-1m, ml-latest-small" in convncf.refused("datasets", "fetch", "netflix")
