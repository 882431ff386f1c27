"""A real browser on the real app: find Chromium, start the app, wait until a page stands, hear its complaints.

The browser tests and tools/screenshots.py share this module, so it knows nothing of pytest.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import filelock
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, ViewportSize, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-component-update",
    "--force-color-profile=srgb",
)
LOOPBACK = re.compile(r"(https?|wss?)://(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?(/|$)|(data|blob|about):")
SECONDS = 90
"""A page gets so long before a test gives up: beside other work a page takes long, and is not wrong."""
STANDS = "[data-testid='stApp'][data-test-connection-state='CONNECTED'][data-test-script-state='notRunning']"
DRAWN = """() => !document.querySelector("[data-testid='stSkeleton']")
  && [...document.querySelectorAll("[data-testid^='stBidiComponent']")].every(one => one.querySelector(".main-svg"))"""
TURN_TO = """url => {
  window.ranAgain = false
  const told = new MutationObserver(() => { window.ranAgain = true; told.disconnect() })
  const app = document.querySelector("[data-testid='stApp']")
  told.observe(app, { attributes: true, attributeFilter: ["data-test-script-state"] })
  const main = document.querySelector("[data-testid='stMain']") // a short run is over before the state says "running"
  told.observe(main, { childList: true, characterData: true, subtree: true })
  history.pushState({}, "", url)
  dispatchEvent(new PopStateEvent("popstate"))
}"""
PAGE_HEIGHT = "() => (document.querySelector(\"[data-testid='stMain']\") ?? document.documentElement).scrollHeight"


class NoChromiumError(Exception):
    """There is no Chromium or Chrome, and none could be installed; the message says why."""


# ---------------------------------------------------------------- the browser


def installed_chromium() -> Path | None:
    """A Chromium or Chrome on the path that really starts (Ubuntu's package may be a stub for a snap)."""
    for name in NAMES:
        found = shutil.which(name)
        if found and subprocess.run([found, "--version"], capture_output=True, timeout=60).returncode == 0:
            return Path(found)
    return None


def find_chromium() -> Path:
    """An installed Chromium or Chrome, else Debian's package where apt-get is at hand and the user is root.

    Raises NoChromiumError with the reason.
    """
    # Two test workers must not run apt-get together: the second finds what the first installed.
    with filelock.FileLock(Path(tempfile.gettempdir()) / f"convncf-chromium-{os.getuid()}.lock"):
        found = installed_chromium()
        if found:
            return found
        looked = f"none of {', '.join(NAMES)} is installed"
        if not shutil.which("apt-get"):
            raise NoChromiumError(f"{looked}, and there is no apt-get")
        if os.geteuid() != 0:
            raise NoChromiumError(f"{looked}; run: sudo apt-get install chromium")
        environment = {"DEBIAN_FRONTEND": "noninteractive"} | os.environ
        install = ["install", "--yes", "--no-install-recommends", "chromium", "fonts-liberation"]
        for command in (["update"], install):
            done = subprocess.run(["apt-get", *command], capture_output=True, text=True, env=environment)
            if done.returncode:
                last = (done.stderr or done.stdout).strip().splitlines()[-1:]
                raise NoChromiumError(f"{looked}, and apt-get {command[0]} failed: {' '.join(last)}")
        found = installed_chromium()
        if not found:
            raise NoChromiumError("apt-get installed chromium, but it does not start")
        return found


@contextmanager
def open_browser(executable: Path) -> Iterator[Browser]:
    """A headless browser; playwright drives it and downloads nothing.

    While it is open, playwright's event loop counts as running in this thread, and asyncio starts no second one there.
    """
    expect.set_options(timeout=SECONDS * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


# ---------------------------------------------------------------- the app


@dataclass(frozen=True)
class App:
    """A running app: its address, without a slash at the end, and the file that its server logs to."""

    url: str
    log: Path


@contextmanager
def start_app(home: Path, *, script: Path = ROOT / "app" / "main.py", log: Path | None = None) -> Iterator[App]:
    """The app on a free port with `home` as its home, until the block ends.

    Training that the app launched is a process of its own and outlives the server: whoever launches, stops.
    """
    log = log or home / "server.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    port = free_port()
    environment = os.environ | {"CONVNCF_HOME": str(home)}
    command = [sys.executable, "-m", "streamlit", "run", str(script)]
    command += ["--server.address", "localhost", "--server.port", str(port), "--server.headless", "true"]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=stream, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        app = App(f"http://localhost:{port}", log)
        _await_health(app, process)
        yield app
    finally:
        _end(process)


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_health(app: App, process: subprocess.Popen[bytes], seconds: float = SECONDS) -> None:
    until = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"{app.url}/_stcore/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    state = "answers nothing" if process.poll() is None else f"ended with status {process.returncode}"
    raise RuntimeError(f"the app {state}; its log:\n{app.log.read_text(encoding='utf-8', errors='replace')[-3000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


# ---------------------------------------------------------------- a page


@dataclass
class Complaints:
    """What a page should never do, collected while it is used."""

    console: list[str] = field(default_factory=list)
    """Errors on the browser's console and uncaught exceptions."""
    outside: list[str] = field(default_factory=list)
    """Requests that leave loopback."""

    def all(self) -> list[str]:
        """Every complaint as one line of text; empty when there is none."""
        return [f"console: {text}" for text in self.console] + [f"asked outside: {url}" for url in self.outside]

    def clear(self) -> None:
        """Forget them, before the next page is opened in the same tab."""
        self.console.clear()
        self.outside.clear()


def listen(page: Page) -> Complaints:
    """Collect the complaints of a page from here on."""
    heard = Complaints()

    def on_console(message: ConsoleMessage) -> None:
        # A deep link first asks for /<page>/_stcore/health and host-config, which Streamlit answers with 404.
        probing = "/_stcore/" in message.text + message.location.get("url", "")
        if message.type == "error" and not probing:
            heard.console.append(message.text[:300])

    page.on("console", on_console)
    page.on("pageerror", lambda error: heard.console.append(str(error)[:300]))
    page.on("request", lambda request: None if LOOPBACK.match(request.url) else heard.outside.append(request.url[:200]))
    page.on("websocket", lambda socket: None if LOOPBACK.match(socket.url) else heard.outside.append(socket.url[:200]))
    return heard


@contextmanager
def open_page(
    browser: Browser, *, width: int = 1280, height: int = 900, scheme: Literal["light", "dark"] = "light"
) -> Iterator[tuple[Page, Complaints]]:
    """A fresh page (no cookies, no cache) and what is heard of it.

    It asks for no motion: without a graphics card, half of a page's processor time would go into its spinners.
    """
    size: ViewportSize = {"width": width, "height": height}
    context = browser.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce")
    context.set_default_timeout(SECONDS * 1000)
    try:
        page = context.new_page()
        yield page, listen(page)
    finally:
        context.close()


def settle(page: Page, seconds: float = SECONDS) -> None:
    """Wait until the script has run, no skeleton is left, and every figure is drawn.

    A fragment that polls shows "running" half of the time: there, assert on visible text afterwards.
    """
    page.wait_for_timeout(250)
    page.wait_for_selector(STANDS, state="attached", timeout=seconds * 1000)
    page.wait_for_function(DRAWN, timeout=seconds * 1000, polling=50)


def turn_to(page: Page, path: str) -> None:
    """An address in the session that is open, as Back and Forward bring one, and wait until it stands.

    To load the app and all its scripts anew, as `goto` does, takes several times as long.
    """
    page.evaluate(TURN_TO, path)
    page.wait_for_function("() => window.ranAgain", polling=50)
    settle(page)


def click_in(area: Locator, x: float, y: float, seen: Locator) -> None:
    """Click at that share of a figure's width and height, until `seen` is there.

    More than once, because Plotly hears no click in a press of more than 0.3 s, and on a loaded machine one is so long.
    """
    for _ in range(20):
        box = area.bounding_box()
        assert box is not None
        area.click(position={"x": box["width"] * x, "y": box["height"] * y})
        with suppress(AssertionError):
            expect(seen).to_be_attached(timeout=5000)
            return
    expect(seen).to_be_attached()


def exceptions(page: Page) -> list[str]:
    """The text of every exception box that the page shows."""
    return page.locator("[data-testid='stException']").all_inner_texts()


def photograph(page: Page, file: Path, *, limit: int = 6000) -> None:
    """The whole page as a PNG: the window is made as tall as the page first, since Streamlit scrolls inside it."""
    width = (page.viewport_size or {"width": 1280})["width"]
    height = int(page.evaluate(PAGE_HEIGHT))
    page.set_viewport_size({"width": width, "height": max(800, min(height + 40, limit))})
    page.wait_for_timeout(1000)  # charts paint anew after the change of size
    file.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=file)
