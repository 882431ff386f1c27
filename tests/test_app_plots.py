"""A figure is redrawn in place: zoom and hidden curves survive, and a click is reported."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import ROOT, App, open_page, settle, start_app

pytestmark = pytest.mark.browser

LINES = """
import plotly.graph_objects as go
import streamlit as st

from app.ui import plots
from convncf.figures import learning

weight = 0.6 if st.toggle("Smooth") else 0.0
lines = [go.Scatter(x=[0, 1, 2], y=[n, 1, n], name=f"run {n}, #ü'", mode="lines") for n in (1, 2, 3)]
drawn = go.Figure(lines, layout={"height": 300, "showlegend": True, "uirevision": "same", "meta": {"alt": "lines"}})
plots.show(learning.smooth(drawn, weight), key="lines")
"""
CELLS = """
import plotly.graph_objects as go
import streamlit as st

from app.ui import plots

more = 10 if st.toggle("More") else 0
cells = go.Heatmap(z=[[1, 2], [3, 4 + more]], customdata=[["a", "b"], ["c", "d"]], showscale=False)
sides = {"l": 0, "r": 0, "t": 0, "b": 0}
layout = {"height": 300, "margin": sides, "uirevision": "same", "meta": {"alt": f"up to {4 + more}", "fills": 2000}}
plots.show(
    go.Figure(cells, layout=layout), key="cells", on_click=lambda click: st.session_state.update(click=click._asdict())
)
st.text(st.session_state.get("click", "nothing clicked"))
"""
ROUTER = """
import streamlit as st

st.navigation([st.Page(f"{st.query_params['page']}.py")]).run()
"""
SHOWN = """wanted => {
  const curves = document.querySelector(".js-plotly-plot")?._fullData ?? []
  return JSON.stringify(curves.map(curve => [curve.name, curve.visible === true])) === JSON.stringify(wanted)
}"""
"""Each curve's name, and whether it is drawn."""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A server with a page for each of the two scripts."""
    folder = tmp_path_factory.mktemp("plots")
    shutil.copytree(ROOT / "app" / ".streamlit", folder / ".streamlit")  # else Streamlit asks an outside host
    for name, source in (("lines", LINES), ("cells", CELLS)):
        (folder / f"{name}.py").write_text(source, encoding="utf-8")
    (folder / "main.py").write_text(ROUTER, encoding="utf-8")
    with start_app(folder / "home", script=folder / "main.py") as started:
        yield started


@contextmanager
def opened(browser: Browser, app: App, name: str) -> Iterator[Page]:
    """One of its pages, settled; nothing in it may complain."""
    with open_page(browser) as (page, complaints):
        page.goto(f"{app.url}/?page={name}")
        settle(page)
        yield page
        assert not complaints.all()


@pytest.mark.full
def test_a_hidden_curve_stays_hidden_with_and_without_its_ghost(browser: Browser, app: App) -> None:
    with opened(browser, app, "lines") as page:
        everything = [["run 1, #ü'", True], ["run 2, #ü'", True], ["run 3, #ü'", True]]
        hidden = [["run 1, #ü'", True], ["run 2, #ü'", False], ["run 3, #ü'", True]]
        page.wait_for_function(SHOWN, arg=everything)
        page.locator(".legendtoggle").nth(1).click(force=True)
        page.wait_for_function(SHOWN, arg=hidden)
        for wanted in ([pair for pair in hidden for _ in range(2)], hidden) * 2:
            page.get_by_text("Smooth", exact=True).click()
            page.wait_for_function(SHOWN, arg=wanted)


def test_cells_are_clicked_zoomed_and_fitted(browser: Browser, app: App) -> None:
    with opened(browser, app, "cells") as page:
        figure = page.get_by_role("figure", name="up to 4")
        box = figure.locator(".nsewdrag").bounding_box()
        assert box is not None
        assert box["height"] == pytest.approx(300 * box["width"] / 2000, abs=2)  # it fills 2000 pixels, and has fewer
        page.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.75)  # right, below
        expect(page.get_by_text("{'customdata': 'b', 'place': [0, 1]}")).to_be_visible()

        figure.evaluate("place => { place.mark = 1 }")
        page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] * 0.5, steps=4)
        page.mouse.up()  # a zoom along x
        page.wait_for_function("() => document.querySelector('.js-plotly-plot').layout.xaxis.range[0] > 0.4")
        page.get_by_text("More", exact=True).click()
        again = page.get_by_role("figure", name="up to 14")
        expect(again).to_be_visible()
        page.wait_for_function("() => document.querySelector('.js-plotly-plot').data[0].z[1][1] === 14")
        assert again.evaluate("place => [place.mark, ...place.layout.xaxis.range]") == pytest.approx(
            [1, 0.5, 1.3], abs=0.02
        )

        page.set_viewport_size({"width": 600, "height": 700})
        page.wait_for_function(
            "was => { const now = document.querySelector('.nsewdrag').getBoundingClientRect();"
            " return now.width < was && Math.abs(now.height - 300 * now.width / 2000) < 2 }",
            arg=box["width"],
        )

        figure = page.get_by_role("figure", name="up to 14")
        for full in (True, False):
            figure.hover()
            figure.locator(".modebar-btn[data-title='Full screen']").click()
            page.wait_for_function(
                "full => { const place = document.querySelector('.js-plotly-plot'), { height } = place._fullLayout;"
                " return full ? document.fullscreenElement === place && height === innerHeight : height < 200 }",
                arg=full,
            )


def test_what_cannot_be_drawn_is_reported(browser: Browser, app: App) -> None:
    with open_page(browser) as (page, _):
        page.route("**/plotly.min.js*", lambda route: route.abort())
        page.goto(f"{app.url}/?page=cells")
        expect(page.get_by_text("could not be drawn", exact=False)).to_be_visible()
