"""A pair's score as a sum: by its largest terms, one by one, and cell by cell of the interaction map."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from convncf.errors import RefusedValueError, UnknownIndexError
from convncf.figures.maps import colour_axis, panel, panel_axes, panel_title
from convncf.figures.theme import Theme, axis, axis_title, escape, layout, note, number, plural

if TYPE_CHECKING:
    from convncf.inspection import PairTrace
    from convncf.inspection.sums import ScoreSum

READ_WATERFALL: Final = (
    "Read from the top: the bias, then one channel after another, the largest by size first. Each bar begins where the "
    "one above ended, to the right where its channel raises the score, to the left where it lowers it. The pale bar is "
    "the sum of the remaining terms; the line is the score."
)


def waterfall(sums: ScoreSum, count: int, theme: Theme) -> go.Figure:
    """The bias, the `count` largest terms one by one, and the rest as one pale bar.

    Raises IndexError where the score has fewer terms.
    """
    if not 0 <= count <= len(sums.values):
        raise UnknownIndexError(f"{count} terms cannot be added up: the score has {len(sums.values)}.")
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


Array = npt.NDArray[np.floating[Any]]
WIDTH: Final = 1000
"""Width in pixels at which the maps fill their height."""
READ_ATTRIBUTION: Final = (
    "Left what the network reads, right what each cell of it adds to the score: warm raises it, blue lowers it, faint "
    "adds nothing. A cell that is strong on the left and faint on the right is not used."
)


def attribution_map(
    map_: Array, values: Array, theme: Theme, *, method: str, score: float, baseline: float
) -> go.Figure:
    """The interaction map and what its cells add to the score, (D, D) each, both zero-centred on scales of their own.

    `baseline` is the score of the all-zero map. The completeness error, by how much the cells miss score − baseline,
    is part of the text alternative. Raises ValueError where the shapes differ.
    """
    if map_.shape != values.shape:
        raise RefusedValueError(
            f"a map of {map_.shape} has no attribution of {values.shape}: their shapes must be equal."
        )
    total, gained = float(np.sum(values, dtype=np.float64)), score - baseline
    share = f" ({abs(total - gained) / abs(gained):.2%})" if gained else ""
    limits = [float(np.abs(cells).max()) or 1.0 for cells in (map_, values)]
    completeness = (
        f"The cells add up to {number(total)}; score {number(score)} less {number(baseline)}, that of the all-zero "
        f"map, is {number(gained)}: completeness error {number(total - gained, sign=True)}{share}"
    )
    row, col = np.unravel_index(int(np.abs(values).argmax()), values.shape)
    alt = (
        f"Interaction map, ±{number(limits[0])}, and its attribution by {method}, ±{number(limits[1])}; the cell that "
        f"counts most is user dimension {row}, item dimension {col}, {number(float(values[row, col]), sign=True)}. "
        f"{completeness}."
    )
    looks = layout(
        theme,
        height=440,
        alt=alt,
        revision=f"attribution {method} {values.shape}",
        margin={"l": 46, "r": 64, "t": 32, "b": 44},
        coloraxis=colour_axis(theme, limits[0], x=0.44),
        coloraxis2=colour_axis(theme, limits[1], x=1.02),
        **panel_axes(theme, len(map_), (0.0, 0.43), "", title_y=True),
        **panel_axes(theme, len(values), (0.57, 1.0), "2"),
        annotations=[
            panel_title(theme, "interaction map", "x domain"),
            panel_title(theme, escape(method), "x2 domain"),
        ],
    )  # fmt: skip
    heatmaps = [
        panel(map_, theme, "", what="p·q ="),
        panel(values, theme, "2", coloraxis="coloraxis2", what="adds"),
    ]
    return go.Figure(heatmaps, layout=looks)


READ_LEAD: Final = (
    "The lead as a sum: each bar is what a term adds to the score on the left less what it adds to the other. Bars to "
    "the right put it ahead, bars to the left hold it back."
)


@dataclass(frozen=True, slots=True)
class Term:
    """One bar of the score."""

    label: str
    value: float
    kind: Literal["term", "others", "bias"]


def terms(trace: PairTrace, top: int = 8) -> tuple[Term, ...]:
    """The score's terms: the `top` largest by size, the others as one, and the bias; they add up to the score exactly.

    Float32 rounding (about 1e-7 of the score) goes into the last term, so that nothing is lost.
    """
    shown = _largest(trace.contributions.astype(np.float64), trace.term, top)
    if trace.layers:
        shown.append(Term("bias", trace.bias, "bias"))
    return _adding_up(shown, trace.score)


def lead(first: PairTrace, second: PairTrace, top: int = 8) -> tuple[Term, ...]:
    """By how much the first pair's score is above the second's, term by term, without the bias, which cancels out.

    They add up to the difference of the scores, but for the rounding of a model that computes in bf16.

    Raises ValueError where the two are not traces of one model, as far as their terms show.
    """
    if (first.term, len(first.contributions)) != (second.term, len(second.contributions)):
        raise RefusedValueError(
            f"{len(first.contributions)} terms ({first.term}) and {len(second.contributions)} ({second.term}) cannot "
            "be subtracted: both traces must be of one model."
        )
    values = first.contributions.astype(np.float64) - second.contributions
    return _adding_up(_largest(values, first.term, top), math.fsum(values.tolist()))


def lead_words(first: PairTrace, second: PairTrace) -> str:
    """How the lead by terms and by scores differ where scores are rounded, a sentence; empty in fp32."""
    if first.precision == "fp32":
        return ""
    return (
        f"This run computes in {first.precision}: the terms, in fp32, put it ahead by "
        f"{number(math.fsum(term.value for term in lead(first, second)))}, and the scores that it ranks with by "
        f"{number(first.score - second.score)}."
    )


def _largest(values: npt.NDArray[np.float64], name: str, top: int) -> list[Term]:
    order = np.argsort(-np.abs(values), kind="stable")
    # channels that add nothing, in the digits that are shown, need no bars of their own
    sizes = np.abs(values)
    visible = int(np.count_nonzero(sizes >= 0.5 * 10.0 ** -_decimals(float(sizes.max()))))
    if visible <= top + 1:  # "1 other" would take the place of the bar itself
        top = visible
    shown = [Term(f"{name} {index}", float(values[index]), "term") for index in order[:top]]
    if rest := len(order) - top:
        shown.append(Term("1 other" if rest == 1 else f"{rest} others", float(values[order[top:]].sum()), "others"))
    return shown


def _adding_up(shown: Sequence[Term], total: float) -> tuple[Term, ...]:
    *before, last = shown
    return (*before, replace(last, value=total - math.fsum(term.value for term in before)))


def carriers(start: PairTrace) -> tuple[int, ...]:
    """Channels that carried p·q at the dot-product start, read from the weights of the start; empty where none did.

    They are those whose output weight was not 0, provided that the score of this pair was p·q.
    """
    product = math.fsum(start.p.astype(np.float64) * start.q)
    rounding = 1e-5 * (1 + float(np.abs(start.p * start.q).sum()))
    if start.term != "channel" or abs(start.score - product) > rounding:
        return ()
    return tuple(np.flatnonzero(start.weights).tolist())


def carried(trace: PairTrace, start: PairTrace) -> str:
    """What the channels that carried p·q at the start add by now, a sentence or two; empty where none did."""
    channels = carriers(start)
    if not channels:
        return ""
    numbers = [str(channel) for channel in channels]
    listed = numbers[0] if len(numbers) == 1 else f"{', '.join(numbers[:-1])} and {numbers[-1]}"
    subject = f"channel {listed}" if len(channels) == 1 else f"channels {listed}"
    now = math.fsum(trace.contributions[list(channels)].tolist())
    product = math.fsum(trace.p.astype(np.float64) * trace.q)
    return (
        f"This network began as the dot product p·q, carried by {subject}: no other had an output weight. "
        f"Here {'it adds' if len(channels) == 1 else 'they add'} {number(now)}, and p·q is {number(product)}."
    )


def score_terms(trace: PairTrace, theme: Theme, top: int = 8) -> go.Figure:
    """The score as a sum: horizontal bars, the largest first, then the others, the bias, and the sum itself."""
    return _bars(terms(trace, top), trace.score, theme, "score", "Score")


def lead_terms(first: PairTrace, second: PairTrace, theme: Theme, names: tuple[str, str], top: int = 8) -> go.Figure:
    """The first score less the second as a sum, as `score_terms` shows it. Raises ValueError as `lead` does."""
    what = f"Score of {names[0]} less that of {names[1]},"
    shown = lead(first, second, top)
    return _bars(shown, math.fsum(term.value for term in shown), theme, "difference", what)


def _bars(shown: Sequence[Term], total: float, theme: Theme, name: str, what: str) -> go.Figure:
    values = [term.value for term in shown]
    low, high = min(0.0, *values), max(0.0, *values)
    span = (high - low) or 1.0
    room = span * (0.46 if low < 0 < high else 0.32)  # for the numbers outside the bars
    decimals = _decimals(max(-low, high))  # the same for all bars, so that the numbers add up
    end = len(shown)
    bars = go.Bar(
        x=values,
        y=list(range(end)),
        orientation="h",
        marker={
            "color": [theme.positive if value >= 0 else theme.negative for value in values],
            "opacity": [1.0 if term.kind == "term" else 0.55 for term in shown],
            "line": {"width": 0},
        },
        text=[_fixed(value, decimals, sign=True) for value in values],
        textposition="outside",
        textfont={"size": 12, "color": theme.muted},
        cliponaxis=False,
        customdata=[term.label for term in shown],
        hovertemplate="%{customdata}: %{x:+.6g}<extra></extra>",
    )
    alt = f"{what} {_fixed(total, decimals)} as a sum: " + ", ".join(
        f"{term.label} {_fixed(term.value, decimals, sign=True)}" for term in shown
    )
    below = total < 0  # the total is on the side of zero where its bar would be, where there is room
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
            ticktext=[*(term.label for term in shown), f"<b>{name}</b>"],
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
