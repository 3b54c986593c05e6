"""What axe finds on a page: the rules of WCAG 2.2 A and AA, and axe's best practices."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page

_TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
_OPTIONS = {"runOnly": {"type": "tag", "values": list(_TAGS)}, "resultTypes": ["violations"]}
_AXE = Axe()


def violations(page: Page) -> str:
    """A report of all that is wrong; empty when nothing is."""
    results = _AXE.run(page, options=_OPTIONS)
    assert len(results.response["passes"]) > 10, "axe has looked at nothing"
    return str(results.generate_report()) if results.violations_count else ""
