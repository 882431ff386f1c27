"""Lists of one user under several runs, side by side: ranks, marks and shared items; a click on a row asks why."""

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
"""Standing of an item for the user -> its mark."""
_WIDTHS: Final = {1: 760, 2: 552, 3: 362, 4: 268}
"""Number of lists -> the width of one in pixels, so that they stand side by side at 1280, and wrap at 800."""
_GENRES: Final = {1: 50, 2: 24, 3: 26, 4: 24}
"""Number of lists -> the characters for which the column of genres has room; a longer text ends in "…"."""
_ROW: Final = 36
_TALL_ROW: Final = 65
"""Where a list is so narrow that titles take two lines."""
_CHOSEN: Final = "font-weight: 600; background-color: rgba(20, 150, 136, 0.14)"
"""The row of the item that is asked about; a tint that both themes bear."""
_SEEN_AT_ONCE: Final = 12
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
        return tuple(map(self.model.item_id, self.list.found.top.items.tolist()))


def fetch(runs: Sequence[Run], make: Callable[[Model], UserList]) -> list[Shown]:
    """Each run's list; what stands in the way of one is said in its place, and leaves the others as they are."""
    found = []
    for run in runs:
        try:
            model = cache.model(run)
            found.append(Shown(run, model, make(model)))
        except ConvNCFError as error:
            found.append(Shown(run, problem=sentence(error)))
    return found


def show(shown: Sequence[Shown], styles: Mapping[str, RunStyle], whose: str, k: int) -> None:
    """The lists of a user (`whose`: "user 15") beside each other."""
    lists = [one for one in shown if one.list is not None]
    counts = Counter(raw for one in lists for raw in one.ids)
    for words in alike_said_once({one.run.name: one.list.found.words for one in lists if one.list is not None}):
        st.caption(plain(words))
    with st.container(horizontal=True, gap="small"):
        for one in shown:
            with st.container(width=_WIDTHS[len(shown)], gap="xsmall"):
                st.markdown(heading(one.run.name, styles[one.run.name]))
                if one.list is None:
                    st.caption(plain(one.problem))
                else:
                    _one(one, counts, len(lists), whose, k, narrow=len(shown) > 2, room=_GENRES[len(shown)])
    st.caption(plain(" ".join(_how_to_read(lists))))


def alike_said_once(words: Mapping[str, str]) -> list[str]:
    """What is to be said of each run: once where it is the same of all, else by name; nothing where it is empty."""
    runs: dict[str, list[str]] = {}
    for name, said in words.items():
        if said:
            runs.setdefault(said, []).append(name)
    if len(runs) == 1 and all(words.values()):
        return list(runs)
    return [f"{', '.join(names)}: {said}" for said, names in runs.items()]


def _one(one: Shown, counts: Mapping[str, int], lists: int, whose: str, k: int, *, narrow: bool, room: int) -> None:
    assert one.model is not None
    assert one.list is not None
    found, items = one.list.found, one.list.found.top.items.tolist()
    if not items:
        st.caption(plain(f"Nothing to list: no item is left for {whose}. {found.words}"))
        return
    counted = bool(record(one.model.loaded.config.model.name).score_unit)
    frame = pd.DataFrame({"Rank": found.top.ranks})
    columns = {
        "Rank": st.column_config.NumberColumn(
            width=44, help="Among all of the user's candidates, hidden ones too; equal scores share the last place."
        ),
        HELD_OUT: st.column_config.TextColumn(width=24, help=f"{HELD_OUT} held out for the test; {LOW} rated lower."),
        "Item": st.column_config.TextColumn(width=108 if narrow else 200),
        "Score": st.column_config.NumberColumn(width=54, format="%d" if counted else "%.2f"),
        "In": st.column_config.TextColumn(
            width=30 if narrow else 58, help=f"In how many of the {lists} lists shown here it is."
        ),
    }
    if any(part in MARKS for part in one.list.parts):
        frame[HELD_OUT] = [MARKS.get(part, "") for part in one.list.parts]
    frame["Item"] = [one.model.item_label(item) for item in items]
    frame["Score"] = found.top.scores.astype("float64")
    if lists > 1:
        frame["In"] = [str(counts[raw]) if narrow else f"{counts[raw]} of {lists}" for raw in one.ids]
    genres = [", ".join(one.model.dataset.items.genres[item]) for item in items]
    if any(genres):
        frame["Genres"] = [shorten(text, room) for text in genres]
    asked, ids = address.value("item"), one.ids
    key = f"list:{one.run.name}:{whose}:{len(items)}"
    height = _TALL_ROW if narrow else _ROW
    st.dataframe(
        frame.style.apply(lambda row: [_CHOSEN if ids[row.name] == asked else ""] * len(row), axis=1),
        hide_index=True,
        row_height=height,
        height=40 + height * min(len(items), _SEEN_AT_ONCE),
        key=key,
        on_select=lambda: _clicked(key, ids),
        selection_mode="single-cell",
        column_config=columns,
        alt=f"Top {len(items)} of {whose} in {one.run.name}",
    )
    if len(items) < k:
        st.caption(plain(f"{plural(len(items), 'item')} instead of {k}: no more are left."))


def _clicked(key: str, ids: Sequence[str]) -> None:
    cells = st.session_state[key].selection.cells
    if cells:
        address.choose(item=ids[cells[0][0]])


def _how_to_read(lists: Sequence[Shown]) -> list[str]:
    """The marks that are there, and nothing about those that are not."""
    parts = {part for one in lists if one.list for part in one.list.parts}
    words = ["Click a row to see why it is there."] if lists else []
    if "test" in parts:
        words.append(f"{HELD_OUT} marks held-out test items, which the user has and which should rank high.")
    if "rated lower" in parts:
        words.append(f"{LOW} marks items that the user rated lower than the run takes for a positive.")
    if any(one.list.found.top.tied.any() for one in lists if one.list):
        words.append("Some scores are equal: each of them has the last place of its group.")
    if len(lists) > 1:
        words.append('"In" counts the lists that hold an item.')
        words.append("Scores order the items of one model; between models, compare ranks.")
    return words


def shared(shown: Sequence[Shown], whose: str) -> None:
    """How many items the lists share, and all of them as CSV; of two, a line from each shared item to its place."""
    lists = [one for one in shown if one.list is not None]
    if len(lists) > 1:
        _overlap(lists)
    if lists:
        st.download_button(
            "The lists as CSV",
            data=lambda: to_csv(lists),
            file_name=f"lists-{whose.replace(' ', '-')}.csv",
            mime="text/csv",
            on_click="ignore",
            type="tertiary",
            icon=widgets.DOWNLOAD,
            key="recommend:csv",
        )


def _overlap(lists: Sequence[Shown]) -> None:
    counts = Counter(raw for one in lists for raw in one.ids)
    everywhere = sum(count == len(lists) for count in counts.values())
    which = "both lists" if len(lists) == 2 else f"all {len(lists)} lists"
    st.markdown(
        f"**{everywhere:,} of {plural(len(counts), 'item')} in {which}**; "
        f"{sum(count == 1 for count in counts.values()):,} in one list alone."
    )
    first, second = lists[:2]
    if len(lists) == 2 and first.ids and second.ids:
        labels = {
            raw: one.model.item_label(one.model.dataset.interactions.items.index(raw))
            for one in lists
            if one.model is not None
            for raw in one.ids
        }
        names = (first.run.name, second.run.name)
        plots.show(figures.lists.two_lists(first.ids, second.ids, labels, address.theme(), names), key="list:shared")
        st.caption(figures.lists.READ_OVERLAP)


def to_csv(lists: Sequence[Shown]) -> str:
    """All lists in one table, by COLUMNS; text in quotes, as `convncf recommend --csv` writes it."""
    counts = Counter(raw for one in lists for raw in one.ids)
    stream = io.StringIO()
    rows = csv.writer(stream, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    rows.writerow(COLUMNS)
    for one in lists:
        assert one.model is not None
        assert one.list is not None
        names, top = one.model.dataset.items, one.list.found.top
        numbers = zip(top.items.tolist(), top.scores.tolist(), top.ranks.tolist(), top.tied.tolist(), strict=True)
        for place, (item, score, rank, tied) in enumerate(numbers, start=1):
            raw, part = names.items.id(item), one.list.parts[place - 1]
            found = (one.run.name, place, rank, raw, names.titles[item], score, tied, part, counts[raw])
            rows.writerow((*found, "|".join(names.genres[item])))
    return stream.getvalue()
