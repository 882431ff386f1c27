"""Compare: two to four finished runs side by side, the first as the baseline."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.ui import address, cache, first_runs, pair_controls, widgets
from app.ui.text import plain, sentence
from app.views.compare import choice, closer, curves, metrics, settings
from convncf.errors import ConvNCFError
from convncf.evaluation.comparison import Comparison
from convncf.figures.theme import run_style
from convncf.models.registry import record
from convncf.runs import Run


def page() -> None:
    widgets.page_title(
        "Compare", "Finished runs side by side: what they reach, how they learned, and what they see in a pair."
    )
    widgets.notices()
    runs = address.listed()
    if not runs:
        return first_runs.none_yet()
    finished = [run for run in runs if cache.finished(run)]
    if not finished:
        return first_runs.none_finished()
    chosen = choice.show(finished)
    names = [run.name for run in chosen]
    if len(chosen) < 2:
        choice.settle(names)
        return first_runs.one_more(len(finished))
    try:
        found = cache.compared(chosen)
        choice.settle(names, _begins(chosen, found))
        _compare(chosen, found, address.run_order())
    except ConvNCFError as error:
        choice.settle(names)
        widgets.problem(sentence(error))


def _begins(runs: Sequence[Run], found: Comparison) -> dict[str, str]:
    """What the parts below begin with, so that opening the page is one step of the browser's Back."""
    begins = {}
    if ks := metrics.cutoffs(found):
        begins["cutoff"] = choice.value("cutoff", list(map(str, sorted(ks))), str(ks[0]))
    part = choice.value("part", choice.CHOICES["part"])
    if part not in ("pair", "lists"):
        return begins
    model = cache.model(runs[0])
    user = pair_controls.user_index(model, [])
    if user is not None:
        begins["user"] = model.user_id(user)
    if part == "lists":
        return begins
    item = pair_controls.item_index(model, user, [])
    if item is not None:
        begins["item"] = model.item_id(item)
    models = {run.name: run.config().model for run in runs}
    layers = [len(kernels(each)) for each in models.values() if (kernels := record(each.name).kernels)]
    if layers:
        begins["layer"] = choice.value("layer", [str(layer) for layer in range(1, max(layers) + 1)])
    mapped = [name for name, each in models.items() if record(each.name).interaction_map]
    if len(mapped) > 1 and mapped[0] == runs[0].name:
        begins["against"] = choice.value("against", mapped[1:])
    return begins


def _compare(runs: Sequence[Run], found: Comparison, order: Sequence[str]) -> None:
    styles = {run.name: run_style(run.name, order, address.theme()) for run in runs}
    for words in found.unlike:
        st.warning(plain(words))
    if found.unlike:
        choice.offer_alike(runs)
    metrics.show(found, styles, order)
    settings.show(found, runs)
    curves.show(runs, found.monitor, order, unlike=bool(found.unlike))
    closer.show(runs, found, styles, order)
    widgets.terminal(["convncf", "compare", *(run.name for run in runs)])


page()
