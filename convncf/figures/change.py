"""How a pair's score and rank change: under a counterfactual (what if), and over training.

Ranks are on a logarithmic axis on which better is up, or to the right.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import plotly.graph_objects as go

from convncf.errors import RefusedValueError, UnknownIndexError
from convncf.figures.theme import Theme, axis, axis_title, escape, layout, note, number

READ_COUNTERFACTUAL: Final = (
    "Hollow is before, filled is after; to the right is better. The rank is among all candidates of the user, with the "
    "same change made to each."
)
READ_OVER_TRAINING: Final = (
    "The pair at each checkpoint: score above, rank below with 1 at the top. The ring is the one that is shown. "
    "Scores of different epochs have different scales; ranks can be compared."
)


def counterfactual(
    score: tuple[float, float], rank: tuple[int, int] | None, candidates: int, theme: Theme, *, what: str = "change"
) -> go.Figure:
    """Score and rank before and after a change, each as a line from a hollow to a filled dot.

    `rank` may be None while it is computed. `what` is the change in words, for the text alternative.
    """
    rows = [_dumbbell("", score, [number(value) for value in score], score[1] >= score[0], theme)]
    low, high = min(score), max(score)
    room = 0.35 * ((high - low) or abs(high) or 1.0)
    sentence = f"score {number(score[0])} → {number(score[1])}"
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
        sentence += f", rank {rank[0]:,} → {rank[1]:,} of {candidates:,}"
    else:
        sentence += ", rank not computed yet"
    looks = layout(
        theme,
        height=170,
        alt=f"What if, {what}: {sentence}.",
        revision="what if",
        margin={"l": 56, "r": 16, "t": 14, "b": 22},
        **axes,
    )
    return go.Figure(rows, layout=looks)


def over_training(
    labels: Sequence[str],
    epochs: Sequence[int | None],
    scores: Sequence[float],
    ranks: Sequence[int],
    theme: Theme,
    *,
    chosen: int,
    candidates: int,
) -> go.Figure:
    """Score and rank of one pair at each checkpoint; the one at place `chosen` (from 0) is ringed.

    `labels` name the checkpoints ("start", "epoch 3"); one without an epoch, pretraining, is left of the first epoch.
    Raises ValueError where the lengths differ, and IndexError where there is no such place.
    """
    lengths = {"labels": len(labels), "epochs": len(epochs), "scores": len(scores), "ranks": len(ranks)}
    if len(set(lengths.values())) > 1:
        raise RefusedValueError(f"one of each belongs to a checkpoint, got {lengths}.")
    if not 0 <= chosen < len(labels):
        raise UnknownIndexError(f"checkpoint {chosen} is not one of the {len(labels)} (0 to {len(labels) - 1}).")
    places, shown = _places(epochs), [escape(label) for label in labels]
    traces = []
    for values, suffix, form in ((scores, "", ".4g"), (ranks, "2", ",")):
        line: dict[str, Any] = {"color": theme.muted, "width": 2}
        ring = {"symbol": "circle-open", "size": 13, "color": theme.accent, "line": {"width": 2}}
        axes: dict[str, Any] = {"xaxis": "x", "yaxis": f"y{suffix}"}
        hover = f"%{{customdata}}<br><b>{'rank' if suffix else 'score'} %{{y:{form}}}</b><extra></extra>"
        traces += [
            go.Scatter(
                x=places,
                y=list(values),
                mode="lines+markers",
                line=line,
                marker={"size": 6, "color": theme.muted},
                customdata=shown,
                hovertemplate=hover,
                **axes,
            ),
            go.Scatter(x=[places[chosen]], y=[values[chosen]], mode="markers", marker=ring, hoverinfo="skip", **axes),
        ]
    worst = math.log10(max(ranks)) or 1.0
    best = min(range(len(ranks)), key=lambda place: ranks[place])
    label = f"{number(scores[chosen])}, rank {ranks[chosen]:,}"
    alt = (
        f"Score and rank at {len(labels)} checkpoints of training, {labels[0]} to {labels[-1]}: score "
        f"{number(scores[0])} → {number(scores[-1])}, rank {ranks[0]:,} → {ranks[-1]:,} of {candidates:,}, "
        f"best rank {ranks[best]:,} at {labels[best]}. Shown: {labels[chosen]}, score {label}."
    )
    late = 2 * chosen > len(labels) - 1
    line = {"color": theme.accent, "width": 1, "dash": "dot"}
    looks = layout(
        theme,
        height=280,
        alt=alt,
        revision="over training",
        margin={"l": 64, "r": 16, "t": 24, "b": 44},
        hovermode="closest",
        xaxis=axis(theme, title=axis_title(theme, "epoch"), anchor="y2", **_epoch_ticks(epochs, places, shown)),
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
                "type": "line",
                "x0": places[chosen],
                "x1": places[chosen],
                "yref": "paper",
                "y0": 0,
                "y1": 1,
                "line": line,
            }
        ],
        annotations=[
            note(
                theme,
                label,
                colour=theme.accent,
                x=places[chosen],
                y=1,
                yref="paper",
                yanchor="bottom",
                xanchor="right" if late else "left",
            )
        ],
    )
    return go.Figure(traces, layout=looks)


def _places(epochs: Sequence[int | None]) -> list[float]:
    """The place of each checkpoint: its epoch; without one, as far left of the first epoch as a tick needs."""
    numbered = [epoch for epoch in epochs if epoch is not None] or [0]
    before = min(numbered) - max(1.0, 0.08 * (max(numbered) - min(numbered)))
    return [before if epoch is None else float(epoch) for epoch in epochs]


def _epoch_ticks(epochs: Sequence[int | None], places: Sequence[float], labels: Sequence[str]) -> dict[str, Any]:
    """A tick at each checkpoint where they are few; else at about ten epochs, and at the checkpoint without one."""
    step = -(-len(epochs) // 10)
    picked = [place for place, epoch in enumerate(epochs) if epoch is None or place % step == 0]
    texts = [labels[place] if not epochs[place] else str(epochs[place]) for place in picked]
    return {"tickmode": "array", "tickvals": [places[place] for place in picked], "ticktext": texts}


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
