"""Two top-K lists side by side, with a line from each shared item to its place in the other."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import plotly.graph_objects as go

from convncf.figures.theme import Theme, axis, escape, layout, note, shorten

READ_OVERLAP: Final = (
    "Two lists for one user, best at the top. A line connects an item to its place in the other list; an item in "
    "italics is in one list alone."
)
_LABEL_LENGTH: Final = 34


@dataclass(frozen=True, slots=True)
class Overlap:
    """What two lists have in common."""

    shared: tuple[Hashable, ...]
    """Items of both, in the first list's order."""
    jaccard: float
    """Shared items over items of either list; 0 where both are empty."""


def overlap(first: Sequence[Hashable], second: Sequence[Hashable]) -> Overlap:
    """The items of both lists, and their share of all."""
    shared = tuple(item for item in first if item in set(second))
    either = len({*first, *second})
    return Overlap(shared, len(shared) / either if either else 0.0)


def two_lists(
    first: Sequence[Hashable],
    second: Sequence[Hashable],
    labels: Mapping[Any, str],
    theme: Theme,
    names: tuple[str, str],
) -> go.Figure:
    """Two lists of items (indices or raw ids), best first; `labels` names each item, `names` each list."""
    common = overlap(first, second)
    shared = set(common.shared)
    x: list[float | None] = []
    y: list[int | None] = []
    for item in common.shared:
        x += [0, 1, None]
        y += [list(first).index(item), list(second).index(item), None]
    ties = go.Scatter(x=x, y=y, mode="lines", line={"color": theme.accent, "width": 1.5}, hoverinfo="skip")
    columns = [_column(items, shared, labels, theme, left=not place) for place, items in enumerate((first, second))]
    rows = max(len(first), len(second), 1)
    either = len({*first, *second})
    summary = f"{len(common.shared)} of {rows} shared ({common.jaccard:.0%} of {either})"
    listed = ", ".join(
        f"{labels[item]} ({list(first).index(item) + 1} and {list(second).index(item) + 1})" for item in common.shared
    )
    looks = layout(
        theme,
        height=26 * rows + 56,
        alt=f"Lists of {names[0]} and {names[1]}: {summary}: {listed or 'none'}.",
        revision="two lists",
        margin={"l": 8, "r": 8, "t": 44, "b": 8},
        hovermode="closest",
        xaxis=axis(theme, range=[-1.6, 2.6], showticklabels=False, fixedrange=True),
        yaxis=axis(theme, range=[rows - 0.5, -0.5], showticklabels=False, fixedrange=True),
        annotations=[
            _heading(theme, escape(shorten(names[0], _LABEL_LENGTH)), -0.06, "right"),
            _heading(theme, escape(shorten(names[1], _LABEL_LENGTH)), 1.06, "left"),
            note(theme, summary, x=0.5, y=1, yref="paper", yanchor="bottom", yshift=22),
        ],
    )
    return go.Figure([ties, *columns], layout=looks)


def _column(
    items: Sequence[Hashable], shared: set[Hashable], labels: Mapping[Any, str], theme: Theme, *, left: bool
) -> go.Scatter:
    texts = []
    for place, item in enumerate(items, start=1):
        shown = escape(shorten(labels[item], _LABEL_LENGTH))
        shown = shown if item in shared else f"<i>{shown}</i>"
        texts.append(f"{shown}  {place} " if left else f" {place}  {shown}")
    return go.Scatter(
        x=[0 if left else 1] * len(items),
        y=list(range(len(items))),
        mode="markers+text",
        marker={
            "size": 8,
            "color": [theme.accent if item in shared else theme.paper for item in items],
            "line": {"width": 1.5, "color": [theme.accent if item in shared else theme.muted for item in items]},
        },
        text=texts,
        textposition="middle left" if left else "middle right",
        textfont={"size": 13, "color": [theme.ink if item in shared else theme.muted for item in items]},
        customdata=[escape(labels[item]) for item in items],
        hovertemplate="%{customdata}<extra></extra>",
        cliponaxis=False,
    )


def _heading(theme: Theme, text: str, x: float, anchor: str) -> dict[str, Any]:
    return note(theme, f"<b>{text}</b>", size=13, colour=theme.ink, x=x, y=1, yref="paper", xanchor=anchor,
                yanchor="bottom", yshift=2)  # fmt: skip
