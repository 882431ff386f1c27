"""Train, evaluate, recommend, inspect and compare, through the real process, on one small trained run."""

from __future__ import annotations

import html.parser
import json
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.command_line import ODD_TITLES, SMALL, Answer, CommandLine

if TYPE_CHECKING:
    from playwright.sync_api import Browser

METRICS = {f"{name}@{k}" for name in ("HR", "NDCG", "MRR", "Recall", "Precision", "MAP") for k in (5, 10, 20)} | {"AUC"}
PROMISED = {
    "run": str,
    "dataset": str,
    "fingerprint": str,
    "model": str,
    "protocol": str,
    "metrics": dict,
    "validation": dict,
    "n_users_evaluated": int,
    "seconds": float,
}


@pytest.fixture(scope="module")
def trained(shop: CommandLine) -> Answer:
    """What `train --json` said of the run "first"."""
    return shop("train", "--dataset", "shop", "--seed", "1", "--name", "first", *SMALL, "--json")


@pytest.fixture(scope="module")
def listed(shop: CommandLine, trained: Answer) -> dict[str, Any]:
    """Everything that `recommend --json` lists for user 001."""
    return shop("recommend", "first", "--user", "001", "-k", "30", "--json").object


@pytest.fixture(scope="module")
def inspected(shop: CommandLine, trained: Answer) -> Answer:
    """What `inspect --json --html` said of user 001 and the item with the worst title, which they do not have."""
    page = shop.home / "pair.html"
    return shop("inspect", "first", "--user", "001", "--item", "b0", "--html", str(page), "--json")


# ---------------------------------------------------------------- train and evaluate


def test_train_says_what_it_promises(shop: CommandLine, trained: Answer) -> None:
    report = trained.object
    assert {key: type(report[key]) for key in PROMISED} == PROMISED
    assert (report["run"], report["dataset"], report["model"]) == ("first", "shop", "convncf")
    assert report["protocol"] == "full ranking"
    assert set(report["metrics"]) == set(report["validation"]) == METRICS
    assert all(0 <= value <= 1 for value in (report["metrics"] | report["validation"]).values())
    assert 0 < report["n_users_evaluated"] <= 24
    assert set(report["baselines"]) == {"popularity", "mf-bpr"}


def test_train_says_where_it_wrote_and_what_it_took(shop: CommandLine, trained: Answer) -> None:
    folder = shop.home / "runs" / "first"
    assert f"run folder: {folder}" in trained.err
    assert "device: cpu (auto" in trained.err
    made = json.loads((folder / "environment.json").read_text(encoding="utf-8"))
    assert made["device"] == "cpu"
    assert made["device_name"]
    assert made["device_physical_index"] is None


def test_every_effective_value_is_on_record_with_its_source(shop: CommandLine, trained: Answer) -> None:
    settings = json.loads((shop.home / "runs" / "first" / "config.json").read_text(encoding="utf-8"))["settings"]
    assert settings["train.epochs"] == {"value": 2, "source": "flag"}
    assert settings["data.dataset"] == {"value": "shop", "source": "flag"}
    assert settings["eval.monitor"] == {"value": "NDCG@10", "source": "preset quick"}
    assert settings["train.optimizer"] == {"value": "adam", "source": "default"}


def test_evaluate_repeats_train_exactly(shop: CommandLine, trained: Answer) -> None:
    again, report = shop("evaluate", "first", "--json").object, trained.object
    assert {key: type(again[key]) for key in PROMISED} == PROMISED
    for key in PROMISED.keys() - {"seconds"}:
        assert again[key] == report[key], key


def test_a_file_of_settings_and_a_monitor_of_its_own(shop: CommandLine, tmp_path: Path) -> None:
    """A metric that is monitored is computed, whether its K is listed or not; K beyond the candidates is flagged."""
    file = tmp_path / "settings.toml"
    file.write_text('[eval]\nmonitor = "NDCG@12"\nks = [5, 40]\n[model]\nname = "popularity"\n', encoding="utf-8")
    report = shop("train", "--dataset", "shop", "--config", str(file), "--json").object
    assert report["run"] == "popularity-shop"  # a free name, since none was given
    assert {"NDCG@12", "HR@5", "HR@40"} <= set(report["metrics"])
    assert any("K = 40" in note for note in report["evaluation_notes"])
    shown = shop("runs", "show", "popularity-shop", "--json").object
    assert shown["settings"]["eval.monitor"] == {"value": "NDCG@12", "source": "file settings.toml"}


# ---------------------------------------------------------------- recommend and inspect


def test_recommend_lists_ids_titles_scores_and_ranks(listed: dict[str, Any]) -> None:
    assert listed["user_id"] == "001"
    excluded = re.fullmatch(r"excluded: (\d+) training and (\d+) validation items?", listed["excluded"])
    assert excluded
    assert all({"item_id", "title", "score", "rank"} <= set(item) for item in listed["items"])
    scores = [item["score"] for item in listed["items"]]
    assert scores == sorted(scores, reverse=True)
    ids = {item["item_id"] for item in listed["items"]}
    assert len(ids) == len(listed["items"]) == 30 - int(excluded[1]) - int(excluded[2])
    assert any(item["held_out"] for item in listed["items"])


def test_the_two_commands_agree_on_rank_and_score(listed: dict[str, Any], inspected: Answer) -> None:
    pair = inspected.object
    assert pair["part"] == "new"
    same = [item for item in listed["items"] if item["item_id"] == "b0"]
    assert [(item["rank"], item["score"]) for item in same] == [(pair["rank"], pair["score"])]
    assert pair["candidates"] == len(listed["items"])
    assert pair["excluded"] == listed["excluded"]


def test_a_table_shows_titles_as_they_are(shop: CommandLine, listed: dict[str, Any]) -> None:
    printed = shop("recommend", "first", "--user", "001", "-k", "30").out
    titles = [item["title"] for item in listed["items"]]
    assert {ODD_TITLES["b0"], ODD_TITLES["b2"]} <= set(titles)
    assert all(title.replace("\t", r"\t") in printed for title in titles)


def test_titles_survive_as_json(shop: CommandLine, inspected: Answer) -> None:
    assert inspected.object["title"] == ODD_TITLES["b0"]
    assert ODD_TITLES["b0"].replace('"', r"\"") in inspected.out


def test_a_terminal_without_the_characters_still_gets_an_answer(shop: CommandLine) -> None:
    assert r"1\xd71" in shop("settings", PYTHONIOENCODING="ascii").out


def test_the_parts_add_up_to_the_score(inspected: Answer) -> None:
    pair = inspected.object
    assert math.fsum(part["value"] for part in pair["parts"]) == pytest.approx(pair["score"], abs=1e-5)
    assert [part["name"] for part in pair["parts"]] == ["channel 0", "channel 1", "channel 2", "channel 3", "bias"]


def test_layers_have_their_shapes(inspected: Answer) -> None:
    assert [(layer["name"], layer["shape"]) for layer in inspected.object["layers"]] == [
        ("embeddings", [2, 8]),
        ("interaction map", [1, 8, 8]),
        ("layer 1", [4, 4, 4]),
        ("layer 2", [4, 2, 2]),
        ("layer 3", [4, 1, 1]),
    ]
    assert 1 <= inspected.object["rank"] <= inspected.object["candidates"]


def test_a_kept_epoch_can_be_inspected(shop: CommandLine, trained: Answer) -> None:
    printed = shop("inspect", "first", "--user", "001", "--item", "b2", "--epoch", "1").out
    assert printed.startswith(f"{ODD_TITLES['b2']} for user 001 in first (epoch 1): score ")
    assert "interaction map" in printed


def test_compare_flags_nothing_between_like_runs(shop: CommandLine, trained: Answer) -> None:
    shop("train", "--dataset", "shop", "--model", "popularity", "--name", "base")
    found = shop("compare", "base", "first", "--json").object
    assert [run["name"] for run in found["runs"]] == ["base", "first"]
    assert (found["baseline"], found["unlike"]) == ("base", [])
    assert found["runs"][1]["metrics"] == trained.object["metrics"]
    assert "first" in found["paired"]["first"]["words"]
    assert found["differences"]["model.name"] == {"base": "popularity", "first": "convncf"}


# ---------------------------------------------------------------- the page


class Page(html.parser.HTMLParser):
    """What an HTML file refers to, and the text of its headings and scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.references: list[str] = []
        self.policies: list[str] = []
        self.text: dict[str, list[str]] = {}
        self._within = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.references += [given[name] for name in ("src", "href", "action", "data") if name in given]
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policies.append(given["content"])
        self._within = tag
        self.text.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within:
            self.text[self._within][-1] += data


def test_the_page_is_self_contained(shop: CommandLine, inspected: Answer) -> None:
    page = Page((shop.home / "pair.html").read_text(encoding="utf-8"))
    assert page.references == []
    assert [policy.split(";")[0] for policy in page.policies] == ["default-src 'none'"]  # no fetch, whatever the script
    assert not any("@import" in style or "url(" in style for style in page.text["style"])
    data = json.loads(page.text["script"][1])
    assert "http" not in json.dumps(data)
    assert len(data) == 5  # map, three layers, score


def test_the_page_shows_the_title_as_it_is(shop: CommandLine, inspected: Answer) -> None:
    page = Page((shop.home / "pair.html").read_text(encoding="utf-8"))
    assert page.text["h1"] == page.text["title"] == [f"{ODD_TITLES['b0']} for user 001"]
    assert "b" not in page.text
    assert any("order of dimensions" in words for words in page.text["p"])


@pytest.mark.browser
def test_the_page_opens_from_the_disk(shop: CommandLine, inspected: Answer, browser: Browser) -> None:
    from tests.browser import open_page

    address = (shop.home / "pair.html").as_uri()
    with open_page(browser) as (page, heard):
        page.goto(address)
        page.wait_for_function("document.querySelectorAll('.figure .main-svg').length >= 5")
        drawn: list[Any] = page.evaluate("[...document.querySelectorAll('.figure')].map(f => f.innerHTML.length > 100)")
        assert drawn == [True] * 5
        assert page.locator("h1").inner_text() == f"{ODD_TITLES['b0']} for user 001"
        assert [text for text in heard.all() if address not in text] == []
