"""What axe finds on a page: the rules of WCAG 2.2 A and AA, and axe's best practices."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe, AxeResults  # type: ignore[import-untyped]
from playwright.sync_api import Page

_TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
_ALL = {"runOnly": {"type": "tag", "values": list(_TAGS)}, "resultTypes": ["violations"]}
# axe's category cat.color, without the rule of level AAA.
_COLORS = {
    "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}, "resultTypes": ["violations"],
}  # fmt: skip
_AXE = Axe()


def violations(page: Page) -> str:
    """A report of all that is wrong; empty when nothing is."""
    return _report(page, _ALL, at_least=10)


def violations_of_color(page: Page) -> str:
    """The same of what depends on colours alone: for a page that was looked at whole in other colours."""
    return _report(page, _COLORS, at_least=0)


def _report(page: Page, options: dict[str, Any], *, at_least: int) -> str:
    if not page.evaluate("'axe' in window"):  # Axe.run would read its half megabyte each time
        page.evaluate(_AXE.axe_script)
    results = AxeResults(page.evaluate("options => axe.run(document, options)", options))
    assert len(results.response["passes"]) > at_least, "axe has looked at nothing"
    return str(results.generate_report()) if results.violations_count else ""
