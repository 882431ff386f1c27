"""How a pair's score and rank change: by an edit (what if), and over training.

Ranks stand on a logarithmic axis on which better is up, or to the right.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import plotly.graph_objects as go

from convncf.figures.theme import Theme, axis, axis_title, layout, note, number

READ_WHAT_IF: Final = (
    "Hollow is before, filled is after; to the right is better. The rank is among all candidates of the user, with the "
    "same edit made to each."
)
READ_OVER_TRAINING: Final = (
    "The pair at each kept checkpoint: score above, rank below with 1 at the top. The ring is the epoch that is shown. "
    "Scores of different epochs have different scales; ranks can be compared."
)


def what_if(
    score: tuple[float, float], rank: tuple[int, int] | None, candidates: int, theme: Theme, *, what: str = "edit"
) -> go.Figure:
    """Score and rank before and after an edit, each as a line from a hollow to a filled dot.

    `rank` may be None while it is computed. `what` is the edit in words, for the text alternative.
    """
    rows = [_dumbbell("", score, [number(value) for value in score], score[1] >= score[0], theme)]
    low, high = min(score), max(score)
    room = 0.35 * ((high - low) or abs(high) or 1.0)
    told = f"score {number(score[0])} → {number(score[1])}"
    axes: dict[str, Any] = {
        "xaxis": axis(theme, range=[low - room, high + room], nticks=4, fixedrange=True, anchor="y"),
        "yaxis": _row_axis(theme, "score", [0.68, 1.0]),
    }
    if rank is not None:
        rows.append(_dumbbell("2", rank, [f"{value:,}" for value in rank], rank[1] <= rank[0], theme))
        worst = math.log10(max(candidates, *rank)) or 1.0
        axes |= {
            "xaxis2": axis(
                theme, type="log", dtick=1, range=[1.12 * worst, -0.12 * worst], fixedrange=True, anchor="y2"
            ),
            "yaxis2": _row_axis(theme, "rank", [0.1, 0.42], anchor="x2"),
        }
        told += f", rank {rank[0]:,} → {rank[1]:,} of {candidates:,}"
    else:
        told += ", rank not computed yet"
    looks = layout(
        theme,
        height=170,
        alt=f"What if, {what}: {told}.",
        revision="what if",
        margin={"l": 56, "r": 16, "t": 14, "b": 22},
        **axes,
    )
    return go.Figure(rows, layout=looks)


def over_training(
    epochs: Sequence[int],
    scores: Sequence[float],
    ranks: Sequence[int],
    theme: Theme,
    *,
    chosen: int,
    candidates: int,
) -> go.Figure:
    """Score and rank of one pair at each kept checkpoint, the chosen epoch ringed; epoch 0 is the start.

    Raises ValueError where the lengths differ, or the chosen epoch is not one of them.
    """
    if not len(epochs) == len(scores) == len(ranks):
        raise ValueError(
            f"{len(epochs)} epochs, {len(scores)} scores and {len(ranks)} ranks: give one of each an epoch"
        )
    if chosen not in epochs:
        raise ValueError(f"epoch {chosen} is not one of those given: {list(epochs)}")
    at = list(epochs).index(chosen)
    names = ["start" if epoch == 0 else str(epoch) for epoch in epochs]
    traces = []
    for values, suffix, form in ((scores, "", ".4g"), (ranks, "2", ",")):
        what = "rank" if suffix else "score"
        common: dict[str, Any] = {"xaxis": "x", "yaxis": f"y{suffix}"}
        traces.append(
            go.Scatter(
                x=list(epochs),
                y=list(values),
                mode="lines+markers",
                line={"color": theme.muted, "width": 2},
                marker={"size": 6, "color": theme.muted},
                customdata=names,
                hovertemplate=f"epoch %{{customdata}}<br><b>{what} %{{y:{form}}}</b><extra></extra>",
                **common,
            )
        )
        ring = {"symbol": "circle-open", "size": 13, "color": theme.accent, "line": {"width": 2}}
        traces.append(go.Scatter(x=[chosen], y=[values[at]], mode="markers", marker=ring, hoverinfo="skip", **common))
    worst = math.log10(max(ranks)) or 1.0
    best = min(range(len(ranks)), key=lambda place: ranks[place])
    alt = (
        f"Score and rank over {len(epochs)} checkpoints, epochs {epochs[0]} to {epochs[-1]}: score "
        f"{number(scores[0])} → {number(scores[-1])}, rank {ranks[0]:,} → {ranks[-1]:,} of {candidates:,}, best rank "
        f"{ranks[best]:,} at epoch {epochs[best]}. Shown: epoch {chosen}, score {number(scores[at])}, "
        f"rank {ranks[at]:,}."
    )
    ticks: dict[str, Any] = (
        {"tickmode": "array", "tickvals": list(epochs), "ticktext": names} if len(epochs) <= 12 else {"nticks": 8}
    )
    looks = layout(
        theme,
        height=280,
        alt=alt,
        revision="over training",
        margin={"l": 64, "r": 16, "t": 12, "b": 44},
        hovermode="closest",
        xaxis=axis(theme, title=axis_title(theme, "epoch"), anchor="y2", **ticks),
        yaxis=axis(theme, domain=[0.56, 1.0], showgrid=True, nticks=4, title=axis_title(theme, "score")),
        yaxis2=axis(
            theme,
            domain=[0.0, 0.44],
            showgrid=True,
            type="log",
            dtick=1,
            range=[1.1 * worst, -0.1 * worst],
            title=axis_title(theme, "rank"),
        ),
        shapes=[
            {
                "type": "line", "xref": "x", "x0": chosen, "x1": chosen, "yref": "paper", "y0": 0, "y1": 1,
                "line": {"color": theme.accent, "width": 1, "dash": "dot"},
            }
        ],
        annotations=[
            note(theme, f"{number(scores[at])}, rank {ranks[at]:,}", colour=theme.accent, bgcolor=theme.paper, x=chosen,
                 y=1, yref="paper", yanchor="top", xanchor="right" if 2 * at > len(epochs) - 1 else "left",
                 xshift=-8 if 2 * at > len(epochs) - 1 else 8)
        ],
    )  # fmt: skip
    return go.Figure(traces, layout=looks)


def _dumbbell(suffix: str, ends: Sequence[float], texts: Sequence[str], better: bool, theme: Theme) -> go.Scatter:
    colour = theme.muted if ends[0] == ends[1] else theme.positive if better else theme.negative
    outward = ["middle left", "middle right"] if better else ["middle right", "middle left"]
    if ends[0] == ends[1]:
        texts, outward = ["", f"{texts[1]}, unchanged"], ["middle left", "middle right"]
    return go.Scatter(
        x=list(ends),
        y=[0, 0],
        mode="lines+markers+text",
        line={"color": colour, "width": 3},
        marker={"size": 12, "color": [theme.paper, colour], "line": {"color": colour, "width": 2}},
        text=[f"  {text}  " if text else "" for text in texts],
        textposition=outward,
        textfont={"size": 13, "color": theme.ink},
        cliponaxis=False,
        customdata=["before", "after"],
        hovertemplate=f"%{{customdata}}: {'rank' if suffix else 'score'} %{{x:,.6~g}}<extra></extra>",
        xaxis=f"x{suffix}",
        yaxis=f"y{suffix}",
    )


def _row_axis(theme: Theme, name: str, domain: list[float], anchor: str = "x") -> dict[str, Any]:
    return axis(
        theme,
        domain=domain,
        range=[-1, 1],
        tickmode="array",
        tickvals=[0],
        ticktext=[name],
        tickfont={"size": 13, "color": theme.ink},
        fixedrange=True,
        anchor=anchor,
    )
