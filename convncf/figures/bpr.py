"""A BPR step seen by itself: two scores pulled apart, and the loss that falls while they part."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import plotly.graph_objects as go

from convncf.figures.theme import Theme, axis, axis_title, escape, layout, note, number, shorten

if TYPE_CHECKING:
    from convncf.inspection.bpr_step import BprSteps

READ_BPR_STEPS: Final = (
    "Above, the scores of the two items; the distance between the lines is the margin. Below, the loss on a "
    "logarithmic scale: it is ln 2 ≈ 0.693, the dotted line, where both score the same, and falls as the margin grows."
)
_LN_2: Final = 0.6931471805599453
_SMALLEST: Final = 1e-12
"""Below this the logarithmic axis ends: a loss of 0 in float32 has no place on it."""
_NAME: Final = 26


def bpr_steps(steps: BprSteps, step: int, names: tuple[str, str], theme: Theme) -> go.Figure:
    """Scores and loss up to `step`; `names` are the item that the user has and the drawn one, as plain text.

    Raises IndexError where fewer steps were taken.
    """
    if not 0 <= step <= steps.taken:
        raise IndexError(f"step {step} was not taken: there are {steps.taken}")
    places = list(range(step + 1))
    colours = (theme.positive, theme.negative)
    traces, notes = [], []
    for name, values, colour in zip(names, (steps.positive, steps.negative), colours, strict=True):
        shown = values[: step + 1]
        traces.append(_line(places, shown, colour, "", f"{escape(shorten(name, _NAME))}<br>score"))
        notes.append(
            note(theme, f"{escape(shorten(name, _NAME))} {number(float(shown[-1]))}", colour=colour, x=step,
                 y=float(shown[-1]), xanchor="left", xshift=8)
        )  # fmt: skip
    loss = np.maximum(steps.loss, _SMALLEST)
    traces.append(_line(places, loss[: step + 1], theme.muted, "2", "loss"))
    notes.append(note(theme, f"loss {number(float(steps.loss[step]))}", x=step, y=float(np.log10(loss[step])),
                      yref="y2", xanchor="left", xshift=8))  # fmt: skip
    notes.append(note(theme, "ln 2", xref="paper", x=1, y=math.log10(_LN_2), yref="y2", xanchor="right",
                      yanchor="bottom"))  # fmt: skip
    both = np.concatenate([steps.positive, steps.negative])
    room = 0.1 * (float(both.max() - both.min()) or 1.0)
    low, high = np.log10(min(float(loss.min()), _LN_2)), np.log10(max(float(loss.max()), _LN_2))
    alt = (
        f"After {step} of {steps.taken} steps at step size {steps.rate:g}: {names[0]} scores "
        f"{number(float(steps.positive[step]))}, {names[1]} {number(float(steps.negative[step]))}; the margin went "
        f"from {number(float(steps.margin[0]))} to {number(float(steps.margin[step]))}, the loss from "
        f"{number(float(steps.loss[0]))} to {number(float(steps.loss[step]))}."
    )
    looks = layout(
        theme,
        height=380,
        alt=alt,
        revision="bpr steps",
        margin={"l": 72, "r": 8, "t": 10, "b": 42},
        # room at the right for the names; the axes hold every step, so that a step more moves nothing else
        xaxis=axis(theme, range=[-0.5, max(steps.taken, 1) * 1.5], tickmode="array", anchor="y2",
                   tickvals=list(range(0, steps.taken + 1, 5)), title=axis_title(theme, "steps taken")),
        yaxis=axis(theme, domain=[0.46, 1.0], range=[float(both.min()) - room, float(both.max()) + room],
                   showgrid=True, nticks=5, title=axis_title(theme, "score")),
        yaxis2=axis(theme, domain=[0.0, 0.36], type="log", range=[low - 0.15, high + 0.15], showgrid=True,
                    **_round_ticks(low - 0.15, high + 0.15), title=axis_title(theme, "loss")),
        shapes=[{"type": "line", "xref": "paper", "x0": 0, "x1": 1, "yref": "y2", "y0": _LN_2, "y1": _LN_2,
                 "line": {"color": theme.zero, "width": 1, "dash": "dot"}}],
        annotations=notes,
    )  # fmt: skip
    return go.Figure(traces, layout=looks)


def _round_ticks(low: float, high: float) -> dict[str, Any]:
    """Ticks of one size, at 1, 2 and 5 times powers of ten, at powers alone where there are many; ends as exponents."""
    powers = range(math.floor(low), math.ceil(high) + 1)
    digits = (1, 2, 5) if high - low < 2 else (1,)
    step = max(1, round((high - low) / 4))
    at = [digit * 10.0**power for power in powers if power % step == 0 for digit in digits]
    shown = [value for value in at if low <= math.log10(value) <= high]
    return {"tickmode": "array", "tickvals": shown, "ticktext": [f"{value:g}" for value in shown]}


def _line(places: list[int], values: Any, colour: str, suffix: str, name: str) -> go.Scatter:
    return go.Scatter(
        x=places,
        y=np.asarray(values, np.float32),
        yaxis=f"y{suffix}",
        mode="lines+markers",
        line={"color": colour, "width": 2},
        marker={"size": 6, "color": colour},
        hovertemplate=f"{name} %{{y:.4g}} after %{{x}} steps<extra></extra>",
    )
