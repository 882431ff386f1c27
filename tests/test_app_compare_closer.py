"""Look closer on Compare: each panel shows the core's numbers, and the address has every choice."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from app.ui import cache
from app.views.compare import choice, lists, metrics, pair, settings
from convncf import inspection
from convncf.evaluation import comparison, seeds, user_groups
from convncf.evaluation.comparison import ComparedRun, Comparison
from convncf.figures.maps import ORDERS
from convncf.figures.theme import number
from convncf.inspection.alignment import MapDifference, map_difference
from convncf.runs import RunStore, Status
from convncf.runtime import files
from tests.app_pages import Opened, alt_of, alts, control, figures_of, fine, open_page, texts
from tests.closer_look import core_trace, loaded

NETWORKS = ["tiny-mf", "tiny-222", "tiny-42"]
TWO = ["tiny-mf", "tiny-42"]


# ---------------------------------------------------------------- the address


def test_the_address_carries_every_choice_but_a_default(opened: Opened) -> None:
    app = opened("compare", run=NETWORKS)
    parameters = dict(app.query_params)
    assert set(parameters) == {"run", "user", "item", "cutoff", "against"}
    assert (parameters["run"], parameters["cutoff"], parameters["against"]) == (NETWORKS, "10", "tiny-222")


def test_a_choice_in_the_address_is_the_one_that_is_shown_and_a_strange_one_is_reported(opened: Opened) -> None:
    app = opened("compare", run=NETWORKS, cutoff="5", along="time", smooth="0.9", order="by q", layer="7")
    chosen = {name: control(app, f"choice:{name}").value for name in ("cutoff", "along", "smooth", "order", "layer")}
    assert chosen == {"cutoff": "5", "along": "time", "smooth": "0.9", "order": "by q", "layer": "1"}
    assert "Layer '7' is not available; Layer 1" in texts(app)
    assert set(ORDERS) == set(choice.CHOICES["order"])


def test_any_run_becomes_the_baseline_in_one_click(at_home: Path) -> None:
    app = fine(open_page("compare", run=NETWORKS, against="tiny-222"))
    app.button(key="compare:baseline:1").click().run()
    assert fine(app).query_params["run"] == ["tiny-222", "tiny-mf", "tiny-42"]
    assert "tiny-222 (baseline)" in {trace.get("name") for spec in figures_of(app) for trace in spec["data"]}
    assert "is not available" not in texts(app)


def test_runs_that_were_measured_otherwise_are_left_out_in_one_click(at_home: Path) -> None:
    app = fine(open_page("compare", run=["tiny-mf", "other-pop", "tiny-42"]))
    assert app.warning
    app.button(key="compare:comparable").click().run()
    assert fine(app).query_params["run"] == ["tiny-mf", "tiny-42"]
    assert not app.warning


def test_two_runs_that_are_unlike_leave_nothing_to_keep(opened: Opened) -> None:
    app = opened("compare", run=["tiny-pop", "other-pop"])
    assert "compare:comparable" not in {button.key for button in app.button}


def test_a_read_only_server_compares_all_the_same(at_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVNCF_READ_ONLY", "1")
    app = fine(open_page("compare", run=TWO, part="bands"))
    assert app.table
    assert figures_of(app)


# ---------------------------------------------------------------- the difference of two maps


@pytest.mark.parametrize("method", ["none", "permutation", "rotation"])
def test_the_difference_is_the_cores_and_the_warning_stands_beside_it(
    at_home: Path, opened: Opened, method: Any
) -> None:
    app = opened("compare", run=["tiny-mf", "tiny-42"], user="u3", item="i4", align=method)
    runs = [loaded(at_home, name) for name in ("tiny-mf", "tiny-42")]
    first, second = (core_trace(at_home, name) for name in ("tiny-mf", "tiny-42"))
    tables = [inspection.embeddings(one.model, one.dataset.interactions) for one in runs]
    alignment = None if method == "none" else inspection.align(tables[0], tables[1], method)
    expected = map_difference(first, second, alignment)
    page_text = texts(app)
    assert pair.describe(expected, alignment) in page_text
    assert (pair.WARNING if alignment is None else alignment.words) in page_text
    assert "Two maps and their difference on one scale" in "\n".join(alts(app))


def test_how_much_alignment_removes_or_adds_is_reported_in_numbers() -> None:
    some: Any = MapDifference
    turned: Any = object()
    maps: Any = (None, None)
    removed = pair.describe(some(*maps, 2.0, 0.5), turned)
    assert re.findall(r"\d[\d.]*", removed)[:2] == ["200", "50.0"]
    assert "removes 75" in removed
    assert "adds 50.0%" in pair.describe(some(*maps, 2.0, 3.0), turned)
    assert "equal" in pair.describe(some(*maps, 0.0, 0.0), None)


def test_a_baseline_without_embeddings_has_no_difference(opened: Opened) -> None:
    app = opened("compare", run=["tiny-pop", "tiny-mf"], user="u3", item="i4")
    assert "Difference" not in [element.value for element in app.subheader]


# ---------------------------------------------------------------- by user group


def test_the_groups_are_the_cores(at_home: Path, opened: Opened) -> None:
    app = opened("compare", run=TWO, part="bands")
    runs = [RunStore(at_home).open(name) for name in TWO]
    split = loaded(at_home, TWO[0]).split
    for by_group in (user_groups.by_activity(runs, split, "HR@10"), user_groups.by_popularity(runs, split, 10)):
        n = ", ".join(map(str, by_group.groups.n.tolist()))
        assert f"in {len(by_group.groups.n)} groups of {n} " in "\n".join(alts(app))
    plot = next(spec for spec in figures_of(app) if "HR@10 by training items" in alt_of(spec))
    means = user_groups.by_activity(runs, split, "HR@10").groups.means
    assert [trace["y"] for trace in plot["data"]] == [pytest.approx(values.tolist()) for values in means.values()]


def test_a_run_without_ranks_keeps_its_activity_and_says_what_to_do(copied_home: Path) -> None:
    (copied_home / "runs" / "tiny-42" / "ranks.parquet").unlink()
    app = fine(open_page("compare", run=TWO, part="bands"))
    assert "convncf evaluate tiny-42 --ranks FILE" in texts(app)
    assert "HR@10 by training items of the user" in "\n".join(alts(app))


def test_runs_of_unlike_data_have_no_common_groups(opened: Opened) -> None:
    app = opened("compare", run=["tiny-pop", "other-pop"], part="bands")
    assert not [alt for alt in alts(app) if "groups of" in alt]
    assert "not comparable" in texts(app)


# ---------------------------------------------------------------- lists


def test_the_lists_are_the_models_and_their_overlap_is_counted(at_home: Path, opened: Opened) -> None:
    app = opened("compare", run=NETWORKS, part="lists", user="u3")
    ids = []
    for name in NETWORKS:
        loaded_run = loaded(at_home, name)
        interactions = loaded_run.dataset.interactions
        top = inspection.recommend(loaded_run.model, loaded_run.split, interactions.users.index("u3"), cache.TOP)
        ids.append([interactions.items.id(item) for item in top.items.tolist()])
    links = [link for link in app.get("page_link") if "inspect" in link.proto.page]
    assert len(links) == sum(map(len, ids))
    page_text = texts(app)
    shared = len(set(ids[0]) & set(ids[1]))
    assert f"tiny-mf and tiny-222: {shared} of {len(ids[0])} in common" in page_text
    assert page_text.count(" in common") == 3
    everywhere = set(ids[0]) & set(ids[1]) & set(ids[2])
    assert sum("**" in link.proto.label for link in links) == 3 * len(everywhere)
    assert all("user=u3" in link.proto.query_string and "run=tiny-" in link.proto.query_string for link in links)


def test_what_two_lists_have_in_common_is_counted_of_the_longer() -> None:
    assert lists.in_common("a", ["1", "2", "3"], "b", ["3", "4"]).startswith("a and b: 1 of 3")


def test_an_unknown_user_is_reported_and_other_data_has_none(opened: Opened) -> None:
    assert "'nobody'" in texts(opened("compare", run=NETWORKS, part="lists", user="nobody"))


# ---------------------------------------------------------------- over seeds


def seeded(home: Path, name: str, seed: int, lift: float, state: str = "finished") -> None:
    """tiny-mf as another seed, its NDCG@10 lifted."""
    shutil.copytree(home / "runs" / "tiny-mf", home / "runs" / name)
    run = RunStore(home).open(name)
    config = json.loads((run.path / "config.json").read_text(encoding="utf-8"))
    config["settings"]["seed"]["value"] = seed
    files.write_json(run.path / "config.json", config)
    report = run.report()
    assert report is not None
    report["metrics"]["NDCG@10"] += lift
    run.write_report(report)
    run.write_status(Status(state=state))


def test_a_group_over_seeds_is_summed_up_and_the_unfinished_are_named(copied_home: Path) -> None:
    seeded(copied_home, "tiny-mf-seed2", 2, 0.01)
    seeded(copied_home, "tiny-mf-seed3", 3, 0.02)
    seeded(copied_home, "tiny-mf-seed4", 4, 0.5, state="stopped")
    app = fine(open_page("compare", run=["tiny-mf", "tiny-pop"], part="seeds"))
    report = RunStore(copied_home).open("tiny-mf").report()
    assert report is not None
    base = report["metrics"]["NDCG@10"]
    expected = seeds.summary([base, base + 0.01, base + 0.02])
    rows = app.table[1].value.reset_index().to_dict("records")
    (row,) = (row for row in rows if (row["Group of"], row["Metric"]) == ("tiny-mf", "NDCG@10"))
    assert (row["Mean"], row["SD"], row["n"]) == (f"{base + 0.01:.4f}", "0.0100", "3")
    assert (row["95% low"], row["95% high"]) == (f"{expected.low:.4f}", f"{expected.high:.4f}")
    page_text = texts(app)
    assert "tiny-mf, tiny-mf-seed2, tiny-mf-seed3 (seeds 1, 2, 3)" in page_text
    assert "tiny-mf-seed4 (stopped)" in page_text


def test_runs_without_other_seeds_say_how_to_get_them(opened: Opened) -> None:
    assert "another seed" in texts(opened("compare", run=NETWORKS, part="seeds"))


def test_a_broken_run_beside_them_takes_no_group_away(copied_home: Path) -> None:
    seeded(copied_home, "tiny-mf-seed2", 2, 0.01)
    app = fine(open_page("compare", run=["tiny-mf", "tiny-mf-seed2", "broken"], part="seeds"))
    assert "(seeds 1, 2)" in texts(app)
    assert len(app.table) == 2


# ---------------------------------------------------------------- curves


def test_curves_are_smoothed_over_a_ghost_and_drawn_by_step(opened: Opened) -> None:
    app = opened("compare", run=["tiny-mf", "tiny-42"], along="step", smooth="0.6")
    (drawn,) = (spec for spec in figures_of(app) if "over epochs" in alt_of(spec))
    assert [trace.get("opacity") for trace in drawn["data"]] == [0.3, None, 0.3, None]
    assert drawn["layout"]["xaxis"]["title"]["text"] == "steps of training"
    assert "faint line" in texts(app)


def test_what_training_added_to_the_start_of_each_network_is_reported(at_home: Path, opened: Opened) -> None:
    page_text = texts(opened("compare", run=NETWORKS))
    for name in NETWORKS[1:]:
        result = comparison.gain(RunStore(at_home).open(name))
        assert result is not None
        assert f"{name} started " in page_text
        assert f"at {number(result.start)} on validation" in page_text
    assert "tiny-mf started" not in page_text, "no network, and nothing to pretrain"


# ---------------------------------------------------------------- tables that leave, and what differs


def compared(*, unlike: tuple[str, ...] = ()) -> Comparison:
    def run(name: str, value: float) -> ComparedRun:
        return ComparedRun(name, "mf-bpr", 1, {"HR@10": value}, {}, 7, 1.0, {"HR@10": (value - 0.1, value + 0.1)})

    return Comparison((run("a_1", 0.123456), run("b", 0.5)), "NDCG@10", (), unlike, {})


def test_csv_has_every_digit_and_latex_what_is_shown_with_the_best_in_bold() -> None:
    table = metrics.export_table(compared(), ["HR@10"], True)
    lines = table.csv().splitlines()
    assert lines[0] == "Metric,a_1,a_1 95% low,a_1 95% high,b,b 95% low,b 95% high,b difference"
    assert lines[1].startswith("HR@10,0.123456,")
    assert lines[1].endswith(repr(0.5 - 0.123456))
    assert r"Metric & a\_1 & 95\% & b & 95\% & difference \\" in table.latex()
    assert (
        r"HR@10 & 0.123 & 0.0235\textendash{}0.223 & \textbf{0.500} & 0.400\textendash{}0.600 & +0.38 \\"
        in table.latex()
    )


def test_unlike_runs_leave_without_a_best_and_a_difference() -> None:
    table = metrics.export_table(compared(unlike=("Other data.",)), ["HR@10"], False)
    assert "textbf" not in table.latex()
    assert "difference" not in table.csv()


def test_intervals_stand_in_the_table_where_they_are_asked_for(at_home: Path, opened: Opened) -> None:
    app = opened("compare", run=["tiny-mf", "tiny-pop"], intervals="yes")
    result = comparison.compare([RunStore(at_home).open(name) for name in ("tiny-mf", "tiny-pop")])
    low, high = result.runs[0].intervals["HR@10"]
    column = next(name for name in app.table[0].value.columns if name.endswith("95%"))
    assert app.table[0].value[column].tolist()[0] == f"{number(low)}–\u2060{number(high)}", (
        "and no line break after the dash"
    )


@pytest.mark.parametrize(
    ("a", "b", "differ"),
    [
        (1e-3, 0.001, False),
        (10, 10.0, False),
        (9_007_199_254_740_993, 9_007_199_254_740_992, True),  # a float cannot tell these apart
        ({"x": 1}, {"x": 1.0}, False),
        ({"x": 1}, {"x": 2}, True),
        ("auto", None, True),
    ],
)
def test_equal_numbers_are_equal_and_large_ids_are_not_rounded(a: Any, b: Any, differ: bool) -> None:
    assert bool(comparison.differences([{"key": a}, {"key": b}])) is differ


def test_settings_of_all_kinds_stand_as_text_and_the_machine_apart(copied_home: Path) -> None:
    """Case 32 and 42: lists, text, numbers beyond 2⁵³ and settings that a model lacks in one table."""
    run = RunStore(copied_home).open("tiny-mf")
    config = json.loads((run.path / "config.json").read_text(encoding="utf-8"))
    config["settings"]["train.device"]["value"] = "cuda"
    config["settings"]["train.epochs"]["value"] = 9_007_199_254_740_993
    files.write_json(run.path / "config.json", config)
    environment = run.environment()
    environment["versions"]["torch"] = "1.0"
    run.write_environment(environment)
    app = fine(open_page("compare", run=["tiny-222", "tiny-mf"]))
    rows = {row["Key"]: row["tiny-mf"] for row in app.dataframe[0].value.to_dict("records")}
    assert rows["train.epochs"] == "9007199254740993"
    assert rows["model.cnn_kernels"] == settings.NO_EFFECT
    assert "train.device" not in rows
    machines = {row["Property"]: row["tiny-mf"] for row in app.dataframe[1].value.to_dict("records")}
    assert machines == {"train.device": "cuda", "torch": "1.0"}
    assert f"These {len(rows)} " in texts(app)
