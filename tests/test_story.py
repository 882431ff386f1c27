"""The whole workbench as a newcomer meets it, in a real browser, on a reduced demo.

First start, runs train, inspect a pair, click on a feature map, what if, compare, the same address in a second browser,
upload a CSV, train on it, watch, stop, resume, and the server is started anew in the middle of it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from convncf import jobs
from convncf.data import catalogue
from convncf.runs import RunStore
from tests.browser import App, Complaints, click_in, exceptions, open_page, settle, start_app, turn_to

REDUCED = ("train.epochs=2", "train.validate_every=1", "eval.validation_users=40", "data.min_item=150")
"""Two epochs, on the films that are seen most: to rank all 9,066 would take longer than to train."""
PATIENCE = 600
"""Seconds for what a worker does beside everything else on a loaded machine; in a browser's words, times 1000."""

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@contextmanager
def nothing_left_behind(home: Path) -> Iterator[None]:
    """End every worker that is still there: training outlives the app, and must not outlive the test."""
    try:
        yield
    finally:
        for run in RunStore(home).all():
            if not run.broken():
                jobs.kill(run, force=True)


def queue_the_demo(home: Path) -> None:
    """What `make app` does before it opens the app, but for shorter training."""
    settings = [part for setting in REDUCED for part in ("--set", setting)]
    command = [sys.executable, "-m", "convncf", "demo", *settings]
    subprocess.run(command, check=True, capture_output=True, env=os.environ | {"CONVNCF_HOME": str(home)})


def wait_for(home: Path, name: str, *states: str, seconds: float = PATIENCE) -> str:
    """Wait until a run is in one of the states, and return it."""
    until = time.monotonic() + seconds
    store = RunStore(home)
    while time.monotonic() < until:
        state = store.open(name).status().state if name in store.names() else "not there yet"
        if state in states:
            return state
        time.sleep(0.3)
    run = store.open(name)
    raise AssertionError(f"{name} is {run.status()} after {seconds} s; its log:\n{run.log_tail(30)}")


def own_csv(path: Path) -> tuple[int, int]:
    """A CSV such as a shop might have, from the embedded films: (users, rows)."""
    dataset = catalogue.load("movielens-small")
    frame = dataset.interactions.to_frame()
    index = [dataset.interactions.items.index(item) for item in frame["item_id"]]
    frame["product name"] = [dataset.items.label(item) for item in index]
    kept = frame[frame["user_id"].astype(int) <= 200].rename(columns={"user_id": "Customer", "item_id": "Product"})
    kept.to_csv(path, index=False, sep=";")
    return kept["Customer"].nunique(), len(kept)


def fill(page: Page, label: str, value: str) -> None:
    field = page.get_by_label(label, exact=True).first
    field.fill(value)
    field.press("Enter")
    settle(page)


def go(page: Page, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).first.click()
    settle(page)


def test_from_the_first_start_to_a_run_of_ones_own(browser: Browser, home: Path, tmp_path: Path) -> None:
    with nothing_left_behind(home):
        with start_app(home) as app, open_page(browser) as (page, complaints):
            see_the_demo_train(page, app, home)
            inspect_a_pair(page)
            look_closer(page)
            see_the_same_elsewhere(page, browser)
            compare_two(page, home)
            upload_and_train(page, home, tmp_path)
            nothing_went_wrong(page, complaints, app)
        # The server is gone; what it launched is not.
        assert RunStore(home).open("of-my-own").status().active
        with (
            start_app(home, log=tmp_path / "second.log") as app,
            open_page(browser) as (page, complaints),
        ):
            find_it_alive(page, app, home)
            nothing_went_wrong(page, complaints, app)


def nothing_went_wrong(page: Page, complaints: Complaints, app: App) -> None:
    assert exceptions(page) == []
    assert complaints.all() == []
    log = app.log.read_text(encoding="utf-8")
    assert "Traceback" not in log
    assert "torch.classes" not in log


def see_the_demo_train(page: Page, app: App, home: Path) -> None:
    queue_the_demo(home)
    page.goto(app.url)
    settle(page)
    expect(page.get_by_text("demo-mf").first).to_be_visible()
    expect(page.get_by_text("demo-2x2").first).to_be_visible()
    # the page changes by itself, without a reload, once the first network can be looked into
    look_inside = page.get_by_role("button", name="Look inside demo-4x4")
    expect(look_inside).to_be_visible(timeout=PATIENCE * 1000)
    look_inside.click()
    page.wait_for_url("**/inspect?**")
    settle(page)


def inspect_a_pair(page: Page) -> None:
    address = page.url
    assert all(part in address for part in ("run=demo-4x4", "user=", "item="))
    expect(page.get_by_text(re.compile(r"score -?\d")).first).to_be_visible()
    maps = page.locator(".convncf-figure .heatmaplayer")
    expect(maps.first).to_be_attached()
    second = page.get_by_text("2 · 16 of 2×2")
    expect(page.get_by_text("1 · 16 of 8×8")).to_be_visible()
    second.click()
    settle(page)
    expect(page.get_by_label(re.compile("of layer 2, 2 by 2")).first).to_be_attached()
    headline = page.get_by_text(re.compile(r"score -?\d.*rank|rank.*score -?\d")).first.inner_text()
    page.reload()
    settle(page)
    expect(page.get_by_text(headline).first).to_be_visible()
    turn_to(page, "/inspect?run=no-such-run")
    expect(page.get_by_text("no-such-run").first).to_be_visible()
    turn_to(page, address)


def look_closer(page: Page) -> None:
    """A click on a feature map enlarges it; an edit of the map moves the score and the rank."""
    page.get_by_text("1 · 16 of 8×8").click()
    expect(page.get_by_label(re.compile("^Feature maps of layer 1")).first).to_be_attached()
    settle(page)
    tiles = page.locator("[class*='st-key-inspect-tiles'] .nsewdrag").first
    enlarged = page.get_by_label(re.compile("^Channel 0 of layer 1")).first
    click_in(tiles, 0.08, 0.15, enlarged)  # on the first tile, below the line with its number
    expect(page.get_by_label("Channel", exact=True).first).to_have_value("0")
    page.get_by_text("What if", exact=True).click()
    settle(page)
    page.get_by_text("only the diagonal", exact=True).click()
    settle(page)
    expect(page.get_by_text(re.compile(r"Score .*→")).first).to_be_visible()
    expect(page.get_by_text(re.compile(r"Before: .*After: ")).first).to_be_visible()
    assert all(part in page.url for part in ("look=what-if", "keep=diagonal"))


def see_the_same_elsewhere(page: Page, browser: Browser) -> None:
    """The address alone brings a second browser to the same view."""
    moved = page.get_by_text(re.compile(r"Score .*→")).first.inner_text()
    with open_page(browser) as (other, complaints):
        other.goto(page.url)
        settle(other)
        expect(other.get_by_text(moved, exact=True).first).to_be_visible()
        assert exceptions(other) == []
        assert complaints.all() == []


def compare_two(page: Page, home: Path) -> None:
    wait_for(home, "demo-2x2", "finished")
    turn_to(page, "/compare?run=demo-mf&run=demo-4x4")
    expect(page.get_by_text("NDCG@10").first).to_be_visible()
    expect(page.get_by_text(re.compile(r"users\)")).first).to_be_visible()  # the paired test
    expect(page.locator(".convncf-figure .heatmaplayer").first).to_be_attached()


def upload_and_train(page: Page, home: Path, folder: Path) -> None:
    users, rows = own_csv(folder / "purchases 2024.csv")
    go(page, "Data")
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(folder / "purchases 2024.csv")
    settle(page)
    expect(page.get_by_text(f"{rows:,}").first).to_be_visible()
    fill(page, "Name of the dataset", "shop")
    page.get_by_role("button", name="Save as dataset").click()
    page.wait_for_url("**/data?*dataset=shop*")  # it is shown once it is kept
    settle(page)
    saved = {entry.name: entry for entry in catalogue.entries(home)}["shop"]
    assert (saved.n_users, saved.n_interactions) == (users, rows)

    turn_to(page, "/train?dataset=shop")
    fill(page, "Name of the run", "of-my-own")
    page.get_by_role("button", name="Launch").click()
    wait_for(home, "of-my-own", "starting", "running")
    expect(page.get_by_text("of-my-own").first).to_be_visible()
    expect(page.get_by_text(re.compile(r"epoch \d+ of")).first).to_be_visible(timeout=PATIENCE * 1000)
    page.reload()
    settle(page)
    page.get_by_role("button", name="Stop and save").click()
    assert wait_for(home, "of-my-own", "stopped", "finished") == "stopped"
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    assert RunStore(home).open("of-my-own").metrics(), "the finished epochs are kept"
    page.get_by_role("button", name="Resume").click()
    wait_for(home, "of-my-own", "running")


def find_it_alive(page: Page, app: App, home: Path) -> None:
    """Another server, another browser: the run goes on, and is watched and stopped from here."""
    page.goto(f"{app.url}/train?run=of-my-own")
    settle(page)
    expect(page.get_by_text(re.compile(r"epoch \d+ of")).first).to_be_visible()
    page.get_by_role("button", name="Stop and save").click()
    assert wait_for(home, "of-my-own", "stopped", "finished") == "stopped"
    rows = [(row["phase"], row["epoch"]) for row in RunStore(home).open("of-my-own").metrics()]
    assert len(set(rows)) == len(rows)
