"""The speed benchmark: what it counts, how it sums up, and what it says of what it could not measure.

No test here looks at a time; that a figure is right is shown where the answer is known beforehand.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from benchmarks.speed import __main__ as command
from benchmarks.speed import chart, compare, gpu, machine, ours, peak, report, sections, session, work
from benchmarks.speed.ours import Ours, Unavailable, _twice, top_10
from convncf.models import ModelConfig

TINY = ModelConfig(embedding_size=8, cnn_channels=(1, 3, 3), cnn_kernels=(4, 2), cnn_strides=(4, 2))
SIZE = work.Size(users=20, items=30, interactions=300)


@pytest.fixture
def side() -> Ours:
    return Ours(work.held_out(work.generated(SIZE)), TINY)


def rounds(ours: float = 100.0, theirs: float | None = 10.0, bf16: float | None = 200.0) -> compare.Round:
    return {
        "recbole": {"training": theirs, "ranking": theirs},
        "fp32": {"training": ours, "ranking": ours},
        "bf16": {"training": bf16, "ranking": bf16},
        "peak": {"fp32": 5.0, "bf16": 50.0},
        "peak_large": {"fp32": 6.0, "bf16": 60.0},
    }


def result(**changes: Any) -> dict[str, Any]:
    """A whole result of the comparison, as it is written."""
    summary = compare.summary([rounds()], {"ours": 400.0, "recbole": 1000.0}, {})
    return {
        "date": "2026-01-01",
        "command": "python -m benchmarks.speed",
        "machine": {
            "cpu": "A <fast> CPU & more",
            "cores": 2,
            "flags": ["avx2"],
            "torch": "2",
            "threads": 2,
            "compiled_kernels": False,
            "bf16": "fp32 is taken for it",
            "load_average": [0.0, 0.0, 0.0],
        },
        "settings": {"rounds": 1, "users": 40, "batches": 4},
        "data": "ml-100k",
        "sizes": {"ours": {"evaluated": 943}},
        "memory_mb": {"ours": 400.0, "recbole": 1000.0},
        "top_10_ms": {"fp32": {"1682": 3.0, "100000": 150.0}, "bf16": {"1682": None, "100000": None}},
        "growth": None,
        **summary,
        **changes,
    }


# ---------------------------------------------------------------- the work


def test_a_pair_costs_the_operations_that_were_counted_by_hand() -> None:
    assert work.operations_per_pair(64, (4, 4, 2, 2), (1, 32, 32, 32, 32)) == 65_536 + 524_288 + 32_768 + 8_192
    six = work.operations_per_pair(64, (2,) * 6, (1, *[32] * 6))
    assert 4.5 < six / 630_784 < 5.5


def test_every_plan_of_the_growth_table_is_a_model() -> None:
    assert [work.plan(size).embedding_size for size in work.PLANS] == list(work.PLANS)
    assert work.plan() == ModelConfig()  # the default is RecBole's


def test_generated_data_have_the_sizes_asked_for() -> None:
    data = work.generated(SIZE)
    assert (data.n_users, data.n_items, len(data)) == SIZE
    assert len(work.generated(work.Size(30, 40, 100))) == 100  # sparse, as real data are
    assert len(work.generated(work.Size(3, 4, 100))) == 12  # there are no more pairs


def test_an_epoch_has_as_many_triples_as_were_asked_for_and_all_from_training() -> None:
    parts = work.held_out(work.generated(SIZE))
    some = work.training_alone(parts, 50)
    assert some.train.nnz == 50
    assert some.train.shape == parts.train.shape
    assert some.train.multiply(parts.train).nnz == 50
    assert some.validation.nnz == some.test.nnz == 0


def test_adjacency_lists_become_a_split_and_a_repeat_is_counted(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("0 1 2\n1 0\n2\n")
    (tmp_path / "test.txt").write_text("0 0 1\n1 3\n2 3\n")
    parts, repeats = work.read_adjacency(tmp_path)
    assert parts.train.toarray().tolist() == [[0, 1, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    assert parts.test.toarray().tolist() == [[1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 1]]
    assert repeats == 1  # user 0 has item 1 in training already


def test_dividing_keeps_every_interaction() -> None:
    parts = work.random_split(work.generated(SIZE))
    assert parts.train.nnz + parts.validation.nnz + parts.test.nnz == SIZE.interactions
    assert 0 < parts.test.nnz < parts.train.nnz


# ---------------------------------------------------------------- our side


def test_training_goes_on_epoch_after_epoch_with_the_same_model(side: Ours) -> None:
    before = side.model("fp32").item_embedding.weight.clone()
    first = side.train("fp32", 100, batch_size=32)
    between = side.model("fp32").item_embedding.weight.clone()
    side.train("fp32", 100, batch_size=32)
    assert first["triples"] == 100
    assert not torch.equal(before, between)
    assert not torch.equal(between, side.model("fp32").item_embedding.weight)


def test_more_triples_than_there_are_is_the_whole_training_part(side: Ours) -> None:
    assert side.train("fp32", 10**6)["triples"] == side.parts.train.nnz


@pytest.mark.parametrize("users", [5, None])
def test_ranking_counts_every_item_of_every_user_that_was_ranked(side: Ours, users: int | None) -> None:
    found = side.rank("fp32", users)
    assert found["users"] == (users or SIZE.users)
    assert found["pairs"] == found["users"] * SIZE.items


def test_growth_takes_the_second_of_two_measurements(side: Ours) -> None:
    found = _twice(side, "train", precision="fp32", triples=64)
    assert found["triples"] == 64
    assert _twice(side, "rank", precision="fp32", users=2)["users"] == 2


def test_a_list_is_made_from_all_items() -> None:
    assert top_10("fp32", 40, times=1, config=TINY)["pairs"] == 40


def test_too_little_memory_is_a_reason_and_no_crash(side: Ours, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_large(*_: object, **__: object) -> None:
        raise MemoryError("40 GB")

    monkeypatch.setattr(ours, "evaluate", too_large)
    with pytest.raises(Unavailable, match="40 GB"):
        side.rank("fp32", 2)


# ---------------------------------------------------------------- two processes


def worker(tmp_path: Path, body: str) -> session.Worker:
    """A worker whose answer to a request is the expression `body`."""
    script = tmp_path / "worker.py"
    script.write_text(
        "import sys\nfrom benchmarks.speed import session\n"
        f"def answer(request):\n    print('noise on stdout')\n    return {body}\n"
        "session.serve(answer, quiet=LookupError)\n"
    )
    return session.Worker("the stub", [sys.executable, "-c", script.read_text()])


def test_answers_come_back_and_what_a_side_prints_is_no_answer(tmp_path: Path) -> None:
    with worker(tmp_path, "{'got': request['do'], 'n': request['n']}") as stub:
        assert stub.ask("train", n=1) == {"got": "train", "n": 1}
        assert stub.ask("rank", n=2) == {"got": "rank", "n": 2}


def test_an_error_on_a_side_ends_the_measurement_with_its_words(tmp_path: Path) -> None:
    with worker(tmp_path, "1 / 0") as stub, pytest.raises(session.WorkerError, match="ZeroDivisionError"):
        stub.ask("train")


def test_what_cannot_be_measured_is_an_answer(tmp_path: Path) -> None:
    with worker(tmp_path, "{}['no bf16']") as stub:
        assert stub.ask("train") == {"unavailable": "'no bf16'"}


def test_a_side_that_dies_is_noticed(tmp_path: Path) -> None:
    with worker(tmp_path, "sys.exit(3)") as stub, pytest.raises(session.WorkerError, match="status 3"):
        stub.ask("train")


def test_recboles_side_stands_alone() -> None:
    source = (session.ROOT / "benchmarks" / "speed" / "recbole_side.py").read_text(encoding="utf-8")
    nodes = list(ast.walk(ast.parse(source)))
    modules = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    modules |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    assert {name.split(".")[0] for name in modules} - set(sys.stdlib_module_names) == {"torch", "recbole"}


# ---------------------------------------------------------------- summing up


def test_ratios_are_medians_of_the_ratios_of_each_round() -> None:
    # a machine that halves its speed in the second round changes no ratio
    three = [rounds(100, 10), rounds(50, 5), rounds(300, 10)]
    found = compare.summary(three, {"ours": 400.0, "recbole": 1000.0}, {})
    assert found["ratios"]["training_fp32"] == found["ratios"]["ranking_fp32"] == 10
    assert found["ratios"]["memory"] == 0.4
    assert found["speeds"]["fp32"]["ranking"] == 100
    assert found["reasons"] == {}


def test_the_fraction_is_what_the_pairs_cost_over_the_product_of_the_round() -> None:
    found = compare.summary([rounds(ours=1e9 / 630_784)], {"ours": 1.0, "recbole": 1.0}, {})
    assert found["fractions"]["ranking_fp32"] == pytest.approx(1 / 5)  # 1 GFLOP/s of 5


def test_what_is_null_has_a_reason() -> None:
    alone = compare.summary([rounds(theirs=None)], {"ours": 1.0, "recbole": None}, {"recbole": "not there"})
    assert set(alone["ratios"].values()) == {None}
    assert None not in alone["fractions"].values()
    assert alone["reasons"] == {f"ratios.{key}": "not there" for key in alone["ratios"]}
    reasons = {"ranking_bf16": "no bf16", "training_bf16": "no bf16"}
    no_bf16 = compare.summary([rounds(bf16=None)], {"ours": 1.0, "recbole": 1.0}, reasons)
    assert no_bf16["ratios"]["ranking_bf16"] is None
    assert set(no_bf16["reasons"]) == {"ratios.ranking_bf16", "ratios.training_bf16", "fractions.ranking_bf16"}


def test_the_keys_of_the_result_are_those_that_were_promised() -> None:
    found = compare.summary([rounds()], {"ours": 1.0, "recbole": 1.0}, {})
    assert set(found["ratios"]) == {"ranking_fp32", "ranking_bf16", "training_fp32", "training_bf16", "memory"}
    assert set(found["fractions"]) == {"ranking_fp32", "ranking_bf16"}


def test_a_median_of_incomplete_rounds_is_none() -> None:
    assert compare.median([1.0, None, 3.0]) is None
    assert compare.median([1.0, 9.0, 3.0]) == 3.0


@pytest.mark.full
def test_without_recbole_our_side_is_measured_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    # a full product takes minutes on a processor without bf16
    monkeypatch.setattr(peak, "rates", partial(peak.rates, large=64, rows=(64,), seconds=0))
    said: list[str] = []
    small = compare.Settings(rounds=1, batches=1, users=2, lists=1, growth=False)
    found = compare.measure(small, None, said.append)
    assert found["data"].startswith("generated")
    assert found["speeds"]["fp32"]["ranking"] > 0
    assert found["fractions"]["ranking_fp32"] > 0
    assert set(found["ratios"].values()) == {None}
    assert found["sizes"]["ours"]["items"] == work.ML_100K.items
    json.dumps(found, allow_nan=False)


# ---------------------------------------------------------------- the machine


def test_only_telling_flags_of_the_first_processor_are_kept() -> None:
    assert machine.flags("model name : X\nflags\t: fpu avx2 amx_bf16 sse\n\nflags\t: avx512f\n") == ["avx2", "amx_bf16"]
    assert machine.flags("") == []


def test_the_peak_of_memory_stays_when_the_memory_is_given_back() -> None:
    before = machine.peak_mb()
    held = np.ones(300_000_000 // 8)
    grown = machine.peak_mb()
    del held
    assert grown >= machine.peak_mb() - 1 >= before - 1
    assert grown > 300


def test_the_matrix_peak_has_both_shapes_and_both_precisions() -> None:
    found = peak.rates(large=16, rows=(8, 16), seconds=0)
    assert {name: set(of) for name, of in found.items()} == {key: {"fp32", "bf16"} for key in ("large", "layer_2")}
    assert min(rate for of in found.values() for rate in of.values()) > 0


@pytest.mark.full
def test_gpu_tasks_run_and_a_long_ranking_is_projected() -> None:
    sizes = {"ml-1m": SIZE, "yelp2022": SIZE}
    found = gpu.measure(lambda _: None, "cpu", sizes, longest=0.0)
    rows = {(row["data"], row["task"], row["precision"]): row for row in found["tasks"]}
    assert len(rows) == 2 * (2 + 1)
    assert rows["ml-1m", "training", "fp32"]["triples"] > 0
    ranked = rows["yelp2022", "ranking", "fp32"]
    tested = work.random_split(work.generated(SIZE)).test.sum(axis=1) > 0
    assert ranked["projected_from_users"] == tested.sum() > 0
    assert ranked["pairs"] == tested.sum() * SIZE.items
    assert "projected" in gpu.words(ranked)
    assert rows["ml-1m", "ranking", "fp32"]["recbole_titan_v_seconds"] == 10.61
    assert sections.gpu(found)[0].rows


# ---------------------------------------------------------------- the page and the plot


def test_bars_are_as_long_as_the_ratios_and_the_plot_is_well_formed() -> None:
    svg = chart.ratios({"ranking_fp32": 10.0, "training_fp32": 5.0, "ranking_bf16": None}, "on <one> & two")
    tree = ElementTree.fromstring(svg)
    name = "{http://www.w3.org/2000/svg}"
    widths = [float(bar.get("width", 0)) for bar in tree.iter(f"{name}rect")]
    assert widths[0] == pytest.approx(2 * widths[1], abs=0.2)
    words = [text.text for text in tree.iter(f"{name}text")]
    assert words.count("not measured") == 2
    assert "on <one> & two" in words
    assert "prefers-color-scheme: dark" in svg


def test_the_page_holds_every_section_that_was_kept(tmp_path: Path) -> None:
    report.write("comparison", result(), tmp_path)
    accuracy = result(mf_epochs=1, epochs=1, fp32={"NDCG@10": 0.25}, bf16={"NDCG@10": 0.2501})
    written = report.write("accuracy", accuracy | {"difference": {"NDCG@10": 0.0001}}, tmp_path)
    page = (tmp_path / report.PAGE).read_text(encoding="utf-8")
    assert {report.PAGE, report.PLOT, report.RESULTS} == set(written)
    assert "| ours, fp32 | 100 | 10.00× | 100 | 10.00× |" in page
    assert "| NDCG@10 | 0.2500 | 0.2501 | +0.00010 |" in page
    assert sections.HEADINGS["gpu"] not in page


def test_the_terminal_aligns_what_the_page_has_in_columns() -> None:
    lines = report.aligned(sections.Table("", ["a", "b"], [["long name", "1"], ["x", "1,000"]]))
    assert lines == ["  a              b", "  long name      1", "  x          1,000"]
    assert "10.00×" in report.terminal("comparison", result())


def test_reasons_stand_under_the_table() -> None:
    text = report.terminal("comparison", result(reasons={"ratios.memory": "not there"}))
    assert "ratios.memory: not there." in text


# ---------------------------------------------------------------- the command


def test_the_last_line_is_one_json_object(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(command, "measured", lambda asked: ("comparison", result()))
    assert command.main(["--quick", "--json"]) == 0
    *table, last = capsys.readouterr().out.splitlines()
    assert json.loads(last)["ratios"]["ranking_fp32"] == 10
    assert any("ours, fp32" in line for line in table)


def test_a_gpu_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert command.main(["--gpu"]) == 1
    assert "no CUDA GPU" in capsys.readouterr().err


@pytest.mark.parametrize("given", [["--gowalla", "."], ["--ndcg", "--recbole", "nowhere"]])
def test_missing_data_are_refused(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(given) == 1
    assert "missing" in capsys.readouterr().err or given[0] == "--gowalla"


def test_one_thing_is_measured_at_a_time(refused: Callable[[list[str]], None]) -> None:
    refused(["--quick", "--gpu"])
    refused(["--ndcg", "--gowalla", "."])


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[[list[str]], None]:
    def check(given: list[str]) -> None:
        with pytest.raises(SystemExit):
            command.arguments(given)
        assert "not allowed with" in capsys.readouterr().err

    return check


def test_the_command_that_is_printed_names_no_folder_of_this_machine() -> None:
    asked = command.arguments(["--gowalla", "/some/where/gowalla", "--users", "5"])
    assert command.command(asked) == "python -m benchmarks.speed --gowalla gowalla --users 5"
    assert command.command(command.arguments(["--quick", "--json"])) == "python -m benchmarks.speed --quick"


def test_a_type_without_instructions_is_measured_on_the_small_product(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def rate(m: int, *_: object) -> float:
        sizes.append(m)
        return 1.0

    monkeypatch.setattr(peak, "rate", rate)
    peak.rates(rows=(8,))
    assert sizes == [peak.SMALL, peak.SMALL, 8] * 2, "at 1 GFLOP/s the large one would take a minute"
