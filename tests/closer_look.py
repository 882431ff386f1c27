"""What the core says of a run of the made home, and Inspect with one of its looks open."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

from convncf import inspection
from convncf.inspection import PairTrace, PairView
from convncf.runs import RunStore
from convncf.workflow.loading import LoadedRun, load_run
from tests.app_pages import Opened, fine, open_page

# ---------------------------------------------------------------- the core, past the app's caches


def loaded(home: Path, run: str, epoch: int | None = None) -> LoadedRun:
    """The run with its model."""
    return load_run(RunStore(home).open(run), checkpoint=epoch)


def indices(found: LoadedRun, user: str = "u3", item: str = "i4") -> tuple[int, int]:
    """Of the usual pair."""
    interactions = found.dataset.interactions
    return interactions.users.index(user), interactions.items.index(item)


def core_view(home: Path, run: str, user: str = "u3", item: str = "i4", epoch: int | None = None) -> PairView:
    """Score, rank and trace of a pair."""
    found = loaded(home, run, epoch)
    return inspection.view_pair(found.model, found.split, *indices(found, user, item))


def core_trace(home: Path, run: str, user: str = "u3", item: str = "i4", epoch: int | None = None) -> PairTrace:
    """The pair's way through the network."""
    found = core_view(home, run, user, item, epoch).trace
    assert isinstance(found, PairTrace)
    return found


# ---------------------------------------------------------------- the page


def look(name: str, run: str = "tiny-222", opened: Opened = open_page, **parameters: str) -> AppTest:
    """Inspect with one look open, on the usual pair."""
    return fine(opened("inspect", **{"run": run, "user": "u3", "item": "i4", "look": name, **parameters}))


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


def find_by_typing(app: AppTest, place: str, text: str) -> None:
    """Open the picker at a place, type a text, and press the one match."""
    app.session_state[f"{place}:open"] = True
    app.run()
    app.text_input(key=f"{place}:text").input(text).run()
    next(button for button in app.button if str(button.key).startswith(f"{place}:Matches: 1")).click().run()
