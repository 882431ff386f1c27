"""A user of the data: the lists under each run, and why an item is in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from app.ui import address, cache, pair_controls, widgets
from app.ui.cache import Model
from app.ui.pair import report_errors
from app.ui.run_rows import heading
from app.ui.text import plain, sentence
from app.views.recommend import choice, lists, results
from app.views.recommend.choice import Wanted
from app.views.recommend.results import UserList
from convncf.errors import ConvNCFError
from convncf.figures.theme import RunStyle, number
from convncf.runs import Run


def show(runs: Sequence[Run], styles: Mapping[str, RunStyle]) -> None:
    """Choose a user of the first run's data, and see the lists."""
    model = cache.model(runs[0])
    wrong: list[str] = []
    user = pair_controls.user_index(model, wrong)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        pair_controls.user(model, user)
        st.button("Random pair", key="recommend:random", on_click=_random_pair, args=(model,), help="Any user")
    for words in wrong:
        widgets.problem(words)
    if user is None:
        return
    address.choose(user=model.user_id(user))
    _lists(runs, styles, model.user_id(user))


def _random_pair(model: Model) -> None:
    user, _ = cache.random_pair(model)
    address.choose(user=model.user_id(user), item=None)


@st.fragment
@report_errors
def _lists(runs: Sequence[Run], styles: Mapping[str, RunStyle], user: str) -> None:
    """Filters, lists and why: all that another K, another filter or a click on a row redraws."""
    wanted = choice.show_filters(cache.model(runs[0]))

    def make(model: Model) -> UserList:
        return results.user_list(model, model.dataset.interactions.users.index(user), wanted.k, wanted.filter)

    shown = lists.fetch(runs, make)
    for words in excluded(shown, user):
        st.caption(plain(words))
    lists.show(shown, styles, f"user {user}", wanted.k)
    item = address.value("item")
    if item:
        _why([one.run for one in shown if one.list is not None], styles, user, item)
    lists.shared(shown, f"user {user}")
    _command(runs, user, wanted)


def excluded(shown: Sequence[lists.Shown], user: str) -> list[str]:
    """What each run's rule leaves out for the user, in words."""
    told: dict[str, str] = {}
    for one in shown:
        if one.model is not None and one.list is not None:
            split = one.model.loaded.split
            index = one.model.dataset.interactions.users.index(user)
            told[one.run.name] = sentence(split.excluded_in_words(index, "test"))
            if split.train.indptr[index + 1] == split.train.indptr[index]:
                told[one.run.name] += (
                    " This user has nothing in training: the list comes from no interaction of theirs."
                )
    said = lists.alike_said_once(told)
    splits = {one.model.loaded.split.fingerprint for one in shown if one.model is not None}
    if len(splits) > 1:
        said.append("These runs divided the data differently: what one holds out another may have learned from.")
    return said


@report_errors
def _why(runs: Sequence[Run], styles: Mapping[str, RunStyle], user: str, item: str) -> None:
    """Score and rank of the chosen item in every run, with a way to look inside each."""
    if not runs:
        return
    model = cache.model(runs[0])
    label = model.item_label(model.dataset.interactions.items.index(item))
    widgets.section(plain(f"Why {label}?"))
    with st.container(horizontal=True, gap="large"):
        for run in runs:
            with st.container(width="content", gap=None):
                st.markdown(heading(run.name, styles[run.name]))
                try:
                    model = cache.model(run)
                    known = model.dataset.interactions
                    view = cache.pair(model, known.users.index(user), known.items.index(item))
                except ConvNCFError as error:
                    st.caption(plain(sentence(error)))
                    continue
                st.markdown(f"**{plain(sentence(view.rank_words).removesuffix('.'))}**")
                held_out = " · held out for the test" if view.part == "test" else ""
                st.caption(f"score {number(view.score)}{held_out}")
                ids = {"run": run.name, "user": user, "item": item}
                st.page_link(address.PAGES["inspect"], label="Why this: look inside", query_params=ids)


def _command(runs: Sequence[Run], user: str, wanted: Wanted) -> None:
    """The same from a terminal, a run at a time."""
    widgets.command_line(["convncf", "recommend", runs[0].name, *widgets.option("--user", user), "-k", str(wanted.k)])
    notes = ["one run at a time"] if len(runs) > 1 else []
    if wanted.filter.popular or wanted.filter.genres:
        notes.append("the command has no filters, and lists what is hidden here too")
    if notes:
        st.caption(plain(f"In a terminal: {'; '.join(notes)}."))
