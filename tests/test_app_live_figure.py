"""A figure that is drawn again in place keeps what was hidden in it, also where other curves stand before it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser import ROOT, open_page, settle, start_app

pytestmark = pytest.mark.browser

SCRIPT = """
import plotly.graph_objects as go
import streamlit as st

from app.panels import live_figure
from convncf.figures import smoothing

weight = 0.6 if st.toggle("Smooth") else 0.0
lines = [go.Scatter(x=[0, 1, 2], y=[n, 1, n], name=f"run {n}, #ü'", mode="lines") for n in (1, 2, 3)]
drawn = go.Figure(lines, layout={"height": 300, "showlegend": True, "uirevision": "same", "meta": {"alt": "lines"}})
live_figure.show(smoothing.smooth(drawn, weight), key="lines")
live_figure.prepare()
"""
SHOWN = """wanted => {
  const curves = document.querySelector(".js-plotly-plot")?._fullData ?? []
  return JSON.stringify(curves.map(curve => [curve.name, curve.visible === true])) === JSON.stringify(wanted)
}"""
"""Each curve's name, and whether it is drawn."""


def test_a_hidden_curve_stays_hidden_with_and_without_its_ghost(browser: Browser, home: Path, tmp_path: Path) -> None:
    script = tmp_path / "lines.py"
    script.write_text(SCRIPT, encoding="utf-8")
    shutil.copytree(ROOT / "app" / ".streamlit", tmp_path / ".streamlit")  # else Streamlit asks an outside host
    with start_app(home, script=script) as app, open_page(browser) as (page, complaints):
        page.goto(app.url)
        settle(page)
        everything = [["run 1, #ü'", True], ["run 2, #ü'", True], ["run 3, #ü'", True]]
        hidden = [["run 1, #ü'", True], ["run 2, #ü'", False], ["run 3, #ü'", True]]
        page.wait_for_function(SHOWN, arg=everything)
        page.locator(".legendtoggle").nth(1).click(force=True)
        page.wait_for_function(SHOWN, arg=hidden)
        for wanted in ([pair for pair in hidden for _ in range(2)], hidden) * 2:
            page.get_by_text("Smooth", exact=True).click()
            page.wait_for_function(SHOWN, arg=wanted)
        assert not complaints.all()
