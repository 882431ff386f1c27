"""The notebooks' renderer: figures are live where the notebook runs, and a PNG where scripts are stripped."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

import plotly.io as pio
from plotly.io.base_renderers import MimetypeRenderer, PlotlyRenderer, PngRenderer

from convncf.figures.theme import CONFIG, LIGHT, Theme

log = logging.getLogger(__name__)

_NAME: Final = "convncf"
_SCALE: Final = 2
"""Pixels of the PNG for one of the figure, so that it stays sharp on a fine screen."""


def set_renderer(theme: Theme = LIGHT) -> None:
    """Show every figure of this notebook on the theme's paper: live, as PNG, and as its text alternative.

    The PNG is kaleido's and needs a Chrome or Chromium. Without one the figures are live only, which is logged once.
    """
    pio.renderers[_NAME] = NotebookRenderer(theme)
    pio.renderers.default = _NAME


class NotebookRenderer(MimetypeRenderer):  # type: ignore[misc]  # plotly ships no types
    """What "plotly_mimetype+png" does, on paper: a transparent figure cannot be read on a page of the other theme."""

    def __init__(self, theme: Theme) -> None:
        self.theme = theme
        self._png = True

    def to_mimebundle(self, fig_dict: Mapping[str, Any]) -> dict[str, Any]:
        """Mime type -> the figure: plotly's JSON, its description as text and, where it can be made, a PNG."""
        layout = {**fig_dict["layout"], "paper_bgcolor": self.theme.paper}
        figure = {**fig_dict, "layout": layout}
        live: dict[str, Any] = PlotlyRenderer(config=CONFIG).to_mimebundle(figure)
        text = (layout.get("meta") or {}).get("alt", "a figure")
        return live | {"text/plain": text} | (self._picture(figure) if self._png else {})

    def _picture(self, figure: Mapping[str, Any]) -> dict[str, Any]:
        try:
            picture: dict[str, Any] = PngRenderer(scale=_SCALE).to_mimebundle(dict(figure))
        except Exception as error:  # kaleido and its Chrome raise errors of many types
            self._png = False
            reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
            log.warning("no PNG of the figures, they are live only: %s", reason)
            return {}
        return picture
