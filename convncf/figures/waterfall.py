"""A score put together term by term: each bar begins where the one above it ended, and the last ends at the score."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import plotly.graph_objects as go

from convncf.figures.theme import Theme, axis, axis_title, layout, note, number, plural

if TYPE_CHECKING:
    from convncf.inspection.sums import ScoreSum

READ_WATERFALL: Final = (
    "Read from the top: the bias, then one channel after another, the largest by size first. Each bar begins where the "
    "one above ended, to the right where its channel raises the score, to the left where it lowers it. The pale bar is "
    "all that is not added one by one yet; the line is the score."
)


def waterfall(sums: ScoreSum, count: int, theme: Theme) -> go.Figure:
    """The bias, the `count` largest terms one by one, and the rest as one pale bar.

    Raises IndexError where the score has fewer terms.
    """
    if not 0 <= count <= len(sums.values):
        raise IndexError(f"{count} terms cannot be added up: the score has {len(sums.values)}")
    ends = [float(value) for value in sums.sums[: count + 1]]
    starts = [0.0, *ends[:-1]]
    labels = ["bias", *(f"channel {term}" for term in sums.terms[:count].tolist())]
    rest = len(sums.values) - count
    if rest:
        starts, ends = [*starts, ends[-1]], [*ends, sums.score]
        labels.append(plural(rest, "other"))
    steps = [end - start for start, end in zip(starts, ends, strict=True)]
    low, high = min(0.0, *starts, *ends), max(0.0, *starts, *ends)
    room = 0.16 * ((high - low) or 1.0)
    bars = go.Bar(
        x=steps,
        base=starts,
        y=list(range(len(steps))),
        orientation="h",
        marker={
            "color": [theme.positive if step >= 0 else theme.negative for step in steps],
            "opacity": [0.35 if rest and place == len(steps) - 1 else 1.0 for place in range(len(steps))],
            "line": {"width": 0},
        },
        customdata=[[label, number(step, 4, sign=True), number(end, 4)]
                    for label, step, end in zip(labels, steps, ends, strict=True)],
        hovertemplate="%{customdata[0]}: %{customdata[1]}<br><b>sum so far %{customdata[2]}</b><extra></extra>",
    )  # fmt: skip
    texts = [
        note(theme, number(step, sign=True), x=max(start, end), y=place, xanchor="left", xshift=4)
        for place, (step, start, end) in enumerate(zip(steps, starts, ends, strict=True))
    ]
    sum_here = math.fsum(steps[: count + 1])
    alt = (
        f"The score {number(sums.score)} as a sum: the bias {number(steps[0])} and the {count} largest of "
        f"{len(sums.values)} terms come to {number(sum_here)}; the others add {number(sums.remainder(count))}."
    )
    looks = layout(
        theme,
        height=max(160, 24 * len(steps) + 60),
        alt=alt,
        revision="waterfall",
        margin={"l": 92, "r": 12, "t": 22, "b": 42},
        bargap=0.3,
        xaxis=axis(theme, range=[low - room / 4, high + room], nticks=6, fixedrange=True,
                   title=axis_title(theme, "sum so far")),
        yaxis=axis(theme, range=[len(steps) - 0.5, -0.5], tickmode="array", tickvals=list(range(len(steps))),
                   ticktext=labels, tickfont={"size": 13, "color": theme.ink}, fixedrange=True),
        shapes=[
            {"type": "line", "x0": x, "x1": x, "yref": "paper", "y0": 0, "y1": 1,
             "line": {"color": colour, "width": 1, "dash": dash}}
            for x, colour, dash in ((0.0, theme.zero, "solid"), (sums.score, theme.accent, "dot"))
        ],
        annotations=[
            *texts,
            note(theme, f"score {number(sums.score)}", colour=theme.accent, x=sums.score, y=1, yref="paper",
                 yanchor="bottom"),
        ],
    )  # fmt: skip
    return go.Figure(bars, layout=looks)
