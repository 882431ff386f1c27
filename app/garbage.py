"""Garbage: what has come to stay is kept out of the collections that Streamlit makes after each run of a page.

They walk through every object of the process, holding the interpreter; with torch, pandas and Plotly loaded that takes
longer than drawing a page (docs/pages.md).
"""

from __future__ import annotations

import gc
import sys

_seen = 0
"""Modules that were loaded when objects were last set aside."""


def set_aside() -> None:
    """Once new modules have been loaded: collect, then leave all that lives out of later collections.

    Reference counts still free it; only a cycle made before this would be kept.
    """
    global _seen
    if len(sys.modules) != _seen:
        gc.collect()
        gc.freeze()
        _seen = len(sys.modules)
