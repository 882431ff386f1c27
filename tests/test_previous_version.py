"""A home that version 0.1 made: every command and every page opens it, and every number comes out as it was.

The home and golden.json lie in fixtures/version-0.1, with the script that made them. Stored weights score alike on
every processor to 1e-5, and rank alike; what is trained on from them is alike bit for bit on the processor that made
the record, and nearly so on others.
"""

from __future__ import annotations

import csv
import json
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from convncf.figures.theme import number
from tests import previous_version as asked
from tests.app_pages import figures_of, open_page, texts
from tests.previous_version import FIXTURE, Home

EXACT: Final = 1e-9
"""Of what ranks decide: metrics and their intervals. The record has ten digits."""
SCORES: Final = 1e-5
"""Of what is added up in single precision."""


def mostly_full(values: Iterable[Any], *usual: Any) -> list[Any]:
    """Parameters of which `make test` takes the usual ones, one of each kind, and `make full` all."""
    return [value if value in usual else pytest.param(value, marks=pytest.mark.full) for value in values]


@pytest.fixture(scope="module")
def golden() -> Any:
    """What version 0.1 said."""
    return json.loads((FIXTURE / "golden.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """The home, for all that only read: in the end each file is as it was."""
    folder = tmp_path_factory.mktemp("previous") / "home"
    shutil.copytree(FIXTURE / "home", folder)
    yield Home(folder)
    changed = [path for path in files() if (folder / path).read_bytes() != (FIXTURE / "home" / path).read_bytes()]
    assert changed == [], "reading has changed them"


@pytest.fixture
def copied(tmp_path: Path) -> Home:
    """The home, to change."""
    shutil.copytree(FIXTURE / "home", tmp_path / "copied")
    return Home(tmp_path / "copied")


@pytest.fixture
def shown(old: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The home, on the pages."""
    monkeypatch.setenv("CONVNCF_HOME", str(old.folder))
    # else each run of a page looks through all installed packages for components, and there are none
    monkeypatch.setattr(manifest_scanner, "scan_component_manifests", list)
    return old


def files() -> list[Path]:
    """Every file of the home."""
    home = FIXTURE / "home"
    return sorted(path.relative_to(home) for path in home.rglob("*") if path.is_file())


def differences(found: Any, wanted: Any, within: float, place: str = "") -> Iterator[str]:
    """Where two values differ, a line each. A float may be off by `within`, a large one by that share of it."""
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for key in [*wanted, *(key for key in found if key not in wanted)]:
            if key in found and key in wanted:
                yield from differences(found[key], wanted[key], within, f"{place}/{key}")
            else:
                yield f"{place}/{key}: only in {'what is found' if key in found else 'the record'}"
    elif isinstance(wanted, list | tuple) and isinstance(found, list | tuple):
        if len(wanted) != len(found):
            yield f"{place}: {len(found)} entries, {len(wanted)} in the record"
        for index, (one, other) in enumerate(zip(found, wanted, strict=False)):
            yield from differences(one, other, within, f"{place}/{index}")
    elif isinstance(wanted, float) and isinstance(found, float | int):
        if abs(found - wanted) > within * max(1.0, abs(wanted)):
            yield f"{place}: {found!r}, {wanted!r} in the record"
    elif type(found) is not type(wanted) or found != wanted:
        yield f"{place}: {found!r}, {wanted!r} in the record"


def same(found: Any, wanted: Any, within: float = EXACT) -> None:
    """Fails with the first differences, each with its place."""
    wrong = list(differences(found, wanted, within))
    assert not wrong, f"{len(wrong)} differences:\n" + "\n".join(wrong[:8])


def same_arrays(found: Mapping[str, Any], wanted: Mapping[str, Any], within: float) -> None:
    """Checksums of arrays: sums may be off by a share of the sum of absolute values."""
    assert found.keys() == wanted.keys()
    for key, (shape, size, *sums) in wanted.items():
        assert found[key][0] == shape, key
        assert found[key][1:] == pytest.approx([size, *sums], abs=within * max(1.0, size)), key


# ---------------------------------------------------------------- the fixture itself


def test_the_record_is_small_and_names_no_machine() -> None:
    everything = [path for path in FIXTURE.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in everything) <= 2**20
    for path in files():
        content = (FIXTURE / "home" / path).read_bytes()
        for trace in (rb"/tmp/", rb"/root/", rb"/wor[k]/", rb"(?i)\bxeon\b", rb"(?i)\bepyc\b"):
            assert not re.search(trace, content), (path, trace)


def test_a_difference_is_told() -> None:
    told = list(differences({"a": [1, 2.0], "b": "x"}, {"a": [1, 2.1], "c": None}, EXACT))
    assert [line.partition(":")[0] for line in told] == ["/a/1", "/c", "/b"]


# ---------------------------------------------------------------- data


def test_datasets_and_what_settings_leave_of_them(old: Home, golden: Any) -> None:
    found = json.loads(json.dumps(asked.datasets(old)))
    same(
        found["shown"] | {"filtered": found["filtered"]},
        golden["datasets"]["shown"] | {"filtered": golden["datasets"]["filtered"]},
    )
    for name, entry in golden["datasets"]["listed"].items():
        same(found["listed"][name], entry)


@pytest.mark.parametrize("name", mostly_full(asked.FINISHED, "network", "stored"))
def test_each_pair_is_in_the_part_it_was_in_and_the_same_triples_are_drawn(old: Home, golden: Any, name: str) -> None:
    same(asked.split(old, name), golden["splits"][name])


# ---------------------------------------------------------------- one run


@pytest.mark.parametrize("name", asked.EVERY)
def test_a_run_is_shown_with_its_settings(old: Home, golden: Any, name: str) -> None:
    told = asked.described(old, name)
    found, written = told.pop("settings"), asked.written_settings(old, name)
    same(told, golden["described"][name])
    assert {key: found.get(key) for key in written} == written


@pytest.mark.parametrize("name", mostly_full(asked.RANKED, "network"))
def test_every_figure_and_every_rank_comes_out_again(old: Home, golden: Any, name: str, tmp_path: Path) -> None:
    found = asked.evaluated(old, name, tmp_path)
    same(found, golden["evaluated"][name])
    report = json.loads((old.run(name) / "report.json").read_text(encoding="utf-8"))
    for view, written in zip(found["own"], report["protocols"], strict=False):
        same([view["metrics"], view["intervals"]], [written["metrics"], written["intervals"]])
    same(found["own"][-1]["metrics"], report["validation"])
    ranks = pd.read_parquet(old.run(name) / "ranks.parquet")
    wanted = ranks[["user_id", "item_id", "rank", "candidates"]].astype(object).fillna("")
    assert asked.rows(tmp_path / "own-ranks.csv", *wanted.columns) == [
        " ".join(map(str, row)) for row in wanted.to_numpy()
    ]
    same_values(tmp_path / "own-per-user.csv", pd.read_parquet(old.run(name) / "per_user.parquet"))


def same_values(file: Path, written: pd.DataFrame) -> None:
    """The metrics of each user in a CSV, and in a run's per_user.parquet of old."""
    mine = written[written["model"] == "this"].reset_index(drop=True)
    with file.open(encoding="utf-8", newline="") as stream:
        found = list(csv.DictReader(stream))
    assert len(found) == len(mine) > 0
    metrics = [column for column in mine.columns if "@" in column or column == "AUC"]
    for row, (_, old_row) in zip(found, mine.iterrows(), strict=True):
        assert asked.of(row, "user_id")["user_id"] == old_row["user_id"]
        assert [float(row[metric]) for metric in metrics] == pytest.approx([old_row[metric] for metric in metrics])


@pytest.mark.parametrize("name", mostly_full(asked.FINISHED, "network", "ease"))
def test_the_top_10_scores_ranks_and_arrays_are_what_they_were(
    old: Home, golden: Any, name: str, tmp_path: Path
) -> None:
    same(asked.listed(old, name, tmp_path), golden["listed"][name], SCORES)
    same(asked.scored(old, name, tmp_path), golden["scored"][name], SCORES)
    found, wanted = asked.inspected(old, name, tmp_path), dict(golden["inspected"][name])
    same_arrays(found.pop("arrays", {}), wanted.pop("arrays", {}), SCORES)
    same(found, wanted, SCORES)


@pytest.mark.parametrize("name", mostly_full(asked.KEPT, "network"))
def test_each_kept_epoch_scores_as_it_did(old: Home, golden: Any, name: str, tmp_path: Path) -> None:
    for epoch in asked.KEPT[name]:
        same(asked.scored(old, name, tmp_path, epoch), golden["kept"][name][str(epoch)], SCORES)


# ---------------------------------------------------------------- several runs, files, what it would cost


@pytest.mark.parametrize("names", mostly_full(asked.COMPARED, asked.COMPARED[0]), ids=" ".join)
def test_runs_compare_as_they_did(old: Home, golden: Any, names: tuple[str, ...]) -> None:
    found, wanted = asked.compared(old, names), golden["compared"][" ".join(names)]
    wanted["differing"] = sorted(asked.Words.settings.get(key, key) for key in wanted["differing"])
    same(found, wanted)


def test_seeds_are_summed_up_as_they_were(old: Home, golden: Any) -> None:
    same(asked.seeds(old, "group"), golden["seeds"])


@pytest.mark.parametrize("name", mostly_full(asked.ESTIMATED, "network"))
def test_the_settings_of_a_run_make_a_new_one_of_the_same_size(old: Home, golden: Any, name: str) -> None:
    same(asked.estimated(old, name), golden["estimated"][name])


def test_lists_of_runs(old: Home) -> None:
    def names(*options: str) -> set[str]:
        return {entry["run"] for entry in old.json("runs", "list", *options)["runs"]}

    everything = set(asked.EVERY)
    assert names() == everything - {"popularity-all"}
    assert names("--archived") == everything
    assert names("--archived-only") == {"popularity-all"}
    assert names("--tag", "baseline") == names("--tag", "baseline", "--state", "finished") == {"network", "popularity"}
    assert names("--search", "amelie") == {"network"}
    assert names("--model", "convncf", "--dataset", "films") == {"network", "other", "as-2018", "stopped"}
    assert "epoch 3" in old("runs", "log", "network").out


def test_files_for_other_tools(old: Home, golden: Any, tmp_path: Path) -> None:
    user, item = asked.PAIRS["films"][0]
    pair = ("network", "--user", user, "--item", item)
    old("export", *pair, "--html", str(tmp_path / "pair.html"), "--csv", str(tmp_path / "pair.zip"))
    old("inspect", *pair, "--html", str(tmp_path / "inspected.html"))
    old("export", "mf", "--projector", str(tmp_path / "projector"))
    assert all((tmp_path / name).stat().st_size > 1_000 for name in ("pair.html", "pair.zip", "inspected.html"))
    assert sum(1 for path in (tmp_path / "projector").rglob("*") if path.is_file()) >= 2
    popular = old.json("recommend", "network", "--popular", "--user", user)["items"]
    assert [entry["item_id"] for entry in popular] == [raw for raw, _ in golden["listed"]["popularity"][user]]


# ---------------------------------------------------------------- work that goes on


@pytest.mark.parametrize("name", mostly_full(asked.WORK, "stopped", "network-again"))
def test_what_was_begun_goes_on_and_what_was_trained_is_trained_again(copied: Home, golden: Any, name: str) -> None:
    found, wanted = asked.worked(copied, name), golden["worked"][name]
    here = golden["made"]["machine"] == asked.machine()
    assert [found[key] for key in ("best_epoch", "history")] == [wanted[key] for key in ("best_epoch", "history")]
    # on another processor sums round otherwise at each step, and a rank or two may swap in the end
    same([found["test"], found["validation"]], [wanted["test"], wanted["validation"]], EXACT if here else 0.02)
    renamed = {asked.Words.tensors.get(name, name): sums for name, sums in wanted["weights"].items()}
    same_arrays(found["weights"], renamed, 1e-9 if here else 1e-4)
    if here:
        assert found["sha256"] == wanted["sha256"]


def test_a_run_that_waits_is_queued_while_it_may_still_be_taken_up(copied: Home) -> None:
    path = copied.run("queued") / "status.json"
    assert copied.json("runs", "show", "queued")["state"] == "lost"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"updated": time.time()}), encoding="utf-8")
    assert copied.json("runs", "show", "queued")["state"] == "queued"
    copied("runs", "stop", "queued")
    copied("runs", "kill", "stopped")


def test_runs_are_labelled_renamed_and_deleted(copied: Home) -> None:
    labels = copied.json("runs", "label", "network", "--untag", "table 2", "--tag", "kept", "--no-archive")
    assert (labels["tags"], labels["archived"]) == (["baseline", "kept"], False)
    assert labels["note"].startswith("starts where *mf* ended")
    before = copied.json("evaluate", "network")["metrics"]
    copied("runs", "rename", "mf", "factors")
    config = json.loads((copied.run("network") / "config.json").read_text(encoding="utf-8"))
    assert (
        config["settings"][asked.Words.settings.get("model.pre_model_path", "model.pre_model_path")]["value"]
        == "factors"
    )
    copied("runs", "delete", "stored", "--yes")
    copied("datasets", "delete", "pairs", "--yes")
    assert not copied.run("stored").exists()
    assert not (copied.folder / "datasets" / "pairs").exists()
    assert copied.json("evaluate", "network")["metrics"] == before


# ---------------------------------------------------------------- pages

USER, ITEM = asked.PAIRS["films"][0]
PAIR: Final = {"run": "network", "user": USER, "item": ITEM}
LOOKS: Final = ("what-if", "over-training", "why", "other-item", "channel", "neighbours", "history", "space")
PAGES: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    *(("inspect", PAIR | {"look": look}) for look in LOOKS),
    ("inspect", PAIR | {"epoch": "0"}),
    *(("compare", {"run": ["mf", "network", "ease"], "part": part}) for part in ("pair", "lists", "bands")),
    ("compare", {"run": ["group-seed1", "group-seed2"], "part": "seeds"}),
    ("recommend", {"run": ["mf", "network"], "whose": "new", "like": ["f142", "f303"]}),
    ("recommend", {"run": "network", "whose": "pairs"}),
    *(("learn", PAIR | {"step": str(step)}) for step in range(1, 7)),
)


def fine(app: AppTest) -> AppTest:
    """The page, with neither an exception nor an error on it."""
    assert not app.exception, app.exception
    assert not [error.value for error in app.error]
    return app


@pytest.mark.parametrize(
    ("page", "parameters"),
    [
        pytest.param(
            page, has, id=f"{page}-{'-'.join(map(str, has.values()))}", marks=[] if usual else pytest.mark.full
        )
        for (page, has), before in zip(PAGES, [("", {}), *PAGES], strict=False)
        for usual in [page != before[0]]
    ],
)
def test_every_page_opens_it(shown: Home, page: str, parameters: dict[str, Any]) -> None:
    app = fine(open_page(page, **parameters))
    assert figures_of(app) or page == "recommend"


def test_start_shows_what_the_newest_reached(shown: Home, golden: Any) -> None:
    said = texts(fine(open_page("start")))
    for name in ("stored", "group-seed1", "group-seed2"):
        assert name in said
        assert number(golden["described"][name]["value"]) in said


@pytest.mark.parametrize("name", asked.PAIRS)
def test_data_shows_the_counts(shown: Home, golden: Any, name: str) -> None:
    told = golden["datasets"]["shown"][name]
    table = fine(open_page("data", dataset=name)).dataframe[0].value
    (row,) = table[table["Dataset"] == name].to_dict("records")
    assert [row["Users"], row["Items"], row["Interactions"]] == [told["users"], told["items"], told["interactions"]]


@pytest.mark.parametrize("name", mostly_full(["network", "ease", "stored", "stopped", "queued"], "network", "ease"))
def test_train_shows_a_run_and_copies_its_settings(shown: Home, golden: Any, name: str) -> None:
    app = fine(open_page("train", run=name))
    value = golden["described"][name]["value"]
    assert value is None or number(value) in texts(app)
    assert bool(figures_of(app)) == (name in ("network", "stored", "stopped"))
    app.button(key=f"watch:copy:{name}").click().run()
    copied = json.loads(fine(app).query_params["settings"])
    told = {key: entry[0] for key, entry in asked.written_settings(shown, name).items()}
    assert copied.items() <= told.items()
    assert (copied["model.name"], copied["data.dataset"]) == (told["model.name"], told["data.dataset"])


def test_runs_are_listed_with_their_figures(shown: Home, golden: Any) -> None:
    app = fine(open_page("runs", archived="yes", columns=["run", "test", "epoch", "tags"]))
    table = app.dataframe[0].value.set_index("run")
    assert set(table.index) == set(asked.EVERY)
    for name in asked.RANKED:
        told = golden["described"][name]
        assert table.loc[name, "test"] == pytest.approx(told["value"])
        tags: Any = table.loc[name, "tags"]
        assert list(tags) == told["tags"]
        assert name not in asked.EMBEDDED or table.loc[name, "epoch"] == told["best_epoch"]


@pytest.mark.parametrize("name", mostly_full(asked.FINISHED, "network", "ease"))
def test_inspect_shows_score_and_rank(shown: Home, golden: Any, name: str) -> None:
    user, item = asked.PAIRS[asked.DATASETS.get(name, "films")][0]
    app = fine(open_page("inspect", run=name, user=user, item=item))
    told = golden["inspected"][name]
    title = str(app.title[0].value)
    assert number(told["score"]) in title
    assert re.findall(r"rank ([\d,]+) of ([\d,]+)", title) == [(str(told["rank"]), str(told["candidates"]))]
    assert bool(figures_of(app)) == (name in asked.EMBEDDED)


def test_compare_shows_the_metrics(shown: Home, golden: Any) -> None:
    names = ["mf", "network", "ease"]
    app = fine(open_page("compare", run=names, cutoff="10"))
    table = next(one.value for one in app.table if one.value.index.name == "Metric")
    for name in names:
        (column,) = [head for head in table.columns if str(head).endswith(f" {name}")]
        told = golden["compared"]["mf network ease"]["runs"][name]["metrics"]
        found = {str(metric).replace("\\", ""): value for metric, value in table[column].items()}
        assert found == pytest.approx({metric: told[metric] for metric in found})
        assert "NDCG@10" in found


def test_recommend_shows_the_lists(shown: Home, golden: Any) -> None:
    names = ["mf", "network", "ease", "popularity"]
    tables = [one.value for one in fine(open_page("recommend", run=names, user=USER)).dataframe]
    assert len(tables) == len(names)
    for name, table in zip(names, tables, strict=True):
        scores = [score for _, score in golden["listed"][name][USER]]
        assert table["Score"].tolist() == pytest.approx(scores, abs=SCORES)
