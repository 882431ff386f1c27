"""Compare: two to four finished runs side by side, the first as the baseline."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import loading, state, widgets
from app.panels import first_runs
from app.panels.compare import address as compare_address
from app.panels.compare import closer as compare_closer
from app.panels.compare import curves as compare_curves
from app.panels.compare import metrics_table, run_choice, settings_table
from app.panels.inspect import pair_controls
from app.wording import plain, sentence
from convncf.comparison import Comparison
from convncf.config import TRAINED
from convncf.errors import ConvNCFError
from convncf.figures.theme import run_style
from convncf.runs import Run


def page() -> None:
    widgets.page_title(
        "Compare", "Finished runs side by side: what they reach, how they learned, and what they see in a pair."
    )
    widgets.notices()
    runs = state.listed()
    if not runs:
        return first_runs.none_yet()
    finished = [run for run in runs if loading.finished(run)]
    if not finished:
        return first_runs.none_finished()
    chosen = run_choice.show(finished)
    names = [run.name for run in chosen]
    if len(chosen) < 2:
        compare_address.settle(names)
        return first_runs.one_more(len(finished))
    try:
        found = loading.compared(chosen)
        compare_address.settle(names, _begins(chosen, found))
        _compare(chosen, found, state.run_order())
    except ConvNCFError as error:
        compare_address.settle(names)
        widgets.problem(sentence(error))


def _begins(runs: Sequence[Run], found: Comparison) -> dict[str, str]:
    """What the parts below begin with, so that opening the page is one step of the browser's Back."""
    begins = {}
    if ks := metrics_table.cutoffs(found):
        begins["cutoff"] = compare_address.value("cutoff", list(map(str, sorted(ks))), str(ks[0]))
    part = compare_address.value("part", compare_address.CHOICES["part"])
    if part not in ("pair", "lists"):
        return begins
    model = loading.model(runs[0])
    user = pair_controls.user_index(model, [])
    if user is not None:
        begins["user"] = model.user_id(user)
    if part == "lists":
        return begins
    item = pair_controls.item_index(model, user, [])
    if item is not None:
        begins["item"] = model.item_id(item)
    models = {run.name: run.config().model for run in runs}
    layers = [len(each.cnn_kernels) for each in models.values() if each.name == "convncf"]
    if layers:
        begins["layer"] = compare_address.value("layer", [str(layer) for layer in range(1, max(layers) + 1)])
    mapped = [name for name, each in models.items() if each.name in TRAINED]
    if len(mapped) > 1 and mapped[0] == runs[0].name:
        begins["against"] = compare_address.value("against", mapped[1:])
    return begins


def _compare(runs: Sequence[Run], found: Comparison, order: Sequence[str]) -> None:
    styles = {run.name: run_style(run.name, order, state.theme()) for run in runs}
    for words in found.unlike:
        st.warning(plain(words))
    if found.unlike:
        run_choice.offer_alike(runs)
    metrics_table.show(found, styles, order)
    settings_table.show(found, runs)
    compare_curves.show(runs, found.monitor, order, unlike=bool(found.unlike))
    compare_closer.show(runs, found, styles, order)
    widgets.terminal(["convncf", "compare", *(run.name for run in runs)])


page()
