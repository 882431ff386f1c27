"""Downloads of Inspect, none of which is made before they are opened."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.ui import cache
from app.views.inspect import exports
from convncf.runs import RunStore
from tests.app_pages import fine, open_page


@pytest.mark.parametrize(("run", "kinds"), [("tiny-222", 5), ("tiny-mf", 5), ("tiny-pop", 2)])
def test_the_buttons_are_there_once_opened(at_home: Path, run: str, kinds: int) -> None:
    app = fine(open_page("inspect", run=run, user="u3", item="i4"))
    assert not app.get("download_button")
    app.session_state["exports:open"] = True
    app = fine(app.run())
    assert len(app.get("download_button")) == kinds


def test_the_configuration_is_the_runs_own(at_home: Path) -> None:
    run = RunStore(at_home).open("tiny-222")
    content = exports._configuration(cache.model(run))
    assert json.loads(content)["settings"]["model.cnn_channels"]["value"] == list(run.config().model["cnn_channels"])
