"""One dataset: its counts, where it comes from, what reading it left out, and what leads on."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import pandas as pd
import streamlit as st

from app.ui import address, setting_fields, widgets
from app.ui.commands import ONLY_SHOWS
from app.ui.text import percent, plain
from app.views.data import filters, statistics
from convncf.data import catalogue
from convncf.data.statistics import DatasetStatistics, Spread
from convncf.data.storage import DatasetEntry
from convncf.errors import ConvNCFError, DataError
from convncf.figures.theme import plural

_SHOWN_ABOVE = ("Warning: ", "Dropped: ", "Left out: ")  # the last one in reports of earlier versions


def show_report(report: Mapping[str, Any], words: Callable[[str], str] = str) -> None:
    """Counts in a row, what is likely to be wrong, what was left out, then the other sentences, put by `words`."""
    widgets.labelled_values(
        {
            "Rows read": f"{report['rows']:,}",
            "Kept": f"{report['kept']:,}",
            "Left out": f"{report['n_dropped']:,}",
            "Merged": f"{report['merged']:,}",
            "Users": f"{report['n_users']:,}",
            "Items": f"{report['n_items']:,}",
        }
    )
    for warning in report.get("warnings", ()):  # reports of earlier versions have none
        said = words(warning)
        st.warning(plain(f"{said[:1].upper()}{said[1:]}{'' if said.endswith('?') else '.'}"))
    rows = [
        {"Left out because": dropped["reason"], "Rows": dropped["count"], "On lines": _lines(dropped)}
        for dropped in report["dropped"]
    ]
    if rows:
        st.dataframe(pd.DataFrame(rows), hide_index=True, width="content", alt="Rows left out, by reason")
    for sentence in report.get("sentences", ())[1:]:  # the first gives the counts
        if not sentence.startswith(_SHOWN_ABOVE):
            st.caption(plain(words(sentence)))


def _lines(dropped: Mapping[str, Any]) -> str:
    first = ", ".join(str(line) for line in dropped["first_lines"])
    more = ", …" if dropped["count"] > len(dropped["first_lines"]) else ""
    return first + more + (f" of {dropped['file']}" if dropped.get("file") else "")


_SHOWN_RUNS: Final = 8
_SETTING: Final = re.compile(r"\(--set ([\w.]+)=([^()]+)\)")


def density(entry: DatasetEntry) -> float:
    """Share of all user-item pairs that are interactions."""
    pairs = entry.n_users * entry.n_items
    return entry.n_interactions / pairs if pairs else 0.0


def table(entries: Sequence[DatasetEntry]) -> None:
    """All datasets, one a row."""
    rows = [
        {
            "Dataset": entry.name,
            "Users": entry.n_users,
            "Items": entry.n_items,
            "Interactions": entry.n_interactions,
            "Density": 100 * density(entry),
            "From": "embedded" if entry.embedded else entry.source,
            "Fingerprint": entry.fingerprint if entry.problem is None else "damaged",
        }
        for entry in entries
    ]
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        column_config={
            **{name: st.column_config.NumberColumn(format="localized") for name in ("Users", "Items", "Interactions")},
            "Density": st.column_config.NumberColumn("Density, %", format="%.3g"),
        },
        alt="Datasets with their counts and fingerprints",
    )


def show(entry: DatasetEntry) -> None:
    """The chosen dataset."""
    if entry.problem is not None:
        widgets.problem(entry.problem)
        _delete_button(entry)
        return
    widgets.labelled_values(
        {
            "Users": f"{entry.n_users:,}",
            "Items": f"{entry.n_items:,}",
            "Interactions": f"{entry.n_interactions:,}",
            "Density": percent(density(entry)),
            "Fingerprint": entry.fingerprint,
        }
    )
    st.caption(plain(entry.source))
    with st.container(horizontal=True):
        if not address.read_only() and widgets.main_button("Train on it", key="dataset:train"):
            address.go("train", dataset=entry.name, **filters.chosen(entry.name))
        _delete_button(entry)
    try:
        report = statistics.dataset_of(entry).report
        _facts(statistics.facts(entry))
    except ConvNCFError as error:
        widgets.problem(error)
        return
    if report and not entry.embedded:
        with st.expander("What was read"):
            show_report(report)
    with st.expander("What settings leave of it", key="dataset:open:settings", on_change="rerun") as place:
        if place.open:
            filters.show(entry)
    statistics.show(entry)
    widgets.command_line(["convncf", "datasets", "show", entry.name])


def _facts(found: DatasetStatistics) -> None:
    """What else it holds, a line each, and what to look at before training."""
    lines = [_spread("user", found.per_user), _spread("item", found.per_item)]
    lines.append(f"Titles: {found.titled:,} of {plural(found.items, 'item')}.")
    lines.append(f"Times: {found.first} to {found.last}." if found.first else "Times: none.")
    if found.ratings:
        lines.append(f"Ratings: {found.ratings.lowest:g} to {found.ratings.highest:g}.")
    if found.predefined_split:
        lines.append(
            f"Came divided: {', '.join(f'{count:,} {part}' for part, count in found.predefined_split.items())}."
        )
    if sets := found.candidates:
        each = f"{sets.most:,}" if sets.fewest == sets.most else f"{sets.fewest:,} to {sets.most:,}"
        lines.append(f"Candidate sets: {sets.sets:,} with {each} negatives.")
    st.caption("  \n".join(map(plain, lines)))
    for hint in found.hints:
        st.info(plain(_SETTING.sub(_as_field, hint)))


def _as_field(found: re.Match[str]) -> str:
    """An option of the command line as the field below: '(below: Lowest rating that counts, 4)'."""
    return f"(below: {setting_fields.field_of(found[1]).title}, {found[2]})"


def _spread(whose: str, spread: Spread) -> str:
    return (
        f"Each {whose} has {spread.fewest:,} to {spread.most:,} interactions, half of them at most {spread.median:,g}."
    )


def _delete_button(entry: DatasetEntry) -> None:
    if entry.embedded or address.read_only():
        return
    runs = statistics.runs_on(entry)
    shown = ", ".join(runs[:_SHOWN_RUNS]) + (f" and {len(runs) - _SHOWN_RUNS:,} more" if runs[_SHOWN_RUNS:] else "")
    lose = (
        "No run was trained on it."
        if not runs
        else (
            f"{plural(len(runs), 'run')} would lose {'its' if len(runs) == 1 else 'their'} data: the figures stay, and "
            f"nothing can be looked into, resumed or recommended any more: {shown}."
        )
    )
    widgets.confirm(
        "Delete",
        f"Delete the dataset {entry.name}? {lose} This cannot be undone.",
        "Delete it for good",
        partial(_delete, entry.name),
        key=f"dataset:delete:{entry.name}",
    )


def _delete(name: str) -> str:
    if address.read_only():
        raise DataError(ONLY_SHOWS)
    catalogue.delete(name, address.home())
    statistics.forget()
    address.choose(dataset=None)
    return f"{name} was deleted."
