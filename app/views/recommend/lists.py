"""Lists of one user under several runs, side by side: ranks, marks and shared items; a click on a row explains it."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd
import streamlit as st

from app.ui import address, cache, plots, widgets
from app.ui.cache import Model
from app.ui.run_rows import heading
from app.ui.text import HELD_OUT, plain, sentence
from app.views.recommend.results import UserList
from convncf import figures
from convncf.errors import ConvNCFError
from convncf.figures.theme import RunStyle, plural, shorten
from convncf.models.registry import record
from convncf.runs import Run

LOW: Final = "▽"
MARKS: Final = {"test": HELD_OUT, "rated lower": LOW}
"""Part of an item for the user -> its mark."""
_WIDTHS: Final = {1: 760, 2: 552, 3: 362, 4: 268}
"""Number of lists -> the width of one in pixels, so that they fit side by side at 1280, and wrap at 800."""
_GENRES: Final = {1: 50, 2: 24, 3: 26, 4: 24}
"""Number of lists -> characters that fit into the column of genres; a longer text ends in "…"."""
_ROW: Final = 36
_TALL_ROW: Final = 65
"""Where a list is so narrow that titles take two lines."""
_CHOSEN: Final = "font-weight: 600; background-color: rgba(20, 150, 136, 0.14)"
"""The row of the explained item; a tint that suits both themes."""
_VISIBLE_ROWS: Final = 12
COLUMNS: Final = ("run", "place", "rank", "item_id", "title", "score", "tied", "part", "lists", "genres")


@dataclass(frozen=True, slots=True)
class Shown:
    """One run's list, or why there is none."""

    run: Run
    model: Model | None = None
    list: UserList | None = None
    problem: str = ""

    @property
    def ids(self) -> tuple[str, ...]:
        """Raw ids of its items, best first: another run may have other indices."""
        if self.model is None or self.list is None:
            return ()
        return tuple(map(self.model.item_id, self.list.recommendations.top.items.tolist()))


def fetch(runs: Sequence[Run], make: Callable[[Model], UserList]) -> list[Shown]:
    """Each run's list, or the error in its place, which does not affect the others."""
    shown = []
    for run in runs:
        try:
            model = cache.model(run)
            shown.append(Shown(run, model, make(model)))
        except ConvNCFError as error:
            shown.append(Shown(run, problem=sentence(error)))
    return shown


def show(shown: Sequence[Shown], styles: Mapping[str, RunStyle], whose: str, k: int) -> None:
    """The lists of a user (`whose`: "user 15") beside each other."""
    lists = [run_list for run_list in shown if run_list.list is not None]
    counts = Counter(item_id for run_list in lists for item_id in run_list.ids)
    for note in merge_equal(
        {run_list.run.name: run_list.list.recommendations.words for run_list in lists if run_list.list is not None}
    ):
        st.caption(plain(note))
    with st.container(horizontal=True, gap="small"):
        for run_list in shown:
            with st.container(width=_WIDTHS[len(shown)], gap="xsmall"):
                st.markdown(heading(run_list.run.name, styles[run_list.run.name]))
                if run_list.list is None:
                    st.caption(plain(run_list.problem))
                else:
                    _table(
                        run_list, counts, len(lists), whose, k, narrow=len(shown) > 2, genre_width=_GENRES[len(shown)]
                    )
    st.caption(plain(" ".join(_how_to_read(lists))))


def merge_equal(notes: Mapping[str, str]) -> list[str]:
    """Notes of runs: a note that all share once, others with the runs' names; empty notes are dropped."""
    runs: dict[str, list[str]] = {}
    for name, note in notes.items():
        if note:
            runs.setdefault(note, []).append(name)
    if len(runs) == 1 and all(notes.values()):
        return list(runs)
    return [f"{', '.join(names)}: {note}" for note, names in runs.items()]


def _table(
    run_list: Shown, counts: Mapping[str, int], lists: int, whose: str, k: int, *, narrow: bool, genre_width: int
) -> None:
    assert run_list.model is not None
    assert run_list.list is not None
    recommendations, items = run_list.list.recommendations, run_list.list.recommendations.top.items.tolist()
    if not items:
        st.caption(plain(f"There is no item to list for {whose}. {recommendations.words}"))
        return
    whole_scores = bool(record(run_list.model.loaded.config.model.name).score_unit)
    frame = pd.DataFrame({"Rank": recommendations.top.ranks})
    columns = {
        "Rank": st.column_config.NumberColumn(
            width=44, help="Rank among all of the user's candidates, including hidden ones; ties share the last rank."
        ),
        HELD_OUT: st.column_config.TextColumn(width=24, help=f"{HELD_OUT} held out for the test; {LOW} rated lower."),
        "Item": st.column_config.TextColumn(width=108 if narrow else 200),
        "Score": st.column_config.NumberColumn(width=54, format="%d" if whole_scores else "%.2f"),
        "In": st.column_config.TextColumn(
            width=30 if narrow else 58, help=f"The number of lists that have it, of the {lists} shown here."
        ),
    }
    if any(part in MARKS for part in run_list.list.parts):
        frame[HELD_OUT] = [MARKS.get(part, "") for part in run_list.list.parts]
    frame["Item"] = [run_list.model.item_label(item) for item in items]
    frame["Score"] = recommendations.top.scores.astype("float64")
    if lists > 1:
        frame["In"] = [str(counts[raw]) if narrow else f"{counts[raw]} of {lists}" for raw in run_list.ids]
    genres = [", ".join(run_list.model.dataset.items.genres[item]) for item in items]
    if any(genres):
        frame["Genres"] = [shorten(text, genre_width) for text in genres]
    requested, ids = address.value("item"), run_list.ids
    key = f"list:{run_list.run.name}:{whose}:{len(items)}"
    height = _TALL_ROW if narrow else _ROW
    st.dataframe(
        frame.style.apply(lambda row: [_CHOSEN if ids[row.name] == requested else ""] * len(row), axis=1),
        hide_index=True,
        row_height=height,
        height=40 + height * min(len(items), _VISIBLE_ROWS),
        key=key,
        on_select=lambda: _clicked(key, ids),
        selection_mode="single-cell",
        column_config=columns,
        alt=f"Top {len(items)} of {whose} in {run_list.run.name}",
    )
    if len(items) < k:
        st.caption(plain(f"{plural(len(items), 'item')} instead of {k}: there are no more."))


def _clicked(key: str, ids: Sequence[str]) -> None:
    cells = st.session_state[key].selection.cells
    if cells:
        address.choose(item=ids[cells[0][0]])


def _how_to_read(lists: Sequence[Shown]) -> list[str]:
    """Explanations of the marks that occur."""
    parts = {part for run_list in lists if run_list.list for part in run_list.list.parts}
    sentences = ["Click a row to see why it is listed."] if lists else []
    if "test" in parts:
        sentences.append(f"{HELD_OUT} marks held-out test items of the user, which should rank high.")
    if "rated lower" in parts:
        sentences.append(f"{LOW} marks items that the user rated below the run's lowest positive rating.")
    if any(run_list.list.recommendations.top.tied.any() for run_list in lists if run_list.list):
        sentences.append("Tied scores share the last rank of their group.")
    if len(lists) > 1:
        sentences.append('"In" is the number of lists that have an item.')
        sentences.append("Scores order the items of one model; between models, compare ranks.")
    return sentences


def shared(shown: Sequence[Shown], whose: str) -> None:
    """How many items the lists share, and all lists as CSV; for two, a line from each shared item to its rank."""
    lists = [run_list for run_list in shown if run_list.list is not None]
    if len(lists) > 1:
        _overlap(lists)
    if lists:
        st.download_button(
            "Lists as CSV",
            data=lambda: to_csv(lists),
            file_name=f"lists-{whose.replace(' ', '-')}.csv",
            mime="text/csv",
            on_click="ignore",
            type="tertiary",
            icon=widgets.DOWNLOAD,
            key="recommend:csv",
        )


def _overlap(lists: Sequence[Shown]) -> None:
    counts = Counter(item_id for run_list in lists for item_id in run_list.ids)
    in_all = sum(count == len(lists) for count in counts.values())
    which = "both lists" if len(lists) == 2 else f"all {len(lists)} lists"
    st.markdown(
        f"**{in_all:,} of {plural(len(counts), 'item')} in {which}**; "
        f"{sum(count == 1 for count in counts.values()):,} in only one list."
    )
    first, second = lists[:2]
    if len(lists) == 2 and first.ids and second.ids:
        labels = {
            item_id: run_list.model.item_label(run_list.model.dataset.interactions.items.index(item_id))
            for run_list in lists
            if run_list.model is not None
            for item_id in run_list.ids
        }
        names = (first.run.name, second.run.name)
        plots.show(figures.lists.two_lists(first.ids, second.ids, labels, address.theme(), names), key="list:shared")
        st.caption(figures.lists.READ_OVERLAP)


def to_csv(lists: Sequence[Shown]) -> str:
    """All lists in one table, by COLUMNS; text in quotes, as `convncf recommend --csv` writes it."""
    counts = Counter(item_id for run_list in lists for item_id in run_list.ids)
    stream = io.StringIO()
    writer = csv.writer(stream, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerow(COLUMNS)
    for run_list in lists:
        assert run_list.model is not None
        assert run_list.list is not None
        names, top = run_list.model.dataset.items, run_list.list.recommendations.top
        numbers = zip(top.items.tolist(), top.scores.tolist(), top.ranks.tolist(), top.tied.tolist(), strict=True)
        for position, (item, score, rank, tied) in enumerate(numbers, start=1):
            item_id, part = names.items.id(item), run_list.list.parts[position - 1]
            cells = (run_list.run.name, position, rank, item_id, names.titles[item], score, tied, part, counts[item_id])
            writer.writerow((*cells, "|".join(names.genres[item])))
    return stream.getvalue()
