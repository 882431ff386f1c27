"""Helpers for the tests of "Look closer" on Inspect: a page with one look open, and what it shows."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
from streamlit.testing.v1 import AppTest

from convncf.runs import RunStore
from convncf.workflow.loading import LoadedRun, load_run
from tests.app_runs import figures_of, open_page


def loaded(home: Path, run: str, epoch: int | None = None) -> LoadedRun:
    """The run past the app's caches."""
    return load_run(RunStore(home).open(run), home, checkpoint=epoch)


def indices(found: LoadedRun, user: str = "u3", item: str = "i4") -> tuple[int, int]:
    """Of the usual pair."""
    interactions = found.dataset.interactions
    return interactions.users.index(user), interactions.items.index(item)


def look(name: str, run: str = "tiny-222", **parameters: str) -> AppTest:
    """Inspect with one look open, on the usual pair."""
    return fine(open_page("inspect", **{"run": run, "user": "u3", "item": "i4", "look": name, **parameters}))


def fine(app: AppTest) -> AppTest:
    """The page, which shows no exception."""
    assert not app.exception, app.exception
    return app


def figure(app: AppTest, alt: str) -> dict[str, Any]:
    """The one figure whose text alternative begins so."""
    (found,) = [shown for shown in figures_of(app) if shown["layout"]["meta"]["alt"].startswith(alt)]
    return found


def arrays(spec: object) -> np.ndarray[Any, Any]:
    """An array of a figure, sent as text or in binary."""
    if isinstance(spec, dict):
        flat = np.frombuffer(base64.b64decode(spec["bdata"]), dtype=spec["dtype"])
        return flat.reshape([int(side) for side in spec["shape"].split(",")]) if "shape" in spec else flat
    return np.array(spec, dtype=float)


def ways(app: AppTest, key: str) -> list[tuple[str, str]]:
    """The pairs (user, item) that the buttons of that key lead to: each is pressed, and the address read."""
    found = []
    for name in [str(button.key) for button in app.button if str(button.key).startswith(f"{key}:")]:
        before = {parameter: str(app.query_params[parameter]) for parameter in ("user", "item")}
        app.button(key=name).click().run()
        found.append((str(fine(app).query_params["user"]), str(app.query_params["item"])))
        for parameter, value in before.items():
            app.query_params[parameter] = value
        app.run()
    return found
