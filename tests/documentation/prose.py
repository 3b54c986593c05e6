"""The Markdown files of the repository: their headings, links, and what they show as code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

_FENCE = re.compile(r"^( *)```([^\n`]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Page:
    """One Markdown file."""

    path: Path

    @property
    def name(self) -> str:
        """Its path from the root of the repository."""
        return self.path.relative_to(ROOT).as_posix()

    @property
    def text(self) -> str:
        """All of it."""
        return self.path.read_text(encoding="utf-8")

    def blocks(self, language: str | None = None) -> list[str]:
        """Its fenced blocks, or those of one language; a block without a language has the language ``""``."""
        return [body for _, name, body in _FENCE.findall(self.text) if language is None or name == language]

    @property
    def without_blocks(self) -> str:
        """Its text, its fenced blocks left out."""
        return _FENCE.sub("", self.text)

    @property
    def spans(self) -> list[str]:
        """What stands between backticks in its text."""
        return _SPAN.findall(self.without_blocks)

    @property
    def links(self) -> list[str]:
        """The targets of its links."""
        return _LINK.findall(self.without_blocks)

    @property
    def anchors(self) -> set[str]:
        """The anchors that its headings make."""
        return {slug(heading) for heading in _HEADING.findall(self.without_blocks)}


def slug(heading: str) -> str:
    """The anchor of a heading, as MkDocs and the usual hosts of repositories make it."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())


def pages() -> list[Page]:
    """The documentation, and the Markdown files that lead to it."""
    beside = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "deploy/README.md", "keys/README.md")
    return [Page(path) for path in (*(ROOT / name for name in beside), *sorted(DOCS.rglob("*.md")))]


def page(name: str) -> Page:
    """A page of the documentation."""
    return Page(DOCS / name)
