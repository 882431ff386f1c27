"""A figure that is drawn again without being made anew: zoom, hidden curves and hover survive each refresh.

Streamlit gives a chart whose numbers changed a new identity, so `st.plotly_chart` loses the zoom with each new epoch.
Here the figure goes to a small component instead, which hands it to Plotly.react in the place where it already stands;
`layout.uirevision` does the rest. A hidden curve is known by its name: Plotly itself counts places, and with a ghost
beside each line another curve would be hidden. Plotly's own script is sent once a page, by `prepare`.
"""

from __future__ import annotations

from typing import Any, Final

import streamlit as st

from app.panels import presentation
from convncf import figures, runtime

_PREPARE: Final = """
export default function ({ data }) {
  if (window.Plotly || document.getElementById("convncf-plotly")) return
  const script = document.createElement("script")
  script.id = "convncf-plotly"
  script.src = URL.createObjectURL(new Blob([data.source], { type: "text/javascript" }))
  document.head.append(script)
}
"""

_DRAW: Final = """
export default function ({ data, parentElement }) {
  let place = parentElement.querySelector(":scope > .live-figure")
  if (!place) {
    place = document.createElement("div")
    place.className = "live-figure"
    place.setAttribute("role", "figure")
    parentElement.append(place)
  }
  const figure = JSON.parse(data.figure)
  place.style.height = figure.layout.height + "px"
  place.setAttribute("aria-label", data.alt)
  place.latest = figure
  const draw = () => {
    if (place.latest !== figure) return // a later figure came while Plotly was loading
    if (window.Plotly) {
      const before = (place.data ?? []).filter((curve) => curve.visible === "legendonly")
      const hidden = new Set(before.map((curve) => curve.name))
      for (const curve of figure.data) {
        if (!curve.name) continue
        // Plotly makes a CSS selector of it, so the name, which may hold anything, is spelt in digits and letters.
        const letters = [...curve.name].map((letter) => letter.codePointAt(0).toString(36))
        curve.uid = `${curve.showlegend === false ? "ghost" : "line"}-${letters.join("-")}`
        if (hidden.has(curve.name)) curve.visible = "legendonly"
      }
      window.Plotly.react(place, figure.data, figure.layout, JSON.parse(data.config))
    }
    else place.waiting = setTimeout(draw, 50)
  }
  draw()
  return () => {
    clearTimeout(place.waiting)
    if (window.Plotly) window.Plotly.purge(place)
  }
}
"""


_plotly = st.components.v2.component("convncf_plotly", js=_PREPARE, isolate_styles=False)
_live_figure = st.components.v2.component("convncf_live_figure", js=_DRAW, isolate_styles=False)


def prepare() -> None:
    """Bring Plotly's script to the page; call it once, outside what is drawn again and again."""
    _plotly(data={"source": _plotly_script()}, key="live-figure:plotly", height=1)


def show(drawn: Any, *, key: str) -> None:
    """Draw the figure, or draw it again in place. `key` is the place."""
    drawn = presentation.fit(drawn)
    _live_figure(
        data={
            "figure": str(drawn.to_json()),
            "config": runtime.strict_json(figures.CONFIG),
            "alt": figures.alt(drawn),
        },
        key=key,
    )


@st.cache_resource(show_spinner=False)
def _plotly_script() -> str:
    return figures.export.plotly_script()
