"""Models by their records: two that are defined in this file alone go everywhere that those of the package go.

This module is itself the extension that CONVNCF_EXTENSIONS names, so it imports neither the CLI nor the app at its top.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor

from convncf.config import EmbeddingSettings, ModelSettings, Precision
from convncf.errors import ConfigError
from convncf.models.abilities import LayeredModel, MappedModel
from convncf.models.base import PairwiseModel
from convncf.models.function import FunctionModel
from convncf.models.record import ModelRecord, Sizes, memory_of_embeddings
from convncf.models.registry import EXTENSIONS, OURS, record, records
from convncf.models.run_config import RunConfig, flatten, stored_config
from convncf.models.settings import resolve
from convncf.runs import RunStore
from convncf.workflow.loading import LoadedRun, load_run

HERE = "tests.test_model_records"
N_LISTS = 20

# ---------------------------------------------------------------- two models


class DistanceSettings(EmbeddingSettings):
    """Settings of the distance model."""

    name: Literal["toy-distance"] = "toy-distance"


class Distance(PairwiseModel):
    """ŷ = -|p - q|²: embeddings, and no interaction map."""

    name = "toy-distance"
    settings = DistanceSettings

    @classmethod
    def of(cls, settings: DistanceSettings, sizes: Sizes, precision: Precision) -> Self:
        return cls(settings, sizes)

    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        apart: Tensor = self.user_embedding(user) - self.item_embedding(item)
        return -apart.square().sum(dim=-1)

    def weights(self) -> list[Tensor]:
        return []


class ClockSettings(ModelSettings):
    """Settings of the bare function: none."""

    name: Literal["toy-clock"] = "toy-clock"


def clock(user: int, sizes: Sizes) -> npt.NDArray[np.int64]:
    """A score of its own for each of up to 41 items, another order for each user; it knows nothing."""
    return (7 * user + 11 * np.arange(sizes.n_items)) % 41


RECORDS = (
    ModelRecord(
        name="toy-distance",
        label="Toy distance",
        sentence="how near two embeddings are",
        settings=DistanceSettings,
        build=Distance.of,
        trained=True,
        presets=MappingProxyType(
            {"quick": {"model.embedding_size": 8, "model.penalty": "squared", "model.reg_weights": (0.0, 0.0)}}
        ),
        first=("embedding_size",),
        embeddings=True,
        memory=memory_of_embeddings,
    ),
    ModelRecord(
        name="toy-clock",
        label="Toy clock",
        sentence="numbers on a dial",
        settings=ClockSettings,
        build=FunctionModel.build(clock),
        trained=False,
    ),
)
TOYS = tuple(one.name for one in RECORDS)


# ---------------------------------------------------------------- a home with both


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home where both were trained by the command line, in this process."""
    from tests.worlds import save_dataset

    home = tmp_path_factory.mktemp("toys")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(EXTENSIONS, HERE)
        patch.setenv("CONVNCF_HOME", str(home))
        save_dataset(home)
        run(patch, "train", "--dataset", "toy", "--model", "toy-distance", "--name", "distance", *SHORT)
        run(patch, "train", "--dataset", "toy", "--model", "toy-clock", "--name", "clock", "--quiet")
    return home


SHORT = ("--set", "train.epochs=3", "--set", "train.batch_size=64", "--set", "train.lr_embedding=0.02", "--quiet")


def run(patch: pytest.MonkeyPatch, *arguments: str) -> None:
    """A command, to its end."""
    from convncf import cli

    patch.setattr(sys, "argv", ["convncf", *arguments])
    code: object = 0
    try:
        cli.main()
    except SystemExit as ended:
        code = ended.code
    assert not code, arguments


@pytest.fixture
def toys(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That home is this test's."""
    monkeypatch.setenv(EXTENSIONS, HERE)
    monkeypatch.setenv("CONVNCF_HOME", str(made))
    return made


def opened(home: Path, name: str) -> LoadedRun:
    return load_run(RunStore(home).open(name))


def own_scores(loaded: LoadedRun, user: int) -> npt.NDArray[np.float64]:
    """(I,) by each model's formula, from its tensors alone."""
    n_items = loaded.split.interactions.n_items
    if loaded.config.model.name == "toy-clock":
        return clock(user, Sizes(0, n_items)).astype(np.float64)
    tables: Any = loaded.model
    p, q = tables.user_embedding.weight[user].detach().numpy(), tables.item_embedding.weight.detach().numpy()
    found: npt.NDArray[np.float64] = -((p - q).astype(np.float64) ** 2).sum(axis=1)
    return found


def items_of(matrix: Any, user: int) -> set[int]:
    return set(matrix.indices[matrix.indptr[user] : matrix.indptr[user + 1]].tolist())


def own_order(loaded: LoadedRun, user: int) -> list[int]:
    """All items that the user has neither in training nor in validation, best first: argsort and nothing else."""
    known = items_of(loaded.split.train, user) | items_of(loaded.split.validation, user)
    return [item for item in np.argsort(-own_scores(loaded, user), kind="stable").tolist() if item not in known]


def own_ndcg(loaded: LoadedRun, k: int = 10) -> float:
    """The mean over users of NDCG@k, written out: Σ 1 / log2(rank + 1) of hits, over the best that there could be."""
    values = []
    for user in range(loaded.split.interactions.n_users):
        wanted = items_of(loaded.split.test, user)
        if not wanted:
            continue
        order = own_order(loaded, user)
        ranks = sorted(order.index(item) + 1 for item in wanted)
        gained = sum(1 / np.log2(rank + 1) for rank in ranks if rank <= k)
        values.append(gained / sum(1 / np.log2(place + 1) for place in range(1, min(len(ranks), k) + 1)))
    return float(np.mean(values))


# ---------------------------------------------------------------- the command line


@pytest.mark.parametrize("name", ["distance", "clock"])
def test_the_lists_of_a_model_from_outside_are_its_own_order(
    name: str, toys: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    loaded = opened(toys, name)
    file = tmp_path / "lists.csv"
    run(monkeypatch, "recommend", name, "--all", "-k", "10", "--csv", str(file))
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    users, items = loaded.dataset.interactions.users, loaded.dataset.interactions.items
    for user in range(N_LISTS):
        listed = [row["item_id"] for row in rows if row["user_id"] == users.id(user)]
        assert listed == [items.id(item) for item in own_order(loaded, user)[:10]], user


def test_both_are_estimated_evaluated_compared_and_listed_in_the_terminal(
    toys: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def said(*arguments: str) -> dict[str, Any]:
        capfd.readouterr()
        run(monkeypatch, *arguments, "--json")
        found = json.loads(capfd.readouterr().out)
        assert isinstance(found, dict)
        return found

    for model, name in zip(TOYS, ("distance", "clock"), strict=True):
        found = said("train", "--dataset", "toy", "--model", model, "--estimate")
        assert (found["training"] is None) == (not record(model).trained)
        assert found["seconds"] > 0
        expected = pytest.approx(own_ndcg(opened(toys, name)), abs=1e-9)
        assert said("evaluate", name)["metrics"]["NDCG@10"] == expected
    compared = said("compare", "distance", "clock")
    by_name = {one["name"]: one for one in compared["runs"]}
    for name in ("distance", "clock"):
        assert by_name[name]["metrics"]["NDCG@10"] == pytest.approx(own_ndcg(opened(toys, name)), abs=1e-9)
    assert {one["model"] for one in said("runs", "list")["runs"]} == set(TOYS)
    settings = said("settings", "--model", "toy-distance")["settings"]
    assert "model.embedding_size" in settings
    assert not {"model.cnn_kernels", "pretrain.epochs", "train.lr_network"} & settings.keys()


def test_what_a_model_has_no_use_for_is_refused(toys: Path) -> None:
    with pytest.raises(ConfigError, match="neighbours has no effect on toy-distance"):
        resolve(model="toy-distance", settings=["model.neighbours=5"])
    with pytest.raises(ConfigError, match="preset 'paper' does not exist for toy-clock"):
        resolve(model="toy-clock", preset="paper")


# ---------------------------------------------------------------- the app


def page(name: str, **parameters: str | list[str]) -> Any:
    """The real app on one of its pages, with these parameters in its address."""
    from streamlit.testing.v1 import AppTest

    at = AppTest.from_file(str(Path(__file__).resolve().parents[1] / "app" / "main.py"), default_timeout=120)
    at.run()
    at.switch_page(f"views/{name}/page.py")
    for parameter, value in parameters.items():
        at.query_params[parameter] = value
    return at.run()


@pytest.mark.slow
def test_train_offers_both_and_launches_them(toys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.app_pages import texts

    started: list[str] = []
    monkeypatch.setattr("convncf.jobs.launching.start_worker", lambda run: started.append(run.name))
    for place, model in enumerate(TOYS):
        at = page("train", dataset="toy")
        at.selectbox(key="new:model").select(model).run()
        assert not at.exception
        at.button(key="launch").click().run()
        assert not at.exception
        assert started[place:] == [f"{model}-toy"]
        assert RunStore(toys).open(f"{model}-toy").config().model.name == model
        RunStore(toys).delete(f"{model}-toy")
    at = page("train", run="distance")
    assert not at.exception
    assert "Toy distance" in texts(at)


@pytest.mark.slow
def test_runs_compare_and_recommend_show_both(toys: Path) -> None:

    at = page("runs")
    assert not at.exception
    assert {"Toy distance", "Toy clock"} <= set(at.dataframe[0].value["model"])
    at = page("compare", run=["distance", "clock"])
    assert not at.exception
    shown = dict(zip(at.table[0].value.index, at.table[0].value.to_numpy().tolist(), strict=True))
    values = [own_ndcg(opened(toys, name)) for name in ("distance", "clock")]
    row = next(numbers for metric, numbers in shown.items() if metric.replace("\\", "") == "NDCG@10")
    assert row[:3] == pytest.approx([*values, values[1] - values[0]], abs=1e-9), "beside them stands the baseline"
    at = page("recommend", run=["distance", "clock"], user="u3", k="7")
    assert not at.exception
    for name, table in zip(("distance", "clock"), at.dataframe, strict=True):
        loaded = opened(toys, name)
        order = own_order(loaded, loaded.dataset.interactions.users.index("u3"))[:7]
        assert table.value["Item"].tolist() == [loaded.dataset.items.distinct_label(item) for item in order]


@pytest.mark.parametrize("name", ["distance", "clock"])
def test_inspect_says_that_there_is_no_map(name: str, toys: Path) -> None:
    from tests.app_pages import texts

    at = page("inspect", run=name)
    assert not at.exception
    assert ("reads no interaction map" if name == "distance" else "has no embeddings") in texts(at)


# ---------------------------------------------------------------- records


def test_an_extension_that_is_wrong_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, problem in (
        ("no_such_module_anywhere", "cannot be imported"),
        ("tests.worlds", "has no tuple RECORDS"),
        (f"{HERE}, {HERE}", "there is one already"),
    ):
        monkeypatch.setenv(EXTENSIONS, module)
        with pytest.raises(ConfigError, match=problem):
            records()
    monkeypatch.setenv(EXTENSIONS, f" {HERE} ,")
    assert records() == (*OURS, *RECORDS)
    monkeypatch.delenv(EXTENSIONS)
    assert records() == OURS
    with pytest.raises(ConfigError, match=r"model 'eese' does not exist\. Did you mean ease"):
        record("eese")


def test_every_record_file_is_in_the_registry() -> None:
    folder = Path(sys.modules["convncf.models.registry"].__file__ or "").parent / "records"
    listed = {sys.modules[one.settings.__module__].__file__ for one in OURS}
    assert {str(file) for file in folder.glob("*.py") if file.name != "__init__.py"} == listed


@pytest.mark.parametrize("name", [one.name for one in OURS])
def test_what_a_record_says_of_a_model_is_true_of_it(name: str) -> None:
    one = record(name)
    settings = one.settings()
    model = one.build(settings, Sizes(5, 7), one.precisions[0])
    assert (model.n_users, model.n_items) == (5, 7)
    assert one.trained == (not hasattr(model, "fit"))
    assert one.embeddings == isinstance(model, PairwiseModel)
    assert one.interaction_map == isinstance(model, MappedModel)
    assert one.layers == isinstance(model, LayeredModel)
    assert set(one.first) <= set(one.settings.model_fields)
    assert one.label
    assert one.sentence
    for preset in one.presets:
        assert resolve(model=name, preset=preset).config.model.name == name
    if one.embeddings:
        tables = sum(parameter.numel() for parameter in model.parameters())
        assert one.memory(settings, RunConfig().train, Sizes(5, 7)).parameters == tables


# ---------------------------------------------------------------- run folders of earlier versions


OLD = {
    "name": "mf-bpr", "embedding_size": 16, "cnn_channels": [1, 32, 32, 32, 32], "cnn_kernels": [4, 4, 2, 2],
    "cnn_strides": [4, 4, 2, 2], "dropout_prob": 0.2, "reg_weights": [0.015, 0.0], "output_reg": None,
    "penalised": "weights", "penalty": "squared", "initialisation": "random", "embedding_std": 0.1,
    "embedding_start": "normal", "neighbours": 100, "shrinkage": 10.0, "ease_l2": 300.0,
    "train_method": "no_pretrain", "pre_model_path": "",
}  # fmt: skip
"""Of a run folder as it was written when one class held the settings of all models."""


@pytest.mark.parametrize("name", [one.name for one in OURS])
def test_the_settings_of_all_models_in_an_old_run_are_read_as_those_of_its_own(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    stored = {f"model.{key}": value for key, value in OLD.items()} | {"model.name": name, "model.embedding_size": 64}
    stored |= {"train.epochs": 7}
    read = stored_config(stored, f"config.json of {name}")
    assert read.model.name == name
    assert read.train.epochs == 7
    assert {key: value for key, value in flatten(read).items() if key in stored} == {
        key: value for key, value in stored.items() if key in flatten(read)
    }
    assert "model.neighbours" not in caplog.text


def test_a_value_of_another_model_that_is_no_default_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    stored = {f"model.{key}": value for key, value in OLD.items()} | {"model.neighbours": 7}
    for _ in range(3):
        assert stored_config(stored, "config.json of one run").model["neighbours"] is None
    assert [record_.getMessage() for record_ in caplog.records] == [
        "config.json of one run: model.neighbours = 7 has no effect on mf-bpr, and is not read"
    ]
    with pytest.raises(ValueError, match="nonsense"):
        stored_config(stored | {"model.nonsense": 1}, "config.json of one run")


def test_records_load_no_torch() -> None:
    import subprocess

    code = (
        "import sys; from convncf.models.settings import resolve; resolve(model='ease'); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_embeddings_of_the_distance_model_take_in_a_new_user() -> None:
    from convncf.inspection.fold_in import fold_in

    torch.manual_seed(0)
    model = Distance(DistanceSettings(embedding_size=8, embedding_std=1.0), Sizes(6, 20))
    folded = fold_in(model, [1, 3])
    assert folded.loss is not None
    assert folded.loss_start is not None
    assert folded.loss < folded.loss_start
