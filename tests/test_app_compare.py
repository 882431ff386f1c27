"""Compare: the figures are the reports', runs that are not comparable are never ranked, and a pair has one scale."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app.ui.text import NOT_VALIDATED, percent, plain, verdict
from app.views.compare import feature_maps
from app.views.compare.settings import as_text
from convncf import figures
from convncf.evaluation import comparison
from convncf.evaluation.significance import PairedTest
from convncf.figures import LIGHT
from convncf.figures.theme import number
from convncf.inspection.alignment import feature_difference
from convncf.runs import RunStore
from tests.app_pages import Opened, alt_of, alts, control, figure, figures_of, fine, open_page, square, texts
from tests.app_runs import train
from tests.closer_look import core_trace, core_view

NETWORKS = ["tiny-mf", "tiny-222", "tiny-42"]


def report(home: Path, run: str) -> dict[str, Any]:
    content = RunStore(home).open(run).report()
    assert content is not None
    return content


def colours(app: AppTest, alt: str) -> dict[str, str]:
    """Run -> the colour that it has in the figure with that text alternative."""
    spec = next(spec for spec in figures_of(app) if alt in alt_of(spec))
    by_run = {}
    for trace in spec["data"]:
        name, marker = trace.get("name") or "", trace.get("marker", {})
        if name:  # the baseline is hollow: its colour is that of its edge
            hollow = name.endswith(" (baseline)")
            by_run[name.removesuffix(" (baseline)")] = marker["line"]["color"] if hollow else marker["color"]
    return by_run


# ---------------------------------------------------------------- nothing to compare


def test_one_finished_run_leads_to_training_another(copied_home: Path) -> None:
    for name in RunStore(copied_home).names():
        if name not in ("tiny-mf", "waiting"):
            shutil.rmtree(copied_home / "runs" / name)
    app = fine(open_page("compare"))
    assert "one run" in texts(app)
    assert [getattr(link, "label", "") for link in app.get("page_link")] == ["Train another model"]


def test_no_finished_run_leads_to_what_is_trained(copied_home: Path) -> None:
    for name in RunStore(copied_home).names():
        if name != "waiting":
            shutil.rmtree(copied_home / "runs" / name)
    app = fine(open_page("compare"))
    assert "No run" in texts(app)
    assert not app.table


def test_runs_that_cannot_be_compared_are_named_and_skipped(opened: Opened) -> None:
    app = opened("compare", run=["tiny-mf", "nope", "broken", "waiting", "tiny-42"])
    page_text = texts(app)
    assert all(name in page_text for name in ("Run 'nope'", "Run broken", "Run waiting"))
    assert app.query_params["run"] == ["tiny-mf", "tiny-42"]
    assert app.table


def test_a_damaged_report_is_named(copied_home: Path) -> None:
    (copied_home / "runs" / "tiny-42" / "report.json").write_text("{ not json", encoding="utf-8")
    app = fine(open_page("compare", run=["tiny-mf", "tiny-42", "tiny-222"]))
    assert "Run tiny-42" in texts(app)
    assert app.query_params["run"] == ["tiny-mf", "tiny-222"]


@pytest.mark.parametrize("gone", ["per_user.parquet", "metrics.jsonl", "model.safetensors"])
def test_a_missing_file_takes_no_more_than_its_own_part(copied_home: Path, gone: str) -> None:
    (copied_home / "runs" / "tiny-42" / gone).unlink()
    app = fine(open_page("compare", run=["tiny-mf", "tiny-42"]))
    assert app.selectbox(key="compare:run:1").value == "tiny-42"
    if gone != "per_user.parquet":
        assert app.table


# ---------------------------------------------------------------- the choice


@pytest.mark.parametrize(
    "parameters",
    [
        {"run": ["tiny-mf", "tiny-42"]},
        {"runs": "tiny-mf,tiny-42"},
        {"run": "tiny-mf", "other": "tiny-42"},
        {"run": ["tiny-mf", "tiny-42", "tiny-mf"]},
    ],
)
def test_runs_can_be_named_in_several_ways_and_end_up_in_one(opened: Opened, parameters: dict[str, Any]) -> None:
    app = opened("compare", **parameters)
    assert app.query_params["run"] == ["tiny-mf", "tiny-42"]
    assert not {"other", "runs"} & set(app.query_params)


def test_without_a_choice_the_newest_that_share_data_are_compared(opened: Opened) -> None:
    app = opened("compare")
    assert app.query_params["run"] == ["tiny-222", "tiny-42", "tiny-pop"]
    assert not app.warning


def test_the_default_choice_can_be_ranked_and_was_tested(copied_home: Path) -> None:
    """Newest of all stand a run that was trained on everything, and one of another split."""
    other: dict[str, object] = {"data.split": "leave-one-out"}
    train(copied_home, "other-split", "popularity", other)
    train(copied_home, "refit", "popularity", {"data.split": "ratio", "data.ratios": (1.0, 0.0, 0.0)})
    app = fine(open_page("compare"))
    assert app.query_params["run"] == ["tiny-222", "tiny-42", "tiny-pop"]
    assert not app.warning
    train(copied_home, "same-split", "itemknn", other)
    assert fine(open_page("compare")).query_params["run"] == ["other-split", "same-split"]


def test_a_run_that_is_being_extended_is_not_finished(copied_home: Path) -> None:
    RunStore(copied_home).open("tiny-42").extend(5)
    app = fine(open_page("compare"))
    assert "tiny-42" not in app.query_params["run"]
    assert "tiny-42" not in app.selectbox(key="compare:run:0").options


def test_what_is_computed_in_one_go_has_no_best_epoch_and_no_validation_no_best(copied_home: Path) -> None:
    page_text = texts(fine(open_page("compare", run=["tiny-pop", "tiny-42"])))
    assert "tiny-pop: computed" in page_text
    assert "tiny-42: best epoch" in page_text
    everything = {"model.embedding_size": 8, "train.epochs": 2, "data.split": "ratio", "data.ratios": (1.0, 0.0, 0.0)}
    for name in ("one", "two"):
        train(copied_home, name, "mf-bpr", everything)
    app = fine(open_page("compare", run=["one", "two"]))
    assert "one: kept epoch 2" in texts(app)
    assert NOT_VALIDATED in texts(app)
    assert figure(app, "loss over epochs. one: 2 epochs")


def test_runs_are_added_exchanged_and_removed(at_home: Path) -> None:
    app = fine(open_page("compare", run=["tiny-mf", "tiny-42"]))
    app.selectbox(key="compare:run:2").select("tiny-pop").run()
    assert app.query_params["run"] == ["tiny-mf", "tiny-42", "tiny-pop"]
    app.selectbox(key="compare:run:0").select("tiny-222").run()
    assert app.query_params["run"] == ["tiny-222", "tiny-42", "tiny-pop"]
    app.selectbox(key="compare:run:2").set_value(None).run()
    assert fine(app).query_params["run"] == ["tiny-222", "tiny-42"]


def test_four_runs_at_most(opened: Opened) -> None:
    app = opened("compare", run=[*NETWORKS, "tiny-pop", "other-pop"])
    assert "4 runs" in texts(app)
    assert app.query_params["run"] == [*NETWORKS, "tiny-pop"]


# ---------------------------------------------------------------- figures and tables


def test_the_table_holds_the_reports_and_their_differences(at_home: Path, opened: Opened) -> None:
    app = opened("compare", run=["tiny-mf", "tiny-pop"])
    mine, other = report(at_home, "tiny-mf")["metrics"], report(at_home, "tiny-pop")["metrics"]
    table = app.table[0].value
    assert [column.split(" ", 1)[1] for column in table.columns] == [plain("tiny-mf"), plain("tiny-pop"), "difference"]
    names = [name for name in mine if name.endswith("@10") or name == "AUC"]
    assert list(table.index) == [plain(name) for name in names]
    for row, name in zip(table.to_numpy(), names, strict=True):
        assert row.tolist() == pytest.approx([mine[name], other[name], other[name] - mine[name]], abs=1e-12)


def test_the_cut_off_can_be_chosen(at_home: Path) -> None:
    app = fine(open_page("compare", run=["tiny-mf", "tiny-pop"]))
    control(app, "choice:cutoff").set_value("5").run()
    names = [name for name in report(at_home, "tiny-mf")["metrics"] if name.endswith("@5") or name == "AUC"]
    assert list(fine(app).table[0].value.index) == [plain(name) for name in names]


def test_the_paired_test_is_the_cores_and_the_users_are_counted(at_home: Path, opened: Opened) -> None:
    app = opened("compare", run=["tiny-mf", "tiny-pop"])
    store = RunStore(at_home)
    expected = comparison.compare([store.open("tiny-mf"), store.open("tiny-pop")]).paired["tiny-pop"]
    assert f"{plain('NDCG@10')}: {plain(expected.in_words('tiny-pop', 'tiny-mf'))}." in [
        element.value for element in app.caption
    ]
    assert f"{plain(verdict(expected, 'tiny-pop', 'tiny-mf'))}." in [element.value for element in app.markdown]
    assert f"{report(at_home, 'tiny-pop')['n_users_evaluated']} users" in texts(app)


def test_unlike_runs_are_flagged_and_never_ranked(opened: Opened) -> None:
    app = opened("compare", run=["tiny-pop", "other-pop"])
    assert any("datasets" in warning.value for warning in app.warning)
    assert len(app.table[0].value.columns) == 2  # no differences
    page_text = texts(app)
    assert "Neither ranked" in page_text
    assert not [words for words in ("better than", "higher than", "lower than") if words in page_text]
    assert "font-weight" not in (app.table[0].proto.arrow_data.styler.styles or "")


def test_simple_baselines_stand_beside_the_runs_greyed_and_unranked(at_home: Path, opened: Opened) -> None:
    app = opened("compare", run=["tiny-222", "tiny-42"])
    baselines = report(at_home, "tiny-222")["baselines"]
    table = app.table[0].value
    names = [name for name in baselines["popularity"] if name.endswith("@10") or name == "AUC"]
    for model, head in (("popularity", "Popularity"), ("mf-bpr", "MF-BPR")):
        expected = [baselines[model][name] for name in names]
        assert table[f":gray[{plain(head)}]"].tolist() == pytest.approx(expected)
    plot = figure(app, "Metrics of")
    assert next(trace for trace in plot["data"] if trace.get("name") == "Popularity")["marker"]["color"] == LIGHT.muted


def test_a_simple_baseline_that_is_one_of_the_runs_is_not_shown_twice(opened: Opened) -> None:
    app = opened("compare", run=["tiny-222", "tiny-pop", "tiny-mf"])
    assert not [column for column in app.table[0].value.columns if column.startswith(":gray")]


def paired(difference: float, p_value: float) -> PairedTest:
    return PairedTest(100, 0.2 + difference, 0.2, difference, difference - 0.01, difference + 0.01, p_value)


def test_the_verdict_names_the_better_run_or_says_that_none_is_significantly_better() -> None:
    assert verdict(paired(0.02, 0.001), "a", "b").startswith("a ranks")
    assert verdict(paired(-0.02, 0.001), "a", "b").startswith("b ranks")
    for unclear in (paired(0.02, 0.2), paired(0.0, 1.0)):
        assert verdict(unclear, "a", "b") == "No significant difference between a and b"
    same = PairedTest(100, 0.2, 0.2, 0.0, 0.0, 0.0, 1.0)
    assert verdict(same, "a", "b").startswith("a and b have exactly equal")


def test_the_best_is_bold(opened: Opened) -> None:
    app = opened("compare", run=["tiny-mf", "tiny-pop"])
    assert "font-weight: 700" in app.table[0].proto.arrow_data.styler.styles


def test_a_run_has_one_colour_on_every_figure_whatever_it_is_compared_with(opened: Opened) -> None:
    first = opened("compare", run=NETWORKS)
    other = opened("compare", run=["tiny-42", "tiny-mf"])
    first_colours = colours(first, "Metrics of")
    assert len({first_colours[name] for name in NETWORKS}) == 3
    for app, alt in ((first, "over epochs"), (other, "Metrics of"), (other, "over epochs")):
        assert all(first_colours[name] == colour for name, colour in colours(app, alt).items() if name in NETWORKS)


def test_only_settings_that_differ_are_listed_whatever_their_type(copied_home: Path) -> None:
    odd = {"model.embedding_size": 8, "train.epochs": 1, "eval.ks": [5, 10], "train.lr_embedding": 2e-3}
    train(copied_home, "tiny-odd", "mf-bpr", odd)
    app = fine(open_page("compare", run=["tiny-mf", "tiny-odd", "tiny-pop", "tiny-222"]))
    rows = {row["Key"]: list(row.values())[2:] for row in app.dataframe[0].value.to_dict("records")}
    assert rows["eval.ks"] == ["[5, 10, 20]", "[5, 10]", "[5, 10, 20]", "[5, 10, 20]"]
    assert rows["model.name"] == ["mf-bpr", "mf-bpr", "popularity", "convncf"]
    assert rows["model.cnn_kernels"] == ["–", "–", "–", "[2, 2, 2]"]
    assert "eval.monitor" not in rows


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "none"),
        ("", "none"),
        ("auto", "auto"),
        (True, "true"),
        (0.05, "0.05"),
        ([1, 16], "[1, 16]"),
        (9_007_199_254_740_993, "9007199254740993"),
    ],
)
def test_a_value_of_any_type_is_text(value: object, text: str) -> None:
    assert as_text(value) == text


# ---------------------------------------------------------------- the same pair


def maps(app: AppTest) -> list[dict[str, Any]]:
    return [spec for spec in figures_of(app) if "Interaction map of" in alt_of(spec)]


def test_the_maps_share_one_scale_and_are_the_models(at_home: Path, opened: Opened) -> None:
    app = opened("compare", run=NETWORKS, user="u3", item="i4")
    limits = set()
    largest = 0.0
    for run, spec in zip(NETWORKS, maps(app), strict=True):
        core, heat = core_trace(at_home, run), spec["data"][0]
        np.testing.assert_allclose(square(heat["z"]), core.map, rtol=1e-6)
        limits.add((heat["zmin"], heat["zmax"]))
        largest = max(largest, figures.maps.largest(core))
    assert limits == {(-largest, largest)}


def test_each_model_says_its_rank_and_score(at_home: Path, opened: Opened) -> None:
    app = opened("compare", run=["tiny-mf", "tiny-pop"], user="u3", item="i4")
    page_text = texts(app)
    for run in ("tiny-mf", "tiny-pop"):
        core = core_view(at_home, run)
        assert f"score {number(core.score)}" in page_text
        assert core.rank.words[1:] in page_text


def test_the_relation_of_dimensions_is_reported_only_where_the_pretraining_is_shared(
    at_home: Path, copied_home: Path
) -> None:
    shared = texts(fine(open_page("compare", run=NETWORKS)))
    assert "started as those of tiny-mf" in shared
    train(copied_home, "stranger", "mf-bpr", {"model.embedding_size": 8, "train.epochs": 1})
    apart = texts(fine(open_page("compare", run=["tiny-222", "stranger"])))
    assert "dimension k" in apart
    assert "started as those" not in apart


def test_another_data_set_has_no_such_pair_and_says_so(opened: Opened) -> None:
    app = opened("compare", run=["tiny-mf", "other-pop"], user="u3", item="nope")
    assert "'nope'" in texts(app)


def test_the_layer_of_the_feature_maps_can_be_chosen_and_a_shorter_network_says_so(at_home: Path) -> None:
    app = fine(open_page("compare", run=["tiny-222", "tiny-42"], user="u3", item="i4"))
    assert ["layer 1" in alt for alt in alts(app) if "Feature maps of" in alt] == [True, True]
    control(app, "choice:layer").set_value("3").run()
    assert len([alt for alt in alts(fine(app)) if "Feature maps of" in alt]) == 1
    assert "2 layers" in texts(app)


def test_the_feature_maps_of_all_models_share_one_scale(at_home: Path, opened: Opened) -> None:
    app = opened("compare", run=["tiny-222", "tiny-42"], user="u3", item="i4")
    tiles = [spec for spec in figures_of(app) if "Feature maps of" in alt_of(spec)]
    tops = [float(core_trace(at_home, run).layers[0].maps.max()) for run in ("tiny-222", "tiny-42")]
    assert tops[0] != tops[1]
    assert [(spec["data"][0]["zmin"], spec["data"][0]["zmax"]) for spec in tiles] == [(0, max(tops))] * 2
    assert "its own scale" not in texts(app)


@pytest.mark.parametrize("way", ["number", "matched"])
def test_feature_maps_are_subtracted_with_a_warning(copied_home: Path, way: str) -> None:
    settings = RunStore(copied_home).open("tiny-222").config().model
    shape = {f"model.{name}": list(getattr(settings, name)) for name in ("cnn_channels", "cnn_kernels", "cnn_strides")}
    start = {"model.embedding_size": 8, "model.initialisation": "random", "pretrain.epochs": 0, "train.epochs": 1}
    train(copied_home, "again", "convncf", {**shape, **start})
    app = fine(open_page("compare", run=["tiny-222", "again"], user="u3", item="i4", layer="2", channels=way))
    (drawn,) = (one for one in figures_of(app) if "layer 2, tiny-222 minus again" in alt_of(one))
    first, second = (core_trace(copied_home, run).layers[1] for run in ("tiny-222", "again"))
    core = feature_difference(first, second, matched=way == "matched")
    assert drawn["data"][0]["zmax"] == pytest.approx(float(np.abs(core.layer.maps).max()))
    assert f": {percent(core.relative_difference)}." in texts(app)
    assert (feature_maps.MATCHED if way == "matched" else feature_maps.WARNING) in texts(app)
    assert app.query_params["channels"] == way


def test_feature_maps_of_two_shapes_have_no_difference(opened: Opened) -> None:
    app = opened("compare", run=["tiny-222", "tiny-42"], user="u3", item="i4", layer="3", channels="number")
    assert "tiny-222 has 4 maps of 1×1 there and tiny-42 no such layer" in texts(app)


def test_every_figure_has_words(at_home: Path, opened: Opened) -> None:
    app = opened("compare", run=NETWORKS)
    assert json.dumps(figures_of(app), allow_nan=False)
