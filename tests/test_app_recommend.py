"""Recommend: the lists are the core's, filters act before the cut, a new user is folded in, and pairs are scored."""

from __future__ import annotations

import csv
import io
import re
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from app.ui import address, cache
from app.views.recommend import lists, results
from convncf import inspection
from convncf.data import catalogue
from convncf.figures.score import terms
from convncf.inspection import PairTrace
from convncf.inspection.fold_in import fold_in, warm_up
from convncf.inspection.lists import ListFilter
from convncf.inspection.pair import listed
from convncf.models.popularity import Popularity
from convncf.runs import RunStore, Status
from convncf.workflow.loading import LoadedRun
from tests.app_pages import Opened, alt_of, alts, figures_of, fine, open_page, texts
from tests.app_runs import AWKWARD, DATASET
from tests.closer_look import core_view, loaded

TWO = ["tiny-222", "tiny-pop"]


def tables(app: AppTest) -> list[pd.DataFrame]:
    return [element.value for element in app.dataframe]


def labels(run: LoadedRun, items: Any) -> list[str]:
    return [run.dataset.items.distinct_label(item) for item in items.tolist()]


# ---------------------------------------------------------------- nothing to show


def test_no_finished_run_is_reported(copied_home: Path) -> None:
    for name in RunStore(copied_home).names():
        if name != "waiting":
            shutil.rmtree(copied_home / "runs" / name)
    app = fine(open_page("recommend"))
    assert "No run is finished" in texts(app)
    assert not tables(app)


def test_runs_that_have_no_list_are_named_and_skipped(copied_home: Path) -> None:
    # a run that has waited for long without a worker is lost: here it has only just been asked for
    RunStore(copied_home).open("waiting").write_status(Status(updated=time.time()))
    app = fine(open_page("recommend", run=["nope", "broken", "waiting", "tiny-pop", "other-pop"], user="u1"))
    page_text = texts(app)
    assert all(name in page_text for name in ("Run 'nope'", "Run broken", "Run waiting", "(queued)", "Run other-pop"))
    assert app.query_params["run"] == ["tiny-pop"] or app.query_params["run"] == "tiny-pop"
    assert len(tables(app)) == 1


def test_a_run_whose_model_is_damaged_leaves_the_other_list_as_it_is(copied_home: Path) -> None:
    (copied_home / "runs" / "tiny-42" / "model.safetensors").write_bytes(b"no tensors")
    app = fine(open_page("recommend", run=["tiny-pop", "tiny-42"], user="u1"))
    assert len(tables(app)) == 1
    assert "model.safetensors" in texts(app)


def test_ids_and_numbers_that_cannot_be_are_reported(opened: Opened) -> None:
    page_text = texts(opened("recommend", run="tiny-pop", user="nobody"))
    assert "'nobody'" in page_text
    page_text = texts(opened("recommend", run="tiny-pop", user="u1", k="x", popular="500", genre="Zzz", item="?"))
    for asked, limits in (("k=x", "from 1 to 100; 10"), ("popular=500", "from 0 to 99; 0")):
        assert re.search(f"{asked} .*{limits}", page_text)
    assert "'Zzz'" in page_text
    assert "the id '?'" in page_text


# ---------------------------------------------------------------- a user of the data


def test_the_lists_are_those_of_the_core_and_the_address_carries_every_choice(at_home: Path, opened: Opened) -> None:
    app = opened("recommend", run=TWO, user="u3", k="7")
    for name, table in zip(TWO, tables(app), strict=True):
        run = loaded(at_home, name)
        user = run.dataset.interactions.users.index("u3")
        top = inspection.recommend(run.model, run.split, user, 7)
        assert table["Item"].tolist() == labels(run, top.items)
        assert table["Rank"].tolist() == top.ranks.tolist()
        assert table["Score"].tolist() == [float(score) for score in top.scores]
        held_out = [inspection.part_of(run.split, user, item) == "test" for item in top.items.tolist()]
        marks = table["●"].tolist() if "●" in table else [""] * len(table)
        assert [mark == "●" for mark in marks] == held_out
    first, second = (set(table["Item"]) for table in tables(app))
    assert [mark == "2 of 2" for mark in tables(app)[0]["In"]] == [i in second for i in tables(app)[0]["Item"]]
    assert f"{len(first & second)} of {len(first | second)} items" in texts(app)
    assert run.split.excluded_in_words(user, "test")[1:] in texts(app)
    parameters = {name: app.query_params[name] for name in app.query_params}
    assert parameters == {"run": TWO, "user": "u3", "k": "7"}


def test_held_out_items_are_marked_and_ties_among_them_follow_the_rule(
    at_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = cache.model(RunStore(at_home).open("tiny-pop"))
    split = model.loaded.split
    (table,) = tables(fine(open_page("recommend", run="tiny-pop", user=model.user_id(0), k="30")))
    assert 0 < (table["●"] == "●").sum() == split.test.indptr[1] < len(table)
    alike = np.zeros(30)
    monkeypatch.setattr(cache, "scores", lambda *_: alike)
    for user in range(24):
        mine = results.user_list(model, user, 30, ListFilter())
        core = listed(alike, split, user, 30)
        assert mine.recommendations.top.items.tolist() == core.items.tolist()
        assert mine.recommendations.top.ranks.tolist() == core.ranks.tolist()


def test_the_first_page_chooses_runs_and_a_user_by_itself(opened: Opened) -> None:
    app = opened("recommend")
    assert len(tables(app)) == 2
    assert {"run", "user"} == set(app.query_params)


def test_popular_items_are_hidden_before_the_cut_and_the_count_is_reported(at_home: Path, opened: Opened) -> None:
    app = opened("recommend", run="tiny-pop", user="u3", k="5", popular="50")
    run = loaded(at_home, "tiny-pop")
    user = run.dataset.interactions.users.index("u3")
    everything = inspection.recommend(run.model, run.split, user, 30)
    (table,) = tables(app)
    assert len(table) == 5
    assert table["Rank"].min() > 1, "the most popular are gone"
    assert set(table["Rank"]) <= set(everything.ranks.tolist()), "ranks are those among all candidates"
    assert "of 30 items (the top 50%" in texts(app)
    assert f"of the {len(everything.items)} candidates" in texts(app)


def test_genres_filter_where_the_data_has_them(copied_home: Path) -> None:
    data = catalogue.load(DATASET, copied_home)
    some = tuple(("Drama",) if index % 3 else ("War", "Drama") for index in range(len(data.items)))
    shutil.rmtree(copied_home / "datasets" / DATASET)
    catalogue.save(replace(data, items=replace(data.items, genres=some)), copied_home)
    (table,) = tables(fine(open_page("recommend", run="tiny-pop", user="u3", k="30", genre="War")))
    assert len(table) > 2
    assert set(table["Genres"]) == {"War, Drama"}
    plain = open_page("recommend", run="other-pop", user="u3")
    assert not [box for box in fine(plain).multiselect if box.label == "Only genres"], "no data, no control"


def test_why_leads_to_inspect_with_run_user_and_item(at_home: Path, opened: Opened) -> None:
    app = opened("recommend", run=TWO, user="u3", item="i3")
    page_text = texts(app)
    assert f"Why {AWKWARD} (1990)?" in page_text
    links = [dict(pair.split("=") for pair in link.proto.query_string.split("&")) for link in app.get("page_link")]
    assert links == [{"run": name, "user": "u3", "item": "i3"} for name in TWO]
    for name in TWO:
        assert core_view(at_home, name, item="i3").rank_words.lower() in page_text.lower()


def test_a_user_who_has_everything_gets_words(monkeypatch: pytest.MonkeyPatch, at_home: Path) -> None:
    real = results.user_list
    monkeypatch.setattr(results, "user_list", lambda *a: _emptied(real(*a)))
    app = fine(open_page("recommend", run=TWO, user="u3"))
    assert texts(app).count("for user u3") == 2
    assert not tables(app)


def _emptied(user_list: results.UserList) -> results.UserList:
    top = user_list.recommendations.top
    none = type(top)(top.items[:0], top.scores[:0], top.tied[:0], top.ranks[:0])
    return results.UserList(replace(user_list.recommendations, top=none, left=0), ())


def test_the_csv_holds_every_list_with_its_marks(at_home: Path) -> None:
    runs = [RunStore(at_home).open(name) for name in TWO]

    def make(model: cache.Model) -> results.UserList:
        return results.user_list(model, 3, 5, ListFilter())

    shown_lists = lists.fetch(runs, make)
    rows = list(csv.DictReader(io.StringIO(lists.to_csv(shown_lists))))
    assert [row["run"] for row in rows] == [name for name in TWO for _ in range(5)]
    assert [row["place"] for row in rows] == ["1", "2", "3", "4", "5"] * 2
    assert [row["item_id"] for row in rows[:5]] == list(shown_lists[0].ids)
    assert {row["lists"] for row in rows if row["item_id"] in set(shown_lists[0].ids) & set(shown_lists[1].ids)} <= {
        "2"
    }


def test_all_runs_can_be_removed_to_choose_those_of_other_data(at_home: Path) -> None:
    app = fine(open_page("recommend", run=TWO, user="u3"))
    box = app.multiselect(key="recommend:runs")
    assert "other-pop" not in box.options
    app = fine(box.set_value([]).run())
    assert not tables(app)
    app = fine(app.multiselect(key="recommend:runs").set_value(["other-pop"]).run())
    assert app.query_params["run"] in (["other-pop"], "other-pop")
    assert len(tables(app)) == 1


def test_a_filter_that_the_address_lost_is_gone(at_home: Path) -> None:
    app = fine(open_page("recommend", run="tiny-pop", user="u3", k="3", popular="50"))
    assert "of 30 items" in texts(app)
    del app.query_params["popular"]  # as the browser's Back does
    assert "of 30 items" not in texts(fine(app.run()))


# ---------------------------------------------------------------- a new user


def test_a_new_user_gets_what_fold_in_gives(at_home: Path, opened: Opened) -> None:
    app = opened("recommend", run=TWO, whose="new", like=["i3", "i8"], item="i9")
    for name, table in zip(TWO, tables(app), strict=True):
        run = loaded(at_home, name)
        ids = run.dataset.interactions.items
        folded = fold_in(run.model, [ids.index("i3"), ids.index("i8")])
        assert table["Item"].tolist() == labels(run, folded.recommend(10).items)
        assert folded.words in texts(app)
    run = loaded(at_home, "tiny-222")
    ids = run.dataset.interactions.items
    folded = fold_in(run.model, [ids.index("i3"), ids.index("i8")])
    trace = inspection.trace_pair(folded.model, 0, ids.index("i9"))
    assert isinstance(trace, PairTrace)
    bars = next(spec for spec in figures_of(app) if "as a sum" in alt_of(spec))
    assert bars["data"][0]["customdata"] == [term.label for term in terms(trace)]
    assert any("nteraction map" in alt for alt in alts(app))


def test_chips_are_removed_and_an_unknown_title_is_reported(at_home: Path) -> None:
    app = fine(open_page("recommend", run="tiny-pop", whose="new", like=["i3", "i8", "zzz"]))
    assert "'zzz'" in texts(app)
    app = fine(app.button(key="like:i3").click().run())
    assert app.query_params["like"] in (["i8"], "i8")
    app = fine(app.button(key="like:i8").click().run())
    assert not tables(app)


def test_all_items_of_the_data_leave_nothing_and_a_model_that_cannot_fold_is_named(
    at_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(model: object, items: object) -> None:
        raise TypeError("nobody can be folded into a Strange.")

    monkeypatch.setattr(results, "fold_in", refuse)
    app = fine(open_page("recommend", run=TWO, whose="new", like=["i1", "i2", "i4"]))
    assert texts(app).count("folded into a Strange.") == 2


# ---------------------------------------------------------------- a file of pairs


def upload(app: AppTest, content: str) -> AppTest:
    box: Any = app.get("file_uploader")[0]
    box.upload("pairs.csv", content.encode(), "text/csv")
    return fine(app.run())


def test_case_6_the_page_agrees_with_the_ranks_that_the_run_kept(copied_home: Path) -> None:
    ranks = RunStore(copied_home).open("tiny-222").read_frame("ranks").head(20)
    content = "".join(f"{user},{item}\n" for user, item in zip(ranks.user_id, ranks.item_id, strict=True))
    app = upload(fine(open_page("recommend", run="tiny-222", whose="pairs")), f"user,item\n{content}nobody,i3\n")
    (table,) = tables(app)
    assert table["rank"].tolist()[:20] == ranks["rank"].tolist()
    assert "(line 22)" in texts(app)
    again = fine(open_page("recommend", run="tiny-222", whose="pairs", pairs=app.query_params["pairs"]))
    assert tables(again)[0].equals(table), "a reload shows the same"
    user, item = ranks.user_id[0], ranks.item_id[0]
    listed = tables(fine(open_page("recommend", run="tiny-222", user=user, k="30")))[0]
    label = cache.model(RunStore(copied_home).open("tiny-222")).item_label
    index = loaded(copied_home, "tiny-222").dataset.interactions.items.index(item)
    assert listed.loc[listed["Item"] == label(index), "Rank"].tolist() == [ranks["rank"][0]]


@pytest.mark.parametrize("content", ["", "user,colour\nu1,red\n", "\x00\x01\x02"])
def test_a_file_that_holds_no_pairs_is_reported(copied_home: Path, content: str) -> None:
    app = upload(fine(open_page("recommend", run="tiny-pop", whose="pairs")), content)
    assert app.error
    assert "/uploads/" not in texts(app)


def test_an_upload_that_is_gone_is_reported(opened: Opened) -> None:
    app = opened("recommend", run="tiny-pop", whose="pairs", pairs="0123456789abcdef-01234567")
    assert "no longer exists" in texts(app)


def test_a_read_only_server_takes_no_file(at_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVNCF_READ_ONLY", "1")
    assert address.read_only()
    app = fine(open_page("recommend", run="tiny-pop", whose="pairs"))
    assert not app.get("file_uploader")
    assert "read-only" in texts(app)
    assert tables(fine(open_page("recommend", run="tiny-pop", user="u1")))


def test_the_page_warms_up_while_no_title_is_picked(at_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warmed: list[str] = []
    monkeypatch.setattr(results, "warm", lambda model: warmed.append(model.loaded.run.name))
    fine(open_page("recommend", run=TWO, whose="new"))
    assert warmed == TWO
    fine(open_page("recommend", run=TWO, whose="new", like="i3"))
    assert warmed == TWO, "with a title the fit itself is what takes the time"


def test_warming_up_changes_nothing_and_bears_a_model_with_one_item(at_home: Path) -> None:
    model: Any = loaded(at_home, "tiny-222").model
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    warm_up(model)
    assert all(tensor.equal(before[name]) for name, tensor in model.state_dict().items())
    warm_up(Popularity(3, 1))
