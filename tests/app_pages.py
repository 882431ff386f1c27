"""A page of the app, opened in this process: its text, its figures and its controls.

Streamlit's AppTest runs the real script; no browser and no server take part.
"""

from __future__ import annotations

import functools
import json
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

from streamlit import config
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest, local_script_runner
from streamlit.util import calc_hash

from tests.plotly_json import array

ROOT = Path(__file__).resolve().parents[1]
MAIN = ROOT / "app" / "main.py"
SECONDS = 120
"""A page gets so long before a test gives up: a loaded machine is slow, not wrong."""

Opened = Callable[..., AppTest]
"""`open_page`, or the fixture `opened` that opens each address once."""


def _take_the_apps_configuration() -> None:
    """A server finds it beside the script; AppTest would watch each call and rewrite each script, as by default."""
    for section, options in tomllib.loads((MAIN.parent / ".streamlit" / "config.toml").read_text("utf-8")).items():
        if section in ("browser", "client", "runner"):
            for name, value in options.items():
                config.set_option(f"{section}.{name}", value)


def _wait(runner: local_script_runner.LocalScriptRunner, timeout: float = SECONDS) -> None:
    """Until the script has ended. AppTest's own function asks a thousand times a second, beside the script."""
    assert runner._script_thread is not None
    runner._script_thread.join(timeout)
    if runner._script_thread.is_alive():
        runner.request_stop()
        raise RuntimeError(f"the page is not done after {timeout} seconds")


_take_the_apps_configuration()
local_script_runner.require_widgets_deltas = _wait


@functools.cache
def _manifests() -> list[Any]:
    """Components that installed packages bring along.

    Every AppTest looks through all packages for them, which takes longer than to draw the page; once is enough.
    """
    return manifest_scanner.scan_component_manifests()


def open_page(name: str = "start", state: Mapping[str, Any] | None = None, /, **parameters: str | list[str]) -> AppTest:
    """One page of the app with these parameters in its address, in a session of its own that begins in `state`."""
    app = AppTest.from_file(str(MAIN), default_timeout=SECONDS)
    for key, value in (state or {}).items():
        app.session_state[key] = value
    for parameter, value in parameters.items():
        app.query_params[parameter] = value
    if name != "start":  # by the hash of its address: switch_page knows the pages only after a first run
        app._page_hash = calc_hash(name)
    with mock.patch.object(manifest_scanner, "scan_component_manifests", return_value=_manifests()):
        return app.run()


def again(app: AppTest, page: str) -> AppTest:
    """The same address in another session."""
    return fine(open_page(page, **{name: app.query_params[name] for name in app.query_params}))


def fine(app: AppTest) -> AppTest:
    """The page, which shows no exception."""
    assert not app.exception, app.exception
    return app


# ---------------------------------------------------------------- its text


def texts(app: AppTest) -> str:
    """All text of the page, one element per line, without Markdown's escapes."""
    kinds = ("title", "header", "subheader", "markdown", "caption", "code", "error", "info", "warning", "success")
    values = [str(getattr(element, "value", "")) for kind in kinds for element in app.get(kind)]
    values += [str(element.proto.text) for element in app.get("progress")]
    text = re.sub(r":color\[(\\?.)\]", r"\1", "\n".join(values)).replace("\\", "")
    return re.sub(r":small\[(.*)\]  \n\*\*(.*)\*\*", r"\1: \2", text)  # labelled values: "Users: 671"


# ---------------------------------------------------------------- its figures


def figures_of(app: AppTest) -> list[dict[str, Any]]:
    """The specification of every figure on the page; each has a text alternative."""
    sent = [json.loads(element.proto.json) for element in app.get("bidi_component")]
    assert all(data["alt"] for data in sent)
    # the tool bar's offer to upload the chart to an outside host is taken out
    assert all(data["config"]["showSendToCloud"] is False for data in sent)
    return [json.loads(data["figure"]) for data in sent]


def alt_of(figure: dict[str, Any]) -> str:
    """The text alternative of a figure."""
    return str(figure["layout"]["meta"]["alt"])


def alts(app: AppTest) -> list[str]:
    """The text alternatives of all figures, in the order of the page."""
    return [alt_of(figure) for figure in figures_of(app)]


def figure(app: AppTest, alt: str) -> dict[str, Any]:
    """The one figure whose text alternative begins so."""
    (match,) = [spec for spec in figures_of(app) if alt_of(spec).startswith(alt)]
    return match


def square(values: Any, side: int = 8) -> Any:
    """The cells of a drawn map as a matrix."""
    return array(values).reshape(side, side)


# ---------------------------------------------------------------- what it offers


def control(app: AppTest, which: int | str) -> Any:
    """A row of options, by its place on the page or by its key."""
    if isinstance(which, int):
        return app.get("segmented_control")[which]
    return next(one for one in app.get("segmented_control") if getattr(one, "key", "") == which)


def field(app: AppTest, label: str = "", *, ends: str = "") -> Any:
    """The field of a form with that label, or whose key ends so."""
    fields = [*app.number_input, *app.text_input, *app.selectbox]
    return next(one for one in fields if (str(one.key or "").endswith(ends) if ends else one.label == label))


def keys(app: AppTest) -> set[str]:
    """The keys of the buttons."""
    return {str(button.key) for button in app.button if button.key}


def press(app: AppTest, key: str) -> AppTest:
    """The page after a press of the button with that key; it shows no exception."""
    return fine(app.button(key=key).click().run())
