"""The notebooks' renderer: plotly's JSON on the theme's paper, words, and a PNG where one can be drawn."""

from __future__ import annotations

import base64
import logging
import struct
from collections.abc import Iterator
from pathlib import Path

import plotly.graph_objects as go
import plotly.io as pio
import pytest
from plotly.io import base_renderers

from convncf.figures.notebook import NotebookRenderer, set_renderer
from convncf.figures.theme import DARK, LIGHT, layout

LIVE = "application/vnd.plotly.v1+json"


@pytest.fixture
def renderers() -> Iterator[None]:
    """Plotly's default renderer, put back afterwards."""
    before = pio.renderers.default
    yield
    pio.renderers.default = before


def figure() -> go.Figure:
    """One point in a layout of the house: transparent, with its description."""
    return go.Figure(go.Scatter(x=[1], y=[2]), layout=layout(LIGHT, width=60, height=40, alt="One point.", revision=""))


def no_chrome(*_: object) -> dict[str, str]:
    raise RuntimeError("\n\nKaleido requires Google Chrome to be installed.\n\nEither download …")


def test_the_helper_makes_it_the_default(renderers: None) -> None:
    set_renderer(DARK)
    assert isinstance(pio.renderers[pio.renderers.default], NotebookRenderer)
    assert pio.renderers[pio.renderers.default].theme is DARK


def test_a_figure_stands_on_paper_and_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base_renderers.PngRenderer, "to_mimebundle", lambda *_: {"image/png": "drawn"})
    drawn = figure()
    bundle = NotebookRenderer(DARK).to_mimebundle(drawn.to_dict())
    assert bundle[LIVE]["layout"]["paper_bgcolor"] == DARK.paper
    assert bundle[LIVE]["config"]["displaylogo"] is False
    assert (bundle["text/plain"], bundle["image/png"]) == ("One point.", "drawn")
    assert drawn.layout.paper_bgcolor == "rgba(0,0,0,0)"  # the figure itself is left as it was


def test_without_a_chrome_figures_are_live_only_and_it_is_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(base_renderers.PngRenderer, "to_mimebundle", no_chrome)
    renderer = NotebookRenderer(LIGHT)
    with caplog.at_level(logging.WARNING):
        bundles = [renderer.to_mimebundle(figure().to_dict()) for _ in range(2)]
    assert all(set(bundle) == {LIVE, "text/plain"} for bundle in bundles)
    assert [record.getMessage() for record in caplog.records] == [
        "no PNG of the figures, they are live only: Kaleido requires Google Chrome to be installed."
    ]


@pytest.mark.browser
@pytest.mark.full
def test_the_png_is_drawn_at_twice_the_size(chromium: Path) -> None:
    bundle = NotebookRenderer(LIGHT).to_mimebundle(figure().to_dict())
    png = base64.b64decode(bundle["image/png"])
    assert png.startswith(b"\x89PNG")
    assert struct.unpack(">II", png[16:24]) == (120, 80)
