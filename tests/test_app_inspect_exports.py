"""What can be taken along from Inspect, and that nothing of it is drawn before it is opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app_runs import open_page, texts
from tests.closer_look import fine

pytest_plugins = ["tests.app_home"]


@pytest.mark.parametrize(("run", "kinds"), [("tiny-222", 4), ("tiny-mf", 4), ("tiny-pop", 1)])
def test_the_buttons_are_there_once_opened(at_home: Path, run: str, kinds: int) -> None:
    app = fine(open_page("inspect", run=run, user="u3", item="i4"))
    assert not app.get("download_button")
    app.session_state["exports:open"] = True
    app = fine(app.run())
    assert len(app.get("download_button")) == kinds
    assert "opens without a network" in texts(app)
