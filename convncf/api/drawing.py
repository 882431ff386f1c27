"""Drawing: `convncf.figures` is imported at the first figure, and not before."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from convncf.errors import ConvNCFError

if TYPE_CHECKING:
    from convncf.figures import Theme


def figures() -> ModuleType:
    """`convncf.figures`. Raises ConvNCFError, naming what to install, where plotly is missing."""
    try:
        module = import_module("convncf.figures")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "plotly":
            raise
        raise ConvNCFError(
            "figures are drawn by plotly, which is not installed. Install it: pip install 'convncf[notebooks]', or "
            "pip install plotly."
        ) from None
    return module


def theme_or_default(theme: Theme | None) -> Theme:
    """The theme itself, else the light one."""
    light: Theme = figures().LIGHT
    return light if theme is None else theme
