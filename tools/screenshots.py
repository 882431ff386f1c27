"""Photograph the app: every page, light and dark, 1280 and 800 wide, and say what a page should never do.

    python -m tools.screenshots                                   all pages, with the usual home, to build/screenshots
    python -m tools.screenshots --home DIR --out DIR              another home, another folder
    python -m tools.screenshots "/inspect?run=demo-2x2&user=15"   these pages only

Exit status 1 when a page shows an exception, writes an error to the console, asks an outside host or does not settle.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Browser
from playwright.sync_api import Error as PlaywrightError

from convncf.runtime import files
from tests.browser import (
    ROOT,
    NoChromiumError,
    exceptions,
    find_chromium,
    open_browser,
    open_page,
    photograph,
    settle,
    start_app,
)

WIDTHS: Final = (1280, 800)
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
DEFAULT_PAGE: Final = "start"


def all_pages() -> list[str]:
    """The address of every page: a folder of app/views each, the default page at /."""
    names = sorted(file.parent.name for file in (ROOT / "app" / "views").glob("*/page.py"))
    return ["/" if name == DEFAULT_PAGE else f"/{name}" for name in names]


def file_name(path: str, scheme: str, width: int) -> str:
    """`/inspect?user=15`, dark, 800 -> inspect-user-15-dark-800.png"""
    page = re.sub(r"[^A-Za-z0-9]+", "-", path).strip("-") or DEFAULT_PAGE
    return f"{page}-{scheme}-{width}.png"


def shoot(browser: Browser, url: str, file: Path, scheme: Literal["light", "dark"], width: int) -> list[str]:
    """Open one page, photograph it, and return what is wrong with it."""
    with open_page(browser, width=width, scheme=scheme) as (page, complaints):
        wrong = []
        start = time.monotonic()
        page.goto(url)
        try:
            settle(page)
        except PlaywrightError as error:
            wrong.append(f"did not settle: {error.message.splitlines()[0]}")
        seconds = time.monotonic() - start
        photograph(page, file)
        wrong += [f"exception: {text.splitlines()[0]}" for text in exceptions(page)]
        wrong += complaints.all()
    print(f"{'ok ' if not wrong else 'BAD'} {file.name}  settled after {seconds:.1f} s", flush=True)
    for text in wrong:
        print(f"    {text}", flush=True)
    return wrong


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", help="addresses with their query; without any, every page")
    parser.add_argument("--home", type=Path, default=files.home(), help="the runs and datasets that the app shows")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "screenshots", help="where the pictures go")
    given = parser.parse_args(arguments)
    try:
        executable = find_chromium()
    except NoChromiumError as reason:
        print(f"no browser: {reason}", file=sys.stderr)
        return 1
    print(f"home {given.home}, pictures to {given.out}", flush=True)
    bad = 0
    log = given.out / "server.log"
    with start_app(given.home.resolve(), log=log) as app, open_browser(executable) as browser:
        for path in given.pages or all_pages():
            for scheme in SCHEMES:
                for width in WIDTHS:
                    file = given.out / file_name(path, scheme, width)
                    bad += bool(shoot(browser, app.url + path, file, scheme, width))
    print(f"{given.out}: {bad} of the pictures show something wrong" if bad else f"{given.out}: nothing wrong")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
