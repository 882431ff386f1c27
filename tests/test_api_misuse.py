"""The public API's refusals: the obvious misuse of each line is a ConvNCFError in a sentence that says what to do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import convncf
from convncf import errors, inspection
from tests.shop import articles, orders

Call = Callable[["Shop"], object]


class Shop:
    """What the calls below are made of."""

    def __init__(self, folder: Path) -> None:
        self.frame, self.titles, self.folder = orders(), articles(), folder
        self.data = self.made()
        self.split = self.data.split(seed=1)
        self.other = self.data.split(seed=2)
        self.ease = convncf.fit(self.split, "ease")
        self.embeddings = convncf.fit(self.split, "mf-bpr", train={"epochs": 1}).model
        self.pair = self.ease.inspect("c3", "a5")
        self.report = convncf.evaluate(self.ease, self.split)
        self.lists = self.ease.recommend("c3", k=5).assign(user_id="c3")
        self.ease.save(folder / "there")

    def made(self, frame: pd.DataFrame | None = None, **changed: Any) -> convncf.Dataset:
        """A dataset of the orders, or of a frame like them."""
        given = {"user": "customer", "item": "article", "time": "day"} | changed
        return convncf.Dataset.from_frame(self.frame if frame is None else frame, **given)

    def odd(self) -> Path:
        """A file whose columns say nothing."""
        file = self.folder / "odd.csv"
        file.write_text("alpha,beta\nx,y\nz,y\n", encoding="utf-8")
        return file

    def scorer(self, function: Any) -> convncf.Scorer:
        """A scorer of a function."""
        return convncf.Scorer.from_function(function, self.split)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(tmp_path_factory.mktemp("shop"))


def gap(column: str, value: Any) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """The frame with a value in row 3 of a column."""

    def changed(frame: pd.DataFrame) -> pd.DataFrame:
        copy = frame.astype({column: object})
        copy.loc[3, column] = value
        return copy

    return changed


MISUSES: dict[str, tuple[Call, type[Exception], tuple[str, ...]]] = {
    # from_frame
    "no frame": (lambda s: s.made([1, 2]), errors.DataError, ("list",)),  # type: ignore[arg-type]
    "missing column": (lambda s: s.made(user="custmer"), errors.DataError, ("'custmer'", "customer", "user=")),
    "empty frame": (lambda s: s.made(s.frame.iloc[:0]), errors.DataError, ("empty",)),
    "nan id": (lambda s: s.made(gap("customer", np.nan)(s.frame)), errors.DataError, ("'customer'", "row 3")),
    "empty id": (lambda s: s.made(gap("article", "")(s.frame)), errors.DataError, ("'article'", "row 3")),
    "float ids": (lambda s: s.made(s.frame.assign(customer=1.5)), errors.DataError, ("'customer'", "1.5")),
    "one column twice": (lambda s: s.made(item="customer"), errors.DataError, ("'customer'", "user", "item")),
    "nan time": (lambda s: s.made(gap("day", pd.NaT)(s.frame)), errors.DataError, ("'day'", "row 3")),
    "no time": (lambda s: s.made(time="shelf"), errors.DataError, ("'shelf'", "'left'", "row 0")),
    "ratings that are text": (lambda s: s.made(rating="shelf"), errors.DataError, ("'shelf'",)),
    "nan rating": (lambda s: s.made(s.frame.assign(r=np.nan), rating="r"), errors.DataError, ("'r'", "row 0")),
    "titles without": (
        lambda s: s.made(titles=s.titles, titles_title="name"),
        errors.DataError,
        ("'name'", "titles_title="),
    ),
    "no file": (lambda s: convncf.read("nowhere.csv"), errors.ReadError, ("nowhere.csv",)),
    "no user column": (lambda s: convncf.read(s.odd()), errors.ReadError, ("user=NAME",)),
    "no such option": (
        lambda s: convncf.read("nowhere.csv", delimitr=";"),
        errors.ConfigError,
        ("'delimitr'", "delimiter"),
    ),
    # split
    "setting of data": (lambda s: s.data.split(spilt="ratio"), errors.UnknownSettingError, ("spilt", "data.split")),
    "value of data": (lambda s: s.data.split(split="ration"), errors.ConfigError, ("'ration'", "'ratio'")),
    "ratios": (lambda s: s.data.split(ratios=(0.5, 0.1, 0.1)), errors.ConfigError, ("0.5", "add up to 1")),
    "seed": (lambda s: s.data.split(seed=-1), errors.ConfigError, ("seed = -1",)),
    "filters leave nothing": (lambda s: s.data.split(min_user=10_000), errors.DataError, ("10000",)),
    "predefined": (
        lambda s: s.data.split(split="predefined"),
        errors.SplitError,
        ("no predefined split", "split=ratio"),
    ),
    # fit
    "fit without a split": (lambda s: convncf.fit(s.data), errors.ConvNCFError, ("Dataset", "data.split(seed=1)")),  # type: ignore[arg-type]
    "model": (lambda s: convncf.fit(s.split, "convnfc"), errors.ConfigError, ("'convnfc'", "convncf")),
    "preset": (lambda s: convncf.fit(s.split, preset="quik"), errors.ConfigError, ("'quik'", "quick")),
    "setting": (lambda s: convncf.fit(s.split, train={"epoch": 3}), errors.UnknownSettingError, ("train.epochs",)),
    "group": (lambda s: convncf.fit(s.split, trian={"epochs": 3}), errors.ConfigError, ("'trian'", "train")),
    "no group": (lambda s: convncf.fit(s.split, train=3), errors.ConfigError, ("train = 3",)),  # type: ignore[arg-type]
    "value": (lambda s: convncf.fit(s.split, model={"embedding_size": "x"}), errors.ConfigError, ("'x'", "integer")),
    "plan": (lambda s: convncf.fit(s.split, model={"embedding_size": 5}), errors.LayerPlanError, ("5",)),
    "data in fit": (lambda s: convncf.fit(s.split, data={"order": "time"}), errors.ConfigError, ("data.split",)),
    "device": (lambda s: convncf.fit(s.split, device="gpu"), errors.ConfigError, ("'gpu'", "cuda")),
    "device twice": (
        lambda s: convncf.fit(s.split, device="cpu", train={"device": "auto"}),
        errors.ConfigError,
        ("twice",),
    ),
    "two seeds": (lambda s: convncf.fit(s.split, "ease", seed=2, name="x"), errors.ConfigError, ("1 and 2",)),
    "run name": (lambda s: convncf.fit(s.split, "ease", name="a/b"), errors.RunNameError, ("'a-b'",)),
    "presets of": (lambda s: convncf.presets("eas"), errors.ConfigError, ("ease",)),
    # evaluate
    "of no model": (lambda s: convncf.evaluate("ease", s.split), errors.ConvNCFError, ("str",)),  # type: ignore[arg-type]
    "other split": (lambda s: convncf.evaluate(s.ease, s.other), errors.DataError, ("seed 2", "test pairs")),
    "part": (lambda s: convncf.evaluate(s.ease, s.split, part="tset"), errors.ConfigError, ("'tset'", "test")),
    "protocol": (lambda s: convncf.evaluate(s.ease, s.split, protocol="ful"), errors.ConfigError, ("'ful'", "full")),
    "K above": (lambda s: convncf.evaluate(s.ease, s.split, ks=(10, 500)), errors.ConfigError, ("500", "50 items")),
    "metric that is not there": (
        lambda s: s.report.metrics["NDCG@7"],
        errors.UnknownMetricError,
        ("'NDCG@7'", "ks=(7,)"),
    ),
    "user by index": (
        lambda s: inspection.trace_pair(s.embeddings, 10_000, 0),
        errors.UnknownIndexError,
        ("10000", "(0 to"),
    ),
    "model without a map": (
        lambda s: inspection.score_counterfactual(s.ease.model, 0, 0, inspection.Counterfactual()),
        errors.RefusedTypeError,
        ("EASE",),
    ),
    "evaluate setting": (lambda s: convncf.evaluate(s.ease, s.split, k=10), errors.UnknownSettingError, ("eval.ks",)),
    "lists' column": (
        lambda s: convncf.evaluate(s.lists.rename(columns={"item_id": "item"}), s.split),
        errors.DataError,
        ("'item_id'", "item"),
    ),
    "lists' rank": (
        lambda s: convncf.evaluate(s.lists[["user_id", "item_id"]], s.split),
        errors.DataError,
        ("'rank'",),
    ),
    "lists twice": (
        lambda s: convncf.evaluate(pd.concat([s.lists] * 2), s.split),
        errors.DataError,
        ("'c3'", "2 times"),
    ),
    "lists of nobody": (
        lambda s: convncf.evaluate(s.lists.assign(user_id="c333"), s.split),
        errors.UnknownIdError,
        ("'c33'",),
    ),
    "lists of nan": (lambda s: convncf.evaluate(s.lists.assign(item_id=np.nan), s.split), errors.DataError, ("NaN",)),
    "rank 0": (lambda s: convncf.evaluate(s.lists.assign(rank=0), s.split), errors.DataError, ("from 1",)),
    "empty lists": (lambda s: convncf.evaluate(s.lists.iloc[:0], s.split), errors.DataError, ("empty",)),
    # recommend, inspect
    "unknown user": (lambda s: s.ease.recommend("c99"), errors.UnknownIdError, ("'c99'", "'c9'")),
    "nan user": (lambda s: s.ease.recommend(float("nan")), errors.DataError, ("nan",)),  # type: ignore[arg-type]
    "k above": (lambda s: s.ease.recommend("c3", k=51), errors.ConfigError, ("51", "50 items")),
    "k 0": (lambda s: s.ease.recommend("c3", k=0), errors.ConfigError, ("k = 0",)),
    "k text": (lambda s: s.ease.recommend("c3", k="ten"), errors.ConfigError, ("'ten'",)),  # type: ignore[arg-type]
    "unknown item": (lambda s: s.ease.inspect("c3", "a55"), errors.UnknownIdError, ("'a55'", "'a5'")),
    "one id as list": (lambda s: s.ease.score("c3", "a5"), errors.DataError, ("['a5']",)),
    "no map": (lambda s: s.pair.plot(), errors.ConvNCFError, ("no embeddings",)),
    "no layers": (lambda s: s.pair.feature_maps(1), errors.ConvNCFError, ("no embeddings",)),
    # scorers
    "no function": (lambda s: s.scorer(3), errors.ConvNCFError, ("int",)),
    "too few scores": (lambda s: s.scorer(lambda u, i: [1.0]).recommend("c3"), errors.ConvNCFError, ("1 number", "50")),
    "nan score": (
        lambda s: s.scorer(lambda u, i: [np.nan] * len(i)).score("c3"),
        errors.NonFiniteScoreError,
        ("'c3'",),
    ),
    "it fails": (lambda s: s.scorer(lambda u, i: {}[u]).score("c3"), errors.ConvNCFError, ("KeyError", "'c3'")),
    "not saved": (lambda s: s.scorer(lambda u, i: [0] * len(i)).save("x"), errors.ConvNCFError, ("'mine'",)),
    # compare
    "one alone": (lambda s: convncf.compare({"a": s.ease}, s.split), errors.ConvNCFError, ("two models",)),
    "no names": (lambda s: convncf.compare([s.ease, s.ease], s.split), errors.ConvNCFError, ("list",)),  # type: ignore[arg-type]
    "report of another split": (
        lambda s: convncf.compare({"a": s.report, "b": s.report}, s.other),
        errors.DataError,
        ("report of 'ease'", "seed 2"),
    ),
    "metric": (
        lambda s: convncf.compare({"a": s.ease, "b": s.ease}, s.split, monitor="NDGC@10"),
        errors.ConfigError,
        ("NDCG",),
    ),
    # save, load
    "folder is there": (lambda s: s.ease.save(s.folder / "there"), errors.RunExistsError, ("there",)),
    "no run": (lambda s: convncf.load("demo-4x4x"), errors.RunNotFoundError, ("'demo-4x4x'",)),
    "no model in it": (lambda s: convncf.load(s.folder), errors.RunNotFoundError, ("config.json",)),
    # metrics, datasets
    "list as text": (lambda s: convncf.metrics.ndcg("abc", ["a"]), errors.DataError, ("['abc']",)),
    "list twice": (lambda s: convncf.metrics.ndcg(["a", "a"], ["a"]), errors.DataError, ("'a'", "twice")),
    "nothing relevant": (lambda s: convncf.metrics.recall(["a"], []), errors.DataError, ("relevant_item_ids",)),
    "nan in a list": (lambda s: convncf.metrics.mrr(["a", None], ["a"]), errors.DataError, ("place 2",)),
    "K of a metric": (lambda s: convncf.metrics.precision(["a"], ["a"], k=0), errors.ConfigError, ("k = 0",)),
    "no dataset": (
        lambda s: convncf.datasets.load("movielens-smal"),
        errors.DatasetNotFoundError,
        ("movielens-small",),
    ),
}


@pytest.mark.parametrize("case", list(MISUSES))
def test_a_misuse_is_refused_in_a_sentence(shop: Shop, case: str) -> None:
    call, kind, told = MISUSES[case]
    with pytest.raises(errors.ConvNCFError) as caught:
        call(shop)
    assert isinstance(caught.value, kind), repr(caught.value)
    words = str(caught.value)
    assert [part for part in told if part not in words] == [], words
    assert words.endswith((".", "?", "--name NAME")), words
    assert "pydantic" not in words


def test_ids_of_other_data_are_named(shop: Shop) -> None:
    strange = shop.made(gap("customer", "somebody")(shop.frame)).split(seed=1)
    with pytest.raises(errors.DataError, match=r"other users"):
        convncf.evaluate(convncf.fit(strange, "popularity"), shop.split)


@pytest.mark.full
def test_the_core_works_without_plotly_and_streamlit_and_plot_says_what_to_install() -> None:
    code = (
        "import sys\n"
        "sys.modules['plotly'] = sys.modules['streamlit'] = None\n"
        "import convncf\n"
        "from tests.shop import orders\n"
        "split = convncf.Dataset.from_frame(orders(), user='customer', item='article').split()\n"
        "model = convncf.fit(split, 'mf-bpr', model={'embedding_size': 4}, train={'epochs': 1})\n"
        "pair = model.inspect('c3', 'a5')\n"
        "convncf.compare({'a': model, 'b': model}, split)\n"
        "for draw in (pair.plot, lambda: convncf.figures):\n"
        "    try:\n"
        "        draw()\n"
        "    except convncf.ConvNCFError as error:\n"
        "        print(error)\n"
    )
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=root)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("pip install plotly") == 2
