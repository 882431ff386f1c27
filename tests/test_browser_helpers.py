"""The browser helpers hear what they are there to hear: without this, a silent page proves nothing."""

from __future__ import annotations

import os
import shutil
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests import browser as helpers
from tests.conftest import chromium_or_outcome

SCRIPT = """
import streamlit as st

st.title("It stands")
st.write(f"home {__import__('os').environ['CONVNCF_HOME']}")
if "broken" in st.query_params:
    raise ValueError("a broken page")
"""


def without_a_browser(monkeypatch: pytest.MonkeyPatch, *programs: str) -> None:
    """Make the machine look as if it had only these programs."""
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}" if name in programs else None)


def test_a_machine_without_apt_says_that_there_is_no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    without_a_browser(monkeypatch)
    with pytest.raises(helpers.NoChromiumError, match=r"none of chromium, .* is installed, and there is no apt-get"):
        helpers.find_chromium()


def test_a_user_who_is_not_root_gets_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    without_a_browser(monkeypatch, "apt-get")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(helpers.NoChromiumError, match="sudo apt-get install chromium"):
        helpers.find_chromium()


@pytest.mark.parametrize(("ci", "outcome"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)])
def test_without_a_browser_tests_are_skipped_with_the_reason_and_fail_under_ci(
    ci: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    without_a_browser(monkeypatch)
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match=r"no browser.* none of chromium, .* there is no apt-get"):
        chromium_or_outcome()


@pytest.mark.browser
def test_a_page_that_complains_is_heard(browser: Browser) -> None:
    content = "<img src='http://outside.invalid/x.png'><script>console.error('loud'); missing()</script>"
    with (
        helpers.open_page(browser) as (page, complaints),
        page.expect_event("pageerror"),
        page.expect_request("**/x.png"),
    ):
        page.set_content(content)
    assert "http://outside.invalid/x.png" in complaints.outside
    assert "loud" in complaints.console
    assert any("missing is not defined" in text for text in complaints.console)
    assert len(complaints.all()) == len(complaints.outside) + len(complaints.console)
    complaints.clear()
    assert complaints.all() == []


@pytest.mark.browser
@pytest.mark.full
def test_an_app_is_started_settled_and_ended(browser: Browser, home: Path, tmp_path: Path) -> None:
    # With the project's own settings: without them Streamlit's page asks several outside hosts.
    shutil.copytree(helpers.ROOT / "app" / ".streamlit", tmp_path / ".streamlit")
    script = tmp_path / "small.py"
    script.write_text(SCRIPT, encoding="utf-8")
    with helpers.start_app(home, script=script) as app, helpers.open_page(browser) as (page, complaints):
        page.goto(app.url)
        helpers.settle(page)
        assert page.get_by_text(f"home {home}").is_visible()
        assert helpers.exceptions(page) == []
        helpers.photograph(page, tmp_path / "page.png")
        page.goto(f"{app.url}/?broken=1")
        helpers.settle(page)
        assert "a broken page" in helpers.exceptions(page)[0]
    assert complaints.all() == []
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"{app.url}/_stcore/health", timeout=5)


@pytest.mark.full
def test_an_app_that_does_not_start_shows_its_log(home: Path, tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError, match=r"ended with status \d+; its log:\n(.|\n)*does not exist"),
        helpers.start_app(home, script=tmp_path / "absent.py"),
    ):
        pass
