"""Whole runs with an answer known beforehand: files are read, split, scored by Popularity, and judged."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from convncf import jobs
from convncf.config import EvalConfig
from convncf.data import catalogue
from convncf.evaluation.comparison import compare
from convncf.evaluation.report import evaluate
from convncf.inspection.pair import recommend, view_pair
from convncf.models.settings import resolve
from convncf.runs import Run
from convncf.workflow.loading import load_run
from convncf.workflow.reporting import evaluate_run, warnings
from tests.wording import values_in
from tests.worlds import finished_run, make_run


def dataset(home: Path, **files: str) -> None:
    """Files by name (train_txt: train.txt) become the dataset "data"."""
    folder = home.parent / "files"
    folder.mkdir(exist_ok=True)
    paths = []
    for name, text in files.items():
        paths.append(folder / name.replace("_", "."))
        paths[-1].write_text(text, encoding="utf-8")
    catalogue.add(paths, "data", home)


def run_of(home: Path, name: str = "run", model: str = "popularity", **settings: Any) -> tuple[Run, dict[str, Any]]:
    asked = {key.replace("__", "."): value for key, value in settings.items()}
    run = jobs.prepare(resolve(model=model, dataset="data", settings=asked), name, home)
    jobs.work(run)
    report = run.report()
    assert report is not None
    return run, report


# ---------------------------------------------------------------- ties, and who is in the mean


TIED = {"train_txt": "10 0\n11 1\n12 2\n13 3\n", "test_txt": "10 1\n11 0\n12 0\n13 0\n"}


def test_one_score_for_everything_ranks_everybody_third(home: Path) -> None:
    dataset(home, **TIED)
    run, report = run_of(home, eval__ks=[1, 2, 3], eval__monitor="NDCG@3")
    assert [report["metrics"][f"HR@{k}"] for k in (1, 2, 3)] == [0.0, 0.0, 1.0]
    assert report["metrics"]["MRR@3"] == pytest.approx(1 / 3, rel=1e-15)
    assert report["metrics"]["NDCG@3"] == 0.5
    assert report["metrics"]["AUC"] == 0.0, "ties count against"
    assert report["intervals"]["NDCG@3"] == [0.5, 0.5]
    frame = run.read_frame("per_user")
    assert frame[(frame["part"] == "test") & (frame["model"] == "this")]["NDCG@3"].tolist() == [0.5] * 4

    loaded = load_run(run)
    for user in range(4):
        (item,) = loaded.split.test.indices[loaded.split.test.indptr[user] : loaded.split.test.indptr[user + 1]]
        seen = view_pair(loaded.model, loaded.split, user, int(item))
        assert values_in(seen.rank.words) == ["3", "3", "2"]
        listed = recommend(loaded.model, loaded.split, user, 3)
        assert listed.tied.tolist() == [2, 2, 2], "the list shows a tie as such"
        assert listed.ranks[listed.items.tolist().index(item)] == 3


def test_a_user_without_a_test_item_is_in_no_mean(home: Path) -> None:
    """Item 1 is known to two users and item 0 to one: user 0 finds 1 first, user 2 finds the unknown 2 last."""
    dataset(home, train_txt="0 0\n1 1\n2 1\n", test_txt="0 1\n2 2\n")
    _, report = run_of(home, eval__ks=[1], eval__monitor="Recall@1")
    assert report["metrics"]["Recall@1"] == 0.5
    assert (report["n_users_evaluated"], report["n_users"]) == (2, 3)
    assert report["not_evaluated"] == {"no test item": 1}
    assert any(note.startswith("1 of 3") for note in report["evaluation_notes"])
    assert any("Recall@K equals HR@K" in note for note in report["evaluation_notes"])


def test_recall_divides_by_all_five_relevant_items(home: Path) -> None:
    """Items 1, 2 and 3 are the most popular ones; 4 and 5 come behind item 6."""
    one_each = [1] * 5 + [2] * 4 + [3] * 3 + [6] * 2 + [4, 5]
    train = "0 0\n" + "".join(f"{100 + user} {item}\n" for user, item in enumerate(one_each))
    dataset(home, train_txt=train, test_txt="0 1 2 3 4 5\n")
    _, report = run_of(home, eval__ks=[3], eval__monitor="Recall@3")
    assert report["metrics"]["Recall@3"] == 0.6
    assert report["metrics"]["Precision@3"] == report["metrics"]["MAP@3"] == report["metrics"]["NDCG@3"] == 1.0
    assert report["metrics"]["AUC"] == 3 / 5, "item 6 is above two of five"
    assert not any("equals HR" in note for note in report["evaluation_notes"])


def test_what_training_never_saw_by_each_setting(home: Path) -> None:
    """Item 2 is in test alone. Popularity gives it 0, which is the last rank anyway; who leaves it out has one user."""
    dataset(home, train_txt="0 0\n1 1\n2 1\n", test_txt="0 1\n2 2\n")
    run, report = run_of(home, eval__ks=[1], eval__monitor="HR@1")
    assert report["cold"] == "ranked"
    changed = evaluate_run(run, evaluation=EvalConfig(ks=(1,), monitor="HR@1", cold="excluded"))
    assert (changed["cold"], changed["metrics"]["HR@1"], changed["n_users_evaluated"]) == ("excluded", 1.0, 1)
    missed = evaluate_run(run, evaluation=EvalConfig(ks=(1,), monitor="HR@1", cold="misses"))
    assert missed["metrics"] == report["metrics"]


# ---------------------------------------------------------------- candidate sets


def test_more_negatives_than_there_are_shrink_to_what_exists(home: Path) -> None:
    rows = "".join(f"{user},{item}\n" for user in range(8) for item in range(40) if (item * 7 + user) % 3)
    dataset(home, data_csv=f"user,item\n{rows}")
    _, report = run_of(home, eval__protocol="both", eval__negatives=999)
    within = report["protocols"][1]
    assert 0 < within["candidates"]["fewest"] <= within["candidates"]["most"] <= 39
    assert "999 were asked" in within["protocol"]
    assert any("candidate sets of 1" in note for note in within["notes"]), within["notes"]


def test_a_user_who_has_everything_is_left_out_of_the_triples_and_counted(home: Path) -> None:
    dataset(home, train_txt="1 0 1 2 3\n2 0 1\n3 2 1\n", test_txt="2 2\n3 0\n", valid_txt="2 3\n3 3\n")
    tiny: Mapping[str, Any] = {"train__epochs": 1, "train__device": "cpu", "model__embedding_size": 4}
    for negatives in ("uniform", "dns"):
        _, report = run_of(home, negatives, "mf-bpr", train__negatives=negatives, **tiny)
        assert any(note.startswith("1 user without negatives: 1 ") for note in report["notes"]), report["notes"]


NCF = {
    "x.train.rating": "".join(f"{user}\t{item}\t1\t{user}\n" for user, item in enumerate([7, 5, 5, 7, 7, 8])),
    "x.test.rating": "0\t5\t1\t9\n1\t8\t1\t9\n",
    "x.test.negative": "(0,5)\t5\t5\t7\t7\t8\n(1,8)\t7\n",
}
"""Popularity of 7, 5 and 8: 3, 2 and 1. User 0 has 7, which stands in the stored set, as the answer 5 does twice."""


@pytest.fixture
def stored(home: Path) -> None:
    folder = home.parent / "ncf"
    folder.mkdir()
    for name, text in NCF.items():
        (folder / name).write_text(text, encoding="utf-8")
    catalogue.add([folder / name for name in NCF], "data", home)


WITHIN: Mapping[str, Any] = {"eval__protocol": "candidates", "eval__ks": [1, 10], "eval__monitor": "MRR@10"}


@pytest.mark.usefixtures("stored")
def test_stored_sets_cleaned_and_as_published_are_a_stated_choice(home: Path) -> None:
    run, report = run_of(home, **WITHIN)
    assert "2 copies of" in report["protocol"]
    assert "cleaned" in report["protocol"]
    assert report["metrics"]["MRR@10"] == (1 + 1 / 2) / 2, "the cleaned set of user 0 holds the 8 alone"
    assert report["metrics"]["HR@1"] == 0.5

    asked = run.config().eval.model_copy(update={"stored_sets": "as published"})
    published = evaluate_run(run, evaluation=asked)
    assert "as published" in published["protocol"]
    assert published["metrics"]["MRR@10"] == (1 / 5 + 1 / 2) / 2, "behind two copies of itself and two of item 7"
    assert published["candidate_fingerprint"] != report["candidate_fingerprint"]
    assert run.report() == report, "the run stays as it is"


@pytest.mark.usefixtures("stored")
def test_models_share_their_sets_and_what_used_others_is_never_ranked_against_them(home: Path) -> None:
    cleaned, report = run_of(home, "cleaned", **WITHIN)
    neighbours, other = run_of(home, "neighbours", "itemknn", **WITHIN)
    assert report["candidate_fingerprint"] == other["candidate_fingerprint"]
    assert compare([cleaned, neighbours]).unlike == ()
    assert set(compare([cleaned, neighbours]).paired) == {"neighbours"}

    published, _ = run_of(home, "published", eval__stored_sets="as published", **WITHIN)
    found = compare([cleaned, published])
    assert any("(cleaned: candidates: stored" in sentence for sentence in found.unlike)
    assert found.paired == {}
    full, _ = run_of(home, "full", eval__ks=[1, 10], eval__monitor="MRR@10")
    found = compare([cleaned, full])
    assert any("(cleaned: candidates:" in sentence for sentence in found.unlike)
    assert len(found.unlike) == 1


# ---------------------------------------------------------------- one rule, one epoch, and flags in words


def test_twenty_pairs_have_one_rank_everywhere(home: Path) -> None:
    run = finished_run(home)
    loaded = load_run(run)
    report = evaluate(loaded.model, loaded.split, "test", loaded.config.eval)
    pairs = 0
    for user in report.users.tolist():
        listed = recommend(loaded.model, loaded.split, user, loaded.split.interactions.n_items)
        in_list = dict(zip(listed.items.tolist(), listed.ranks.tolist(), strict=True))
        for item, rank in zip(*(found.tolist() for found in report.ranks.of(user)), strict=True):
            assert rank == view_pair(loaded.model, loaded.split, user, item).rank.rank == in_list[item]
            pairs += 1
    assert pairs >= 20


def test_every_figure_is_of_the_kept_epoch(home: Path) -> None:
    """A learning rate that is far too high: the best epoch is not the last."""
    often: dict[str, Any] = {"train__patience": 0, "train__validate_every": 1, "model__reg_weights": [0.0, 0.0]}
    run = make_run(home, "overfits", "mf-bpr", train__epochs=8, train__lr_embedding=0.5, **often)
    jobs.work(run)
    report = run.report()
    assert report is not None
    assert 0 < report["best_epoch"] < report["epochs"] == 8
    rows = {row["epoch"]: row["validation"] for row in run.metrics() if row["phase"] == "training"}
    assert rows[report["best_epoch"]] == report["validation"] != rows[8]
    assert max(rows, key=lambda epoch: rows[epoch]["NDCG@10"]) == report["best_epoch"]
    again = evaluate_run(run)
    assert again.keys() >= report.keys() - {"epochs", "extended_from"}
    for key in ("best_epoch", "metrics", "validation", "intervals", "beyond", "protocol", "selection", "notes"):
        assert again[key] == report[key], key


def test_choosing_on_test_and_sparing_test_items_are_said_in_every_report(home: Path) -> None:
    settings: dict[str, Any] = {
        "train__epochs": 1,
        "eval__select_on": "test",
        "train__excluded_negatives": "test items",
    }
    run = make_run(home, "flagged", "mf-bpr", **settings)
    jobs.work(run)
    report = run.report()
    assert report is not None
    chosen, excluded_negatives = report["warnings"]
    assert "eval.select_on=test" in chosen
    assert "train.excluded_negatives=test items" in excluded_negatives
    assert all("too good" in sentence for sentence in report["warnings"])
    assert "NDCG@10 on test" in report["selection"]
    assert evaluate_run(run)["warnings"] == report["warnings"]

    plain = make_run(home, "plain", "mf-bpr", train__epochs=1)
    jobs.work(plain)
    found = compare([plain, run])
    assert [one.warnings for one in found.runs] == [(), tuple(report["warnings"])]
    assert found.to_json()["runs"][1]["warnings"] == report["warnings"]
    assert warnings(make_run(home, "counted", "popularity").config()) == ()
