"""Presentation: larger type in figures and pages, kept in the address from page to page."""

from __future__ import annotations

import plotly.graph_objects as go
import pytest

from app.ui import address as page_address
from app.ui import presentation
from convncf import figures
from convncf.figures.theme import enlarged
from tests.made_traces import THEMES, layer, pair
from tests.plotly_json import sent


def test_fonts_and_margins_grow_and_the_picture_keeps_its_room() -> None:
    plot = go.Figure(go.Scatter(x=[1], y=[2], textfont={"size": 10}))
    plot.update_layout(font={"size": 13}, height=300, width=400, margin={"l": 10, "r": 20, "t": 0, "b": 40})
    plot.update_layout(annotations=[{"text": "a", "font": {"size": 12}, "yshift": -10}])
    large = enlarged(plot, 2)
    assert (large.layout.font.size, large.data[0].textfont.size, large.layout.annotations[0].font.size) == (26, 20, 24)
    assert large.layout.annotations[0].yshift == -20
    assert large.layout.margin.to_plotly_json() == {"l": 20, "r": 40, "t": 0, "b": 80}
    assert (large.layout.height, large.layout.width) == (340, 430)
    assert plot.layout.font.size == 13, "the figure itself is left as it is"


@THEMES
def test_only_the_looks_of_a_figure_change(theme: figures.Theme) -> None:
    for drawn in (figures.interaction_map(pair(), theme), figures.feature_maps(layer(), theme)):
        large = enlarged(drawn)
        assert figures.alt(large) == figures.alt(drawn)
        assert [trace["type"] for trace in sent(large)["data"]] == [trace["type"] for trace in sent(drawn)["data"]]
        assert min(_sizes(sent(large)["layout"])) >= 16, "11 pixels times 1.5"


def _sizes(node: object) -> list[float]:
    """The size of every font at or below a node."""
    if isinstance(node, list):
        return [size for one in node for size in _sizes(one)]
    if not isinstance(node, dict):
        return []
    own = [float(font["size"]) for name, font in node.items() if name.endswith("font") and "size" in font]
    return own + [size for one in node.values() for size in _sizes(one)]


@pytest.mark.parametrize(("address", "shown"), [({"present": "1"}, True), ({"present": "0"}, False), ({}, False)])
def test_the_address_decides(monkeypatch: pytest.MonkeyPatch, address: dict[str, str], shown: bool) -> None:
    monkeypatch.setattr(page_address, "chosen", address.get)
    plot = figures.interaction_map(pair(), figures.LIGHT)
    assert presentation.on() is shown
    assert (presentation.fit(plot) is plot) is not shown
    assert presentation.room(500) == (560 if shown else 500)
