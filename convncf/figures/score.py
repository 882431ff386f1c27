"""A pair's score as a sum: one bar for each of its largest parts, so that the bars add up to it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from convncf.figures.theme import Theme, axis, layout, note, number

if TYPE_CHECKING:
    from convncf.inspection import PairTrace

READ_LEAD: Final = (
    "The lead as a sum: each bar is what a part adds to the score on the left less what it adds to the other. Bars to "
    "the right put it ahead, bars to the left hold it back."
)


@dataclass(frozen=True, slots=True)
class Part:
    """One bar of the score."""

    label: str
    value: float
    kind: Literal["part", "others", "bias"]


def parts(trace: PairTrace, top: int = 8) -> tuple[Part, ...]:
    """The score in parts: the `top` largest by size, the others as one, and the bias; they add up to the score exactly.

    Float32 rounding (about 1e-7 of the score) goes into the last part, so that nothing is lost.
    """
    shown = _largest(trace.contributions.astype(np.float64), trace.part, top)
    if trace.layers:
        shown.append(Part("bias", trace.bias, "bias"))
    return _adding_up(shown, trace.score)


def lead(first: PairTrace, second: PairTrace, top: int = 8) -> tuple[Part, ...]:
    """By how much the first pair's score is above the second's, part by part, the bias cancelling out.

    They add up to the difference of the scores, but for the rounding of a model that computes in bf16.

    Raises ValueError where the two are not traces of one model, as far as their parts can tell.
    """
    if (first.part, len(first.contributions)) != (second.part, len(second.contributions)):
        raise ValueError(
            f"{len(first.contributions)} parts ({first.part}) and {len(second.contributions)} ({second.part}) cannot "
            "be subtracted: both traces must be of one model"
        )
    values = first.contributions.astype(np.float64) - second.contributions
    return _adding_up(_largest(values, first.part, top), math.fsum(values.tolist()))


def lead_words(first: PairTrace, second: PairTrace) -> str:
    """How the parts' lead and that of the scores differ where the scores are rounded, a sentence; empty in fp32."""
    if first.precision == "fp32":
        return ""
    return (
        f"This run computes in {first.precision}: the parts, in fp32, put it ahead by "
        f"{number(math.fsum(part.value for part in lead(first, second)))}, and the scores that it ranks with by "
        f"{number(first.score - second.score)}."
    )


def _largest(values: npt.NDArray[np.float64], name: str, top: int) -> list[Part]:
    order = np.argsort(-np.abs(values), kind="stable")
    # channels that add nothing, in the digits that are shown, need no bars of their own
    sizes = np.abs(values)
    speaking = int(np.count_nonzero(sizes >= 0.5 * 10.0 ** -_decimals(float(sizes.max()))))
    if speaking <= top + 1:  # "1 other" would take the place of the bar itself
        top = speaking
    shown = [Part(f"{name} {index}", float(values[index]), "part") for index in order[:top]]
    if rest := len(order) - top:
        shown.append(Part("1 other" if rest == 1 else f"{rest} others", float(values[order[top:]].sum()), "others"))
    return shown


def _adding_up(shown: Sequence[Part], total: float) -> tuple[Part, ...]:
    *before, last = shown
    return (*before, replace(last, value=total - math.fsum(part.value for part in before)))


def carriers(start: PairTrace) -> tuple[int, ...]:
    """Channels that carried p·q when a network began, read from the weights that it began with; empty where none did.

    They are those whose output weight was not 0, provided that the score of this pair was p·q.
    """
    product = math.fsum(start.p.astype(np.float64) * start.q)
    rounding = 1e-5 * (1 + float(np.abs(start.p * start.q).sum()))
    if start.part != "channel" or abs(start.score - product) > rounding:
        return ()
    return tuple(np.flatnonzero(start.weights).tolist())


def carried(trace: PairTrace, start: PairTrace) -> str:
    """What the channels that carried p·q at the start add by now, a sentence or two; empty where none did."""
    those = carriers(start)
    if not those:
        return ""
    listed = " and ".join(map(str, those)) if len(those) < 3 else f"{', '.join(map(str, those[:-1]))} and {those[-1]}"
    which = f"channel {listed}" if len(those) == 1 else f"channels {listed}"
    now = math.fsum(trace.contributions[list(those)].tolist())
    product = math.fsum(trace.p.astype(np.float64) * trace.q)
    return (
        f"This network began as the dot product p·q, carried by {which}: no other had an output weight. "
        f"Here {'it adds' if len(those) == 1 else 'they add'} {number(now)}, and p·q is {number(product)}."
    )


def score_parts(trace: PairTrace, theme: Theme, top: int = 8) -> go.Figure:
    """The score as a sum: horizontal bars, the largest first, then the others, the bias, and the sum itself."""
    return _bars(parts(trace, top), trace.score, theme, "score", "Score")


def lead_parts(first: PairTrace, second: PairTrace, theme: Theme, names: tuple[str, str], top: int = 8) -> go.Figure:
    """The first score less the second as a sum, in the manner of `score_parts`. Raises ValueError as `lead` does."""
    what = f"Score of {names[0]} less that of {names[1]},"
    shown = lead(first, second, top)
    return _bars(shown, math.fsum(part.value for part in shown), theme, "difference", what)


def _bars(shown: Sequence[Part], total: float, theme: Theme, name: str, what: str) -> go.Figure:
    values = [part.value for part in shown]
    low, high = min(0.0, *values), max(0.0, *values)
    span = (high - low) or 1.0
    room = span * (0.46 if low < 0 < high else 0.32)  # for the numbers outside the bars
    decimals = _decimals(max(-low, high))  # one for all, so that columns add up
    end = len(shown)
    bars = go.Bar(
        x=values,
        y=list(range(end)),
        orientation="h",
        marker={
            "color": [theme.positive if value >= 0 else theme.negative for value in values],
            "opacity": [1.0 if part.kind == "part" else 0.55 for part in shown],
            "line": {"width": 0},
        },
        text=[_fixed(value, decimals, sign=True) for value in values],
        textposition="outside",
        textfont={"size": 12, "color": theme.muted},
        cliponaxis=False,
        customdata=[part.label for part in shown],
        hovertemplate="%{customdata}: %{x:+.6g}<extra></extra>",
    )
    alt = f"{what} {_fixed(total, decimals)} as a sum: " + ", ".join(
        f"{part.label} {_fixed(part.value, decimals, sign=True)}" for part in shown
    )
    below = total < 0  # the total stands on the side of zero that its bar would take, where there is room
    looks = layout(
        theme,
        width=420,
        height=30 * (end + 1) + 12,
        alt=f"{alt}.",
        revision=name,
        margin={"l": 92, "r": 12, "t": 2, "b": 6},
        bargap=0.36,
        xaxis=axis(
            theme, range=[low - room * (low < 0), high + room * (high > 0)], showticklabels=False, fixedrange=True
        ),
        yaxis=axis(
            theme,
            range=[end + 0.5, -0.5],
            tickmode="array",
            tickvals=list(range(end + 1)),
            ticktext=[*(part.label for part in shown), f"<b>{name}</b>"],
            tickfont={"size": 13, "color": theme.ink},
            ticklabelstandoff=6,
            fixedrange=True,
        ),
        shapes=[
            {"type": "line", "x0": 0, "x1": 0, "y0": -0.5, "y1": end - 0.5, "line": {"color": theme.zero, "width": 1}},
            {
                "type": "line",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": end - 0.5,
                "y1": end - 0.5,
                "line": {"color": theme.grid, "width": 1},
            },
        ],
        annotations=[
            note(
                theme,
                f"<b>{_fixed(total, decimals)}</b>",
                size=13,
                colour=theme.ink,
                x=0,
                y=end,
                xanchor="right" if below else "left",
                xshift=-2 if below else 2,
            )
        ],
    )
    return go.Figure(bars, layout=looks)


def _decimals(largest: float) -> int:
    """Digits after the point that leave the largest value three significant ones."""
    return max(2 - math.floor(math.log10(largest or 1.0)), 0)


def _fixed(value: float, decimals: int, *, sign: bool = False) -> str:
    text = f"{abs(value):,.{decimals}f}"
    if not text.strip("0."):
        return "0"
    return ("−" if value < 0 else "+" if sign else "") + text
