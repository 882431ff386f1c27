"""A stopwatch in the page: from a press to the last change that was painted, and how long the script ran."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from playwright.sync_api import Page

QUIET_MS: Final = 250
"""Nothing has changed for so long, and no script runs: the page has responded."""
SLOWEST_MS: Final = 60_000

_INSTALL: Final = """
() => {
  if (window.stopwatch) return;
  const app = document.querySelector("[data-testid='stApp']");
  const running = () => app.getAttribute("data-test-script-state") !== "notRunning";
  const watch = { pressed: null, changed: null, ran: 0, since: null, runs: 0 };
  const press = () => { if (watch.armed && watch.pressed === null) watch.pressed = performance.now(); };
  for (const name of ["pointerdown", "keydown"]) window.addEventListener(name, press, true);
  new MutationObserver(() => {
    const now = performance.now();
    if (running()) { if (watch.since === null) { watch.since = now; watch.runs += 1; } }
    else if (watch.since !== null) { watch.ran += now - watch.since; watch.since = null; }
  }).observe(app, { attributes: true, attributeFilter: ["data-test-script-state"] });
  const inside = node => {
    const element = node.nodeType === 1 ? node : node.parentElement;
    return element && !element.closest("[data-testid='stToolbar'], [data-testid='stStatusWidget']");
  };
  new MutationObserver(all => {
    if (!all.some(one => one.target !== app && inside(one.target))) return;
    requestAnimationFrame(() => { watch.changed = performance.now(); });
  }).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
  watch.arm = () => Object.assign(watch, {
    armed: true, pressed: null, changed: null, ran: 0, since: running() ? performance.now() : null, runs: 0,
  });
  watch.quiet = ms => watch.pressed !== null && !running() && watch.changed !== null
    && performance.now() - watch.changed > ms;
  watch.read = () => ({ server: watch.ran, painted: watch.changed - watch.pressed, runs: watch.runs });
  window.stopwatch = watch;
}
"""


@dataclass(frozen=True, slots=True)
class Timing:
    """One interaction, in milliseconds."""

    server: float
    """How long the page's script ran, all runs together."""
    painted: float
    """From the press to the frame that held the last change."""
    runs: int
    """Scripts that ran; 0 where the browser responded alone."""


def timed(page: Page, act: Callable[[], None]) -> Timing:
    """Do something on an open page, and wait until it has responded. Raises playwright's TimeoutError."""
    page.evaluate(_INSTALL)
    page.evaluate("() => { window.stopwatch.arm(); }")
    act()
    page.wait_for_function(f"() => window.stopwatch.quiet({QUIET_MS})", timeout=SLOWEST_MS, polling=50)
    reading = page.evaluate("() => window.stopwatch.read()")
    return Timing(float(reading["server"]), float(reading["painted"]), int(reading["runs"]))
