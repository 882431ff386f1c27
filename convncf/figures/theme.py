"""What every figure shares: two themes, escaped text, formatted numbers, and a figure's text alternative.

Figures are drawn on transparent ground over `Theme.paper`, so that they are part of a page without a box around them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import plotly.graph_objects as go

from convncf.errors import RefusedValueError

FONT: Final = '"Source Sans", "Source Sans 3", "Source Sans Pro", "Segoe UI", "Helvetica Neue", Arial, sans-serif'
"""Streamlit's own font first, then common system fonts."""
CONFIG: Final[dict[str, Any]] = {
    "displaylogo": False,
    "displayModeBar": "hover",
    "responsive": True,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d"],
    "showSendToCloud": False,  # the bar would offer to upload the figure to plotly's host
}
"""Plotly's own configuration, to show a figure with: the mode bar on hover, no logo, no upload."""
Colourscale = tuple[tuple[float, str], ...]


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours of a figure."""

    name: str
    """ "light" or "dark"."""
    paper: str
    """Background of the page."""
    raised: str
    """Background of hover labels."""
    ink: str
    muted: str
    """Axis numbers and captions; at least 4.5 : 1 against the paper."""
    grid: str
    zero: str
    """Zero lines and the edges of maps: between grid and muted."""
    accent: str
    """For what is selected, and nothing else."""
    positive: str
    negative: str
    """Bars of signed numbers, in the hues of the diverging scale."""
    diverging: Colourscale
    """Signed maps, zero in the middle and near the paper, so that white does not glare on dark."""
    sequential: Colourscale
    """Maps after ReLU: viridis."""
    categories: tuple[str, ...]
    """Okabe-Ito, one colour a run; the strongest come first."""


_VIRIDIS: Final = (
    "#440154",
    "#482878",
    "#3e4989",
    "#31688e",
    "#26828e",
    "#1f9e89",
    "#35b779",
    "#6ece58",
    "#b5de2b",
    "#fde725",
)
_RDBU_R: Final = (
    "#053061",
    "#2166ac",
    "#4393c3",
    "#92c5de",
    "#d1e5f0",
    "#f7f7f5",
    "#fddbc7",
    "#f4a582",
    "#d6604d",
    "#b2182b",
    "#67001f",
)
_BLUE_DARK_ORANGE: Final = (
    "#8fd0ff",
    "#57a9e2",
    "#3580b5",
    "#275a80",
    "#20394e",
    "#201f1d",
    "#55321f",
    "#8c4a2a",
    "#c2673c",
    "#ec8c5c",
    "#ffc09a",
)


def _even(colours: Sequence[str]) -> Colourscale:
    return tuple((position / (len(colours) - 1), colour) for position, colour in enumerate(colours))


LIGHT: Final = Theme(
    name="light",
    paper="#FAFAF7",
    raised="#FFFFFF",
    ink="#1F1E1B",
    muted="#6B6963",
    grid="#E7E5DF",
    zero="#BDBAB2",
    accent="#0F766E",
    positive="#C25B45",
    negative="#3878A6",
    diverging=_even(_RDBU_R),
    sequential=_even(_VIRIDIS),
    # Okabe-Ito's yellow (#F0E442, 1.3 : 1 on this paper) could not be seen: olive replaces it.
    categories=("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#9A8B00"),
)
DARK: Final = Theme(
    name="dark",
    paper="#161513",
    raised="#24221F",
    ink="#ECEAE4",
    muted="#A09D96",
    grid="#2C2A27",
    zero="#55524C",
    accent="#2DD4BF",
    positive="#E07E5E",
    negative="#5BA6D4",
    diverging=_even(_BLUE_DARK_ORANGE),
    sequential=_even(_VIRIDIS),
    # Okabe-Ito's black (1.2 : 1 on this paper) could not be seen: a warm grey replaces it. Its blue is lighter, 6 : 1.
    categories=("#3D9BE0", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#BFBBB2", "#F0E442"),
)
_DASHES: Final = ("solid", "dash", "dot", "dashdot")


@dataclass(frozen=True, slots=True)
class RunStyle:
    """How a run looks in every figure: a colour, and a dash once the colours are used up."""

    colour: str
    dash: str


def run_style(run: str, order: Sequence[str], theme: Theme) -> RunStyle:
    """The look of a run by its place in `order` (every run known, oldest first): adding a run changes no other's.

    Raises ValueError for a run that is not in `order`.
    """
    if run not in order:
        raise RefusedValueError(f"run {run!r} is not in the order given, so it has no colour of its own.")
    turn, place = divmod(list(order).index(run), len(theme.categories))
    return RunStyle(theme.categories[place], _DASHES[turn % len(_DASHES)])


def run_colour(run: str, order: Sequence[str], theme: Theme) -> str:
    """The colour of a run by its place in `order`, the same in every figure and page."""
    return run_style(run, order, theme).colour


_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;", "%": "&#37;"}


def escape(text: str) -> str:
    """Text from data, so that Plotly shows it character for character.

    Plotly reads a subset of HTML in every text, $…$ as TeX where MathJax is about, %{…} in hover templates, and a line
    feed as a blank. Here each becomes an entity, which Plotly decodes after it has parsed the rest.
    """
    escaped = "".join(_ENTITIES.get(character, character) for character in text)
    return escaped.replace("\r\n", "<br>").replace("\n", "<br>").replace("\r", "<br>")


def shorten(text: str, length: int) -> str:
    """Text of at most `length` characters, an ellipsis in place of what was cut (before escaping)."""
    return text if len(text) <= length else text[: max(length - 1, 0)].rstrip() + "…"


def number(value: float, digits: int = 3, *, sign: bool = False) -> str:
    """A number for people: three significant digits, a true minus sign, never "-0"; `sign` writes the plus."""
    if not math.isfinite(value):
        return str(value)
    if value == 0:
        return "0"
    size = abs(value)
    text = f"{size:.{digits - 1}e}"
    exponent = int(text.rpartition("e")[2])  # after rounding: 9.999 has two digits before the point
    if -4 <= exponent < 6:
        text = f"{size:,.{max(digits - 1 - exponent, 0)}f}"
    return ("−" if value < 0 else "+" if sign else "") + text


def plural(count: int, noun: str) -> str:
    """ "1 cell", "12 cells"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def layout(theme: Theme, *, height: int, alt: str, revision: str, **more: Any) -> dict[str, Any]:
    """The layout every figure starts from. `revision` stays equal while zoom and pan should survive a redraw.

    Maps with a fixed aspect may give under `meta["fills"]` the width in pixels that their height belongs to: in a
    narrower place a page makes them lower in proportion.
    """
    return {
        "template": "none",
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONT, "size": 13, "color": theme.ink},
        "height": height,
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "hoverlabel": {
            "bgcolor": theme.raised,
            "bordercolor": theme.zero,
            "font": {"family": FONT, "size": 13, "color": theme.ink},
            "align": "left",
        },
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": theme.muted, "activecolor": theme.accent},
        "showlegend": False,
        "uirevision": revision,
        "meta": {"alt": alt},
        **more,
    }


def axis(theme: Theme, **more: Any) -> dict[str, Any]:
    """A quiet axis: muted numbers, no line, no grid unless asked for."""
    return {
        "showgrid": False,
        "zeroline": False,
        "showline": False,
        "ticks": "",
        "tickfont": {"size": 12, "color": theme.muted},
        "gridcolor": theme.grid,
        "zerolinecolor": theme.zero,
        "automargin": False,
        **more,
    }


def axis_title(theme: Theme, text: str, standoff: int = 8) -> dict[str, Any]:
    """The title of an axis."""
    return {"text": text, "font": {"size": 12, "color": theme.muted}, "standoff": standoff}


def note(theme: Theme, text: str, *, size: int = 12, colour: str | None = None, **where: Any) -> dict[str, Any]:
    """Text on a figure, without an arrow; muted unless a colour is given."""
    return {"text": text, "showarrow": False, "font": {"size": size, "color": colour or theme.muted}, **where}


def outline(theme: Theme, x: tuple[float, float], y: tuple[float, float]) -> list[dict[str, Any]]:
    """A rectangle in the accent colour with an edge in the paper's colour, so that it can be seen on any colour."""
    corners = {"type": "rect", "x0": x[0], "x1": x[1], "y0": y[0], "y1": y[1]}
    lines = ({"color": theme.paper, "width": 5}, {"color": theme.accent, "width": 2})
    return [{**corners, "line": line} for line in lines]


def alt(figure: go.Figure) -> str:
    """The text alternative of a figure of this package: what it shows, in numbers, as plain text."""
    return str(figure.layout.meta["alt"])


FACTOR: Final = 1.5
"""How much larger text is; the smallest, 11 px, becomes 16."""


def enlarged(figure: go.Figure, factor: float = FACTOR) -> go.Figure:
    """A copy with every font and margin `factor` times as large; its height grows by what the margins take."""
    spec: dict[str, Any] = json.loads(figure.to_json())
    _fonts(spec, factor)
    layout = spec["layout"]
    margin = layout.get("margin", {})
    grown = {side: round(size * factor) for side, size in margin.items() if side in ("l", "r", "t", "b")}
    for length, sides in (("height", "tb"), ("width", "lr")):
        if length in layout:
            layout[length] += sum(grown.get(side, 0) - margin.get(side, 0) for side in sides)
    layout["margin"] = margin | grown
    return go.Figure(spec, skip_invalid=False)


def _fonts(node: Any, factor: float) -> None:
    """Multiply the size of each font at or below a node of a figure's JSON."""
    if isinstance(node, list):
        for child in node:
            _fonts(child, factor)
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        if (
            key in ("font", "tickfont", "textfont")
            and isinstance(value, dict)
            and isinstance(value.get("size"), (int, float))
        ):
            value["size"] = round(value["size"] * factor)
        elif key in ("standoff", "title_standoff", "xshift", "yshift") and isinstance(value, (int, float)):
            node[key] = round(value * factor)
        else:
            _fonts(value, factor)
