"""The browser of these tests: the Chromium that this machine has, driven by Playwright.

Debian's ``chromium-headless-shell`` is Chromium without its windows: the same pages, for half of the processor's time.
What only the whole browser has, such as a person's settings, is tried with that."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

VARIABLE = "OIDC_TEST_CHROMIUM"
WHOLE = ("chromium", "chromium-browser", "google-chrome")
PROGRAMS = ("chromium-headless-shell", *WHOLE)
NOT_FOUND = f"no browser was found: install the package chromium, or name a program by {VARIABLE}"


def find_chromium(programs: Sequence[str] = PROGRAMS) -> str | None:
    """The program that the environment names, or the first of ``programs`` that is installed."""
    return os.environ.get(VARIABLE) or next(filter(None, map(shutil.which, programs)), None)


@contextmanager
def running_chromium(program: str) -> Iterator[Browser]:
    """One browser process; each context in it is a browser of its own, without a cookie."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        try:
            yield browser
        finally:
            browser.close()


def draw(browser: Browser, svg: str, pixels: int) -> bytes:
    """A square picture as PNG."""
    with browser.new_page(viewport={"width": pixels, "height": pixels}) as page:
        page.set_content(f'<body style="margin:0">{svg}')
        return page.screenshot(omit_background=True)
