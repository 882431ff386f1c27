"""User of the data: the lists under each run, and why an item is in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from app.ui import address, cache, pair_controls, widgets
from app.ui.cache import Model
from app.ui.pair import report_errors
from app.ui.run_rows import heading
from app.ui.text import plain, sentence
from app.views.recommend import choice, lists, results
from app.views.recommend.choice import ListChoice
from app.views.recommend.results import UserList
from convncf.errors import ConvNCFError
from convncf.figures.theme import RunStyle, number
from convncf.runs import Run


def show(runs: Sequence[Run], styles: Mapping[str, RunStyle]) -> None:
    """Choose a user of the first run's data, and show the lists."""
    model = cache.model(runs[0])
    problems: list[str] = []
    user = pair_controls.user_index(model, problems)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        pair_controls.user(model, user)
        st.button("Random user", key="recommend:random", on_click=_random_user, args=(model,))
    for problem in problems:
        widgets.problem(problem)
    if user is None:
        return
    address.choose(user=model.user_id(user))
    _lists(runs, styles, model.user_id(user))


def _random_user(model: Model) -> None:
    user, _ = cache.random_pair(model)
    address.choose(user=model.user_id(user), item=None)


@st.fragment
@report_errors
def _lists(runs: Sequence[Run], styles: Mapping[str, RunStyle], user: str) -> None:
    """Filters, lists and the explanation: everything that another K, filter or a click on a row redraws."""
    list_choice = choice.show_filters(cache.model(runs[0]))

    def make_list(model: Model) -> UserList:
        return results.user_list(model, model.dataset.interactions.users.index(user), list_choice.k, list_choice.filter)

    shown = lists.fetch(runs, make_list)
    for note in excluded(shown, user):
        st.caption(plain(note))
    lists.show(shown, styles, f"user {user}", list_choice.k)
    item = address.value("item")
    if item:
        _why([run_list.run for run_list in shown if run_list.list is not None], styles, user, item)
    lists.shared(shown, f"user {user}")
    _command(runs, user, list_choice)


def excluded(shown: Sequence[lists.Shown], user: str) -> list[str]:
    """What each run's protocol excludes for the user, as sentences."""
    by_run: dict[str, str] = {}
    for run_list in shown:
        if run_list.model is not None and run_list.list is not None:
            split = run_list.model.loaded.split
            index = run_list.model.dataset.interactions.users.index(user)
            by_run[run_list.run.name] = sentence(split.excluded_in_words(index, "test"))
            if split.train.indptr[index + 1] == split.train.indptr[index]:
                by_run[run_list.run.name] += (
                    " This user has no training items: the list is not based on any interaction of theirs."
                )
    sentences = lists.merge_equal(by_run)
    splits = {run_list.model.loaded.split.fingerprint for run_list in shown if run_list.model is not None}
    if len(splits) > 1:
        sentences.append("These runs split the data differently: one may hold out what another was trained on.")
    return sentences


@report_errors
def _why(runs: Sequence[Run], styles: Mapping[str, RunStyle], user: str, item: str) -> None:
    """Score and rank of the chosen item in every run, with a link to look inside each."""
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
                    interactions = model.dataset.interactions
                    view = cache.pair(model, interactions.users.index(user), interactions.items.index(item))
                except ConvNCFError as error:
                    st.caption(plain(sentence(error)))
                    continue
                st.markdown(f"**{plain(sentence(view.rank_words).removesuffix('.'))}**")
                held_out = " · held out for the test" if view.part == "test" else ""
                st.caption(f"score {number(view.score)}{held_out}")
                ids = {"run": run.name, "user": user, "item": item}
                st.page_link(address.PAGES["inspect"], label="Why this: look inside", query_params=ids)


def _command(runs: Sequence[Run], user: str, list_choice: ListChoice) -> None:
    """The command line for the list of one run."""
    widgets.command_line(
        ["convncf", "recommend", runs[0].name, *widgets.option("--user", user), "-k", str(list_choice.k)]
    )
    notes = ["one run at a time"] if len(runs) > 1 else []
    if list_choice.filter.popular or list_choice.filter.genres:
        notes.append("without filters, so it also lists what is hidden here")
    if notes:
        st.caption(plain(f"On the command line: {'; '.join(notes)}."))
