"""Compare: the figures are the reports', unlike runs are never ranked, and the same pair is drawn on one scale."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app.ui import commands
from app.ui.text import NOT_VALIDATED, plain, verdict
from app.views.compare import feature_maps
from app.views.compare.settings import as_text
from convncf import figures, inspection
from convncf.evaluation import comparison
from convncf.evaluation.significance import PairedTest
from convncf.figures import LIGHT
from convncf.figures.theme import number
from convncf.inspection.alignment import feature_difference
from convncf.runs import RunStore
from convncf.workflow.loading import load_run
from tests.app_runs import DATASET, figures_of, open_page, texts, train

pytest_plugins = ["tests.app_home"]

NETWORKS = ["tiny-mf", "tiny-222", "tiny-42"]


def fine(app: AppTest) -> AppTest:
    assert not app.exception, app.exception
    return app


def control(app: AppTest, parameter: str) -> Any:
    """The row of options that is bound to that parameter of the address."""
    return next(one for one in app.get("segmented_control") if getattr(one, "key", "") == f"choice:{parameter}")


def report(home: Path, run: str) -> dict[str, Any]:
    found = RunStore(home).open(run).report()
    assert found is not None
    return found


def colours(app: AppTest, alt: str) -> dict[str, str]:
    """Run -> the colour that it has in the figure with that text alternative."""
    spec = next(spec for spec in figures_of(app) if alt in spec["layout"]["meta"]["alt"])
    found = {}
    for trace in spec["data"]:
        name, marker = trace.get("name") or "", trace.get("marker", {})
        if name:  # the baseline is hollow: its colour is that of its edge
            hollow = name.endswith(" (baseline)")
            found[name.removesuffix(" (baseline)")] = marker["line"]["color"] if hollow else marker["color"]
    return found


# ---------------------------------------------------------------- nothing to compare


def test_an_empty_home_leads_to_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[bool] = []

    def start() -> str:
        started.append(True)
        return "Started."

    monkeypatch.setattr(commands, "start_demo", start)
    app = fine(open_page("compare"))
    app.button(key="demo").click().run()
    assert started == [True]
    assert "ConvNCF workbench" in texts(fine(app))


def test_one_finished_run_leads_to_training_another(copied_home: Path) -> None:
    for name in RunStore(copied_home).names():
        if name not in ("tiny-mf", "waiting"):
            shutil.rmtree(copied_home / "runs" / name)
    app = fine(open_page("compare"))
    assert "Only one run is finished" in texts(app)
    assert [getattr(link, "label", "") for link in app.get("page_link")] == ["Train another model"]


def test_no_finished_run_leads_to_what_is_trained(copied_home: Path) -> None:
    for name in RunStore(copied_home).names():
        if name != "waiting":
            shutil.rmtree(copied_home / "runs" / name)
    assert "No run is finished yet" in texts(fine(open_page("compare")))


def test_runs_that_cannot_be_compared_are_named_and_left_aside(at_home: Path) -> None:
    app = fine(open_page("compare", run=["tiny-mf", "nope", "broken", "waiting", "tiny-42"]))
    said = texts(app)
    assert "Run 'nope' does not exist" in said
    assert "Run broken cannot be read" in said
    assert "Run waiting has no report yet" in said
    assert app.query_params["run"] == ["tiny-mf", "tiny-42"]
    assert "Metrics on the test part" in said


def test_a_damaged_report_is_named(copied_home: Path) -> None:
    (copied_home / "runs" / "tiny-42" / "report.json").write_text("{ not json", encoding="utf-8")
    app = fine(open_page("compare", run=["tiny-mf", "tiny-42", "tiny-222"]))
    assert "Run tiny-42 cannot be read" in texts(app)
    assert app.query_params["run"] == ["tiny-mf", "tiny-222"]


@pytest.mark.parametrize("gone", ["per_user.parquet", "metrics.jsonl", "model.safetensors"])
def test_a_missing_file_takes_no_more_than_its_own_part(copied_home: Path, gone: str) -> None:
    (copied_home / "runs" / "tiny-42" / gone).unlink()
    app = fine(open_page("compare", run=["tiny-mf", "tiny-42"]))
    assert app.selectbox(key="compare:run:1").value == "tiny-42"
    if gone != "per_user.parquet":
        assert "Metrics on the test part" in texts(app)


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
def test_runs_can_be_named_in_several_ways_and_end_up_in_one(at_home: Path, parameters: dict[str, Any]) -> None:
    app = fine(open_page("compare", **parameters))
    assert app.query_params["run"] == ["tiny-mf", "tiny-42"]
    assert not {"other", "runs"} & set(app.query_params)


def test_without_a_choice_the_newest_that_share_data_are_compared(at_home: Path) -> None:
    app = fine(open_page("compare"))
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
    said = texts(fine(open_page("compare", run=["tiny-pop", "tiny-42"])))
    assert "tiny-pop: computed in one go" in said
    assert "tiny-42: best epoch" in said
    everything = {"model.embedding_size": 8, "train.epochs": 2, "data.split": "ratio", "data.ratios": (1.0, 0.0, 0.0)}
    for name in ("one", "two"):
        train(copied_home, name, "mf-bpr", everything)
    app = fine(open_page("compare", run=["one", "two"]))
    assert "one: kept epoch 2, nothing validated" in texts(app)
    assert NOT_VALIDATED in texts(app)
    (said,) = (alt for spec in figures_of(app) if "over epochs" in (alt := spec["layout"]["meta"]["alt"]))
    assert said.startswith("loss over epochs. one: 2 epochs")


def test_runs_are_added_exchanged_and_taken_away(at_home: Path) -> None:
    app = fine(open_page("compare", run=["tiny-mf", "tiny-42"]))
    app.selectbox(key="compare:run:2").select("tiny-pop").run()
    assert app.query_params["run"] == ["tiny-mf", "tiny-42", "tiny-pop"]
    app.selectbox(key="compare:run:0").select("tiny-222").run()
    assert app.query_params["run"] == ["tiny-222", "tiny-42", "tiny-pop"]
    app.selectbox(key="compare:run:2").set_value(None).run()
    assert fine(app).query_params["run"] == ["tiny-222", "tiny-42"]


def test_four_runs_at_most(at_home: Path) -> None:
    app = fine(open_page("compare", run=[*NETWORKS, "tiny-pop", "other-pop"]))
    assert "At most 4 runs" in texts(app)
    assert app.query_params["run"] == [*NETWORKS, "tiny-pop"]


# ---------------------------------------------------------------- figures and tables


def test_the_table_holds_the_reports_and_their_differences(at_home: Path) -> None:
    app = fine(open_page("compare", run=["tiny-mf", "tiny-pop"]))
    mine, other = report(at_home, "tiny-mf")["metrics"], report(at_home, "tiny-pop")["metrics"]
    shown = app.table[0].value
    assert [column.split(" ", 1)[1] for column in shown.columns] == [plain("tiny-mf"), plain("tiny-pop"), "difference"]
    names = [name for name in mine if name.endswith("@10") or name == "AUC"]
    assert list(shown.index) == [plain(name) for name in names]
    for row, name in zip(shown.to_numpy(), names, strict=True):
        assert row.tolist() == pytest.approx([mine[name], other[name], other[name] - mine[name]], abs=1e-12)


def test_the_cut_off_can_be_chosen(at_home: Path) -> None:
    app = fine(open_page("compare", run=["tiny-mf", "tiny-pop"]))
    control(app, "cutoff").set_value("5").run()
    names = [name for name in report(at_home, "tiny-mf")["metrics"] if name.endswith("@5") or name == "AUC"]
    assert list(fine(app).table[0].value.index) == [plain(name) for name in names]


def test_the_paired_test_is_the_cores_and_the_users_are_counted(at_home: Path) -> None:
    app = fine(open_page("compare", run=["tiny-mf", "tiny-pop"]))
    store = RunStore(at_home)
    expected = comparison.compare([store.open("tiny-mf"), store.open("tiny-pop")]).paired["tiny-pop"]
    assert f"{plain('NDCG@10')}: {plain(expected.in_words('tiny-pop', 'tiny-mf'))}." in [
        element.value for element in app.caption
    ]
    assert f"{plain(verdict(expected, 'tiny-pop', 'tiny-mf'))}." in [element.value for element in app.markdown]
    assert f"{report(at_home, 'tiny-pop')['n_users_evaluated']} users" in texts(app)


def test_unlike_runs_are_flagged_and_never_ranked(at_home: Path) -> None:
    app = fine(open_page("compare", run=["tiny-pop", "other-pop"]))
    assert any("different datasets" in plain_text.value.replace("\\", "") for plain_text in app.warning)
    assert len(app.table[0].value.columns) == 2  # no differences
    said = texts(app)
    assert "Neither ranked nor subtracted" in said
    assert "Further right is better" not in said
    assert "higher than" not in said
    assert "lower than" not in said
    assert "font-weight" not in (app.table[0].proto.arrow_data.styler.styles or "")


def test_simple_baselines_stand_beside_the_runs_greyed_and_unranked(at_home: Path) -> None:
    app = fine(open_page("compare", run=["tiny-222", "tiny-42"]))
    baselines = report(at_home, "tiny-222")["baselines"]
    shown = app.table[0].value
    names = [name for name in baselines["popularity"] if name.endswith("@10") or name == "AUC"]
    for model, head in (("popularity", "Popularity"), ("mf-bpr", "MF-BPR")):
        expected = [baselines[model][name] for name in names]
        assert shown[f":gray[{plain(head)}]"].tolist() == pytest.approx(expected)
    assert "simple baselines" in texts(app)
    drawn = next(spec for spec in figures_of(app) if "Metrics of" in spec["layout"]["meta"]["alt"])
    assert next(trace for trace in drawn["data"] if trace.get("name") == "Popularity")["marker"]["color"] == LIGHT.muted


def test_a_simple_baseline_that_is_one_of_the_runs_is_not_shown_twice(at_home: Path) -> None:
    app = fine(open_page("compare", run=["tiny-222", "tiny-pop", "tiny-mf"]))
    assert not [column for column in app.table[0].value.columns if column.startswith(":gray")]
    assert "simple baselines" not in texts(app)


def paired(difference: float, p_value: float) -> PairedTest:
    return PairedTest(100, 0.2 + difference, 0.2, difference, difference - 0.01, difference + 0.01, p_value)


def test_the_verdict_names_the_better_one_or_says_that_it_may_be_luck() -> None:
    assert verdict(paired(0.02, 0.001), "a", "b").startswith("a ranks held-out items better than b")
    assert verdict(paired(-0.02, 0.001), "a", "b").startswith("b ranks held-out items better than a")
    assert "a and b cannot be told apart" in verdict(paired(0.02, 0.2), "a", "b")
    assert "a and b cannot be told apart" in verdict(paired(0.0, 1.0), "a", "b")
    same = PairedTest(100, 0.2, 0.2, 0.0, 0.0, 0.0, 1.0)
    assert verdict(same, "a", "b").startswith("a and b do equally well")


def test_the_best_is_bold(at_home: Path) -> None:
    app = fine(open_page("compare", run=["tiny-mf", "tiny-pop"]))
    assert "font-weight: 700" in app.table[0].proto.arrow_data.styler.styles


def test_a_run_has_one_colour_on_every_figure_whatever_it_is_compared_with(at_home: Path) -> None:
    first = fine(open_page("compare", run=NETWORKS))
    other = fine(open_page("compare", run=["tiny-42", "tiny-mf"]))
    seen = colours(first, "Metrics of")
    assert len({seen[name] for name in NETWORKS}) == 3
    for app, alt in ((first, "over epochs"), (other, "Metrics of"), (other, "over epochs")):
        assert all(seen[name] == colour for name, colour in colours(app, alt).items() if name in NETWORKS)


def test_only_settings_that_differ_are_listed_whatever_their_type(copied_home: Path) -> None:
    odd = {"model.embedding_size": 8, "train.epochs": 1, "eval.ks": [5, 10], "train.lr_embedding": 2e-3}
    train(copied_home, "tiny-odd", "mf-bpr", odd)
    app = fine(open_page("compare", run=["tiny-mf", "tiny-odd", "tiny-pop", "tiny-222"]))
    shown = {row["Key"]: list(row.values())[2:] for row in app.dataframe[0].value.to_dict("records")}
    assert shown["eval.ks"] == ["[5, 10, 20]", "[5, 10]", "[5, 10, 20]", "[5, 10, 20]"]
    assert shown["model.name"] == ["mf-bpr", "mf-bpr", "popularity", "convncf"]
    assert shown["model.cnn_kernels"] == ["–", "–", "–", "[2, 2, 2]"]
    assert "eval.monitor" not in shown


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
    return [spec for spec in figures_of(app) if "Interaction map of" in spec["layout"]["meta"]["alt"]]


def test_the_maps_share_one_scale_and_are_the_models(at_home: Path) -> None:
    app = fine(open_page("compare", run=NETWORKS, user="u3", item="i4"))
    limits = set()
    largest = 0.0
    for run, spec in zip(NETWORKS, maps(app), strict=True):
        found = load_run(RunStore(at_home).open(run), at_home)
        users, items = found.dataset.interactions.users, found.dataset.interactions.items
        trace = inspection.trace_pair(found.model, users.index("u3"), items.index("i4"))
        heat = spec["data"][0]
        flat = np.frombuffer(base64.b64decode(heat["z"]["bdata"]), dtype=heat["z"]["dtype"])
        np.testing.assert_allclose(flat.reshape(8, 8), trace.map, rtol=1e-6)  # type: ignore[union-attr]
        limits.add((heat["zmin"], heat["zmax"]))
        largest = max(largest, figures.maps.largest(trace))  # type: ignore[arg-type]
    assert limits == {(-largest, largest)}


def test_each_model_says_its_rank_and_score(at_home: Path) -> None:
    app = fine(open_page("compare", run=["tiny-mf", "tiny-pop"], user="u3", item="i4"))
    said = texts(app)
    for run in ("tiny-mf", "tiny-pop"):
        found = load_run(RunStore(at_home).open(run), at_home)
        users, items = found.dataset.interactions.users, found.dataset.interactions.items
        view = inspection.view_pair(found.model, found.split, users.index("u3"), items.index("i4"))
        assert f"score {number(view.score)}" in said
        assert view.rank.words[1:] in said


def test_kinship_is_said_only_where_the_pretraining_is_shared(at_home: Path, copied_home: Path) -> None:
    shared = texts(fine(open_page("compare", run=NETWORKS)))
    assert "all embeddings began as those of tiny-mf" in shared
    train(copied_home, "stranger", "mf-bpr", {"model.embedding_size": 8, "train.epochs": 1})
    apart = texts(fine(open_page("compare", run=["tiny-222", "stranger"])))
    assert "has nothing to do with dimension k" in apart
    assert "began as those" not in apart


def test_another_data_set_has_no_such_pair_and_says_so(at_home: Path) -> None:
    app = fine(open_page("compare", run=["tiny-mf", "other-pop"], user="u3", item="nope"))
    assert "No item of the 30 in the data has the id 'nope'" in texts(app)


def test_the_layer_of_the_feature_maps_can_be_chosen_and_a_shorter_network_says_so(at_home: Path) -> None:
    app = fine(open_page("compare", run=["tiny-222", "tiny-42"], user="u3", item="i4"))
    tiles = [spec for spec in figures_of(app) if "Feature maps of" in spec["layout"]["meta"]["alt"]]
    assert ["layer 1" in spec["layout"]["meta"]["alt"] for spec in tiles] == [True, True]
    control(app, "layer").set_value("3").run()
    tiles = [spec for spec in figures_of(fine(app)) if "Feature maps of" in spec["layout"]["meta"]["alt"]]
    assert len(tiles) == 1
    assert "This network has 2 layers" in texts(app)


def test_the_feature_maps_of_all_models_share_one_scale(at_home: Path) -> None:
    app = fine(open_page("compare", run=["tiny-222", "tiny-42"], user="u3", item="i4"))
    tiles = [spec for spec in figures_of(app) if "Feature maps of" in spec["layout"]["meta"]["alt"]]
    tops = []
    for run in ("tiny-222", "tiny-42"):
        found = load_run(RunStore(at_home).open(run), at_home)
        users, items = found.dataset.interactions.users, found.dataset.interactions.items
        trace = inspection.trace_pair(found.model, users.index("u3"), items.index("i4"))
        tops.append(float(trace.layers[0].maps.max()))  # type: ignore[union-attr]
    assert tops[0] != tops[1]
    assert [(spec["data"][0]["zmin"], spec["data"][0]["zmax"]) for spec in tiles] == [(0, max(tops))] * 2
    assert "All tiles of all models share one colour scale" in texts(app)
    assert "its own scale" not in texts(app)


@pytest.mark.parametrize("way", ["number", "matched"])
def test_feature_maps_are_subtracted_with_a_warning(copied_home: Path, way: str) -> None:
    settings = RunStore(copied_home).open("tiny-222").config().model
    shape = {f"model.{name}": list(getattr(settings, name)) for name in ("cnn_channels", "cnn_kernels", "cnn_strides")}
    start = {"model.embedding_size": 8, "model.initialisation": "random", "pretrain.epochs": 0, "train.epochs": 1}
    train(copied_home, "again", "convncf", {**shape, **start})
    app = fine(open_page("compare", run=["tiny-222", "again"], user="u3", item="i4", layer="2", channels=way))
    (drawn,) = (one for one in figures_of(app) if "layer 2, tiny-222 less again" in one["layout"]["meta"]["alt"])
    traces = []
    for run in ("tiny-222", "again"):
        found = load_run(RunStore(copied_home).open(run), copied_home)
        users, items = found.dataset.interactions.users, found.dataset.interactions.items
        traces.append(inspection.trace_pair(found.model, users.index("u3"), items.index("i4")))
    first, second = (trace.layers[1] for trace in traces if isinstance(trace, inspection.PairTrace))
    core = feature_difference(first, second, matched=way == "matched")
    assert drawn["data"][0]["zmax"] == pytest.approx(float(np.abs(core.layer.maps).max()))
    assert f"{number(core.apart)} times the baseline's squares" in texts(app)
    assert (feature_maps.MATCHED if way == "matched" else feature_maps.WARNING) in texts(app)
    assert app.query_params["channels"] == way


def test_feature_maps_of_two_shapes_have_no_difference(at_home: Path) -> None:
    app = fine(open_page("compare", run=["tiny-222", "tiny-42"], user="u3", item="i4", layer="3", channels="number"))
    assert "tiny-222 has 4 maps of 1×1 there and tiny-42 no such layer: they have no difference" in texts(app)


def test_every_figure_has_words(at_home: Path) -> None:
    app = fine(open_page("compare", run=NETWORKS))
    assert json.dumps(figures_of(app))  # strict JSON
    assert DATASET in (RunStore(at_home).open("tiny-mf").config().data.dataset,)
