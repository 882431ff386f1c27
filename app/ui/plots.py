"""Plots on a page: a figure is redrawn in place, so that zoom, hidden curves and hover survive.

`st.plotly_chart` gives a figure whose numbers changed a new identity: it is created again and drawn twice, and its zoom
is lost. Here the figure goes to a small component (assets/plots.js), which hands it to Plotly.react;
`layout.uirevision` does the rest. It also reports a click on any kind of trace, which `st.plotly_chart` does not for a
heatmap. Plotly's own script comes from the installed package, so that no outside host is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, NamedTuple

import streamlit as st
from streamlit.components.v1 import declare_component

from app.ui import address, presentation
from convncf import figures

# Never mounted: declaring it makes Streamlit serve the folder.
_plotly = declare_component("plotly", path=figures.export.PLOTLY.parent)
_SOURCE: Final = f"component/{_plotly.name}/{figures.export.PLOTLY.name}?{version('plotly')}"
_figure = st.components.v2.component(
    "convncf_figure",
    js=(Path(__file__).parents[1] / "assets" / "plots.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


class Click(NamedTuple):
    """What was clicked."""

    customdata: Any
    """The point's, or the cell's; None where the trace has none."""
    place: Any
    """Number of the point in its trace; in a heatmap its row and column."""


def show(figure: Any, *, key: str, on_click: Callable[[Click], None] | None = None) -> None:
    """Draw the figure with its text alternative, in place if it is already there; `key` identifies the place.

    `on_click` is called before the page, or the fragment around this plot, runs again.
    """
    figure = presentation.fit(figure)

    def clicked() -> None:
        click = st.session_state[key].clicked
        if click is not None and on_click is not None:
            on_click(Click(click.get("customdata"), click.get("place")))

    _figure(
        data={
            "figure": str(figure.to_json()),
            "config": figures.CONFIG,
            "alt": figures.alt(figure),
            "paper": address.theme().paper,
            "source": _SOURCE,
        },
        key=key,
        on_clicked_change=None if on_click is None else clicked,
    )
