"""Caches of the pages: they notice changes, searches find matches, and numbers agree with each other."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import streamlit as st

from app.ui import cache
from convncf import inspection
from convncf.errors import ConvNCFError
from convncf.runs import Run, RunStore
from tests.app_runs import ACCENTED, AWKWARD, N_ITEMS, N_USERS, TWIN


def a_run(home: Path, name: str = "tiny-222") -> Run:
    return RunStore(home).open(name)


# ---------------------------------------------------------------- caches


def test_asking_twice_gives_the_same_objects(at_home: Path) -> None:
    first, again = cache.model(a_run(at_home)), cache.model(a_run(at_home))
    assert first.loaded is again.loaded
    assert cache.pair(first, 1, 2) is cache.pair(again, 1, 2)
    assert cache.pair(first, 1, 2) is not cache.pair(first, 1, 3)


def test_runs_on_the_same_parts_share_dataset_and_split(at_home: Path) -> None:
    st.cache_resource.clear()
    one, other = cache.model(a_run(at_home)), cache.model(a_run(at_home, "tiny-mf"), 1)
    assert one.loaded.split is other.loaded.split
    assert one.loaded.dataset is other.loaded.dataset
    assert cache.model(a_run(at_home, "other-pop")).loaded.split is not one.loaded.split


def test_two_homes_with_runs_of_one_name_are_kept_apart(runs_home: Path, copied_home: Path) -> None:
    shutil.rmtree(copied_home / "runs" / "tiny-222")
    shutil.copytree(copied_home / "runs" / "tiny-42", copied_home / "runs" / "tiny-222")
    here, there = cache.model(a_run(copied_home)), cache.model(a_run(runs_home))
    assert len(here.loaded.config.model["cnn_kernels"]) == 2
    assert len(there.loaded.config.model["cnn_kernels"]) == 3


def test_a_model_that_was_written_again_is_read_again(copied_home: Path) -> None:
    run = a_run(copied_home)
    before = cache.pair(cache.model(run), 1, 2).score
    kept = next(one.path for one in run.checkpoints() if one.epoch != cache.model(run).loaded.epoch)
    shutil.copy(kept, run.model_path)
    assert cache.pair(cache.model(run), 1, 2).score != before


def test_a_deleted_run_is_an_error_with_a_message(copied_home: Path) -> None:
    run = a_run(copied_home)
    cache.model(run)
    shutil.rmtree(run.path)
    with pytest.raises(ConvNCFError):
        cache.model(Run(run.path))


def test_a_report_that_holds_nonsense_is_an_error_with_a_message(copied_home: Path) -> None:
    (copied_home / "runs" / "tiny-42" / "report.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ConvNCFError, match=r"report\.json"):
        cache.compared([a_run(copied_home), a_run(copied_home, "tiny-42")])


def test_every_kept_epoch_and_the_best_can_be_chosen(at_home: Path) -> None:
    assert cache.epochs(a_run(at_home), best=1) == (0, 1, 2)
    assert cache.epochs(a_run(at_home), best=7) == (0, 1, 2, 7)
    assert cache.epochs(a_run(at_home, "tiny-pop"), best=0) == (0,)


def test_a_checkpoint_is_that_epoch(at_home: Path) -> None:
    for epoch in (0, 1, 2):
        assert cache.model(a_run(at_home), epoch).loaded.epoch == epoch


# ---------------------------------------------------------------- results


@pytest.mark.parametrize("name", ["tiny-222", "tiny-mf", "tiny-pop"])
def test_the_list_and_the_pair_agree_on_every_rank(at_home: Path, name: str) -> None:
    model = cache.model(a_run(at_home, name))
    for user in (0, 5, N_USERS - 1):
        top = cache.top(model, user)
        for item, rank, score in zip(top.items.tolist(), top.ranks.tolist(), top.scores.tolist(), strict=True):
            view = cache.pair(model, user, item)
            assert (view.rank.rank, view.score) == (rank, score)


def test_a_random_pair_is_a_user_and_one_of_their_best(at_home: Path) -> None:
    model = cache.model(a_run(at_home))
    for _ in range(20):
        user, item = cache.random_pair(model)
        assert item in cache.top(model, user).items


# ---------------------------------------------------------------- finding


def labels(home: Path, text: str) -> list[str]:
    model = cache.model(a_run(home))
    return [model.item_label(index) for index in cache.find_items(model, text).indices]


@pytest.mark.parametrize("text", ["amelie", "AMÉLIE", "  Amé ", "Ame\u0301lie"])
def test_titles_are_found_whatever_their_case_and_accents(at_home: Path, text: str) -> None:
    assert labels(at_home, text) == [f"{ACCENTED} (1990)"]


def test_words_may_come_in_any_order_and_signs_are_signs(at_home: Path) -> None:
    assert labels(at_home, "$x$ odd") == [f"{AWKWARD} (1990)"]
    assert labels(at_home, "odd nothing") == []
    assert labels(at_home, ".*") == []


def test_items_of_one_title_are_found_as_two(at_home: Path) -> None:
    assert sorted(labels(at_home, "hamlet")) == [f"{TWIN} (1990) · i5", f"{TWIN} (1990) · i6"]


def test_an_id_comes_before_what_only_begins_with_it(at_home: Path) -> None:
    model = cache.model(a_run(at_home))
    users = [model.user_id(index) for index in cache.find_users(model, "u2").indices]
    assert users[0] == "u2"
    assert set(users) == {"u2", "u20", "u21", "u22", "u23"}
    assert model.item_id(cache.find_items(model, "I29").indices[0]) == "i29"


def test_a_search_sends_some_tens_and_says_how_many_there_are(at_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MOST_MATCHES", 4)
    model = cache.model(a_run(at_home))
    matches = cache.find_items(model, "i")
    assert (len(matches.indices), matches.total) == (4, N_ITEMS)
    assert len(inspection.history(model.loaded.split, 0).items) <= N_ITEMS
