"""The documentation shows every picture of the pages, and names every template that can be replaced."""

from __future__ import annotations

import re

from tests.browser.screenshots import FOLDER, PICTURES, THEMED
from tests.documentation.prose import page
from tests.pages.messages import TEMPLATES

BYTES_AT_MOST = 60_000
_IMAGE = re.compile(r"!\[([^\]]+)\]\(images/pages/([\w-]+)\.png\)")


def test_every_picture_is_there_small_and_shown() -> None:
    names = {picture.name for picture in (*PICTURES, *THEMED)}
    assert {path.stem for path in FOLDER.iterdir()} == names
    shown = page("pages.md").text + page("mfa.md").text
    assert {name for _, name in _IMAGE.findall(shown)} == names
    assert [path.name for path in FOLDER.iterdir() if path.stat().st_size > BYTES_AT_MOST] == []
    assert {path.read_bytes()[:8] for path in FOLDER.iterdir()} == {b"\x89PNG\r\n\x1a\n"}


def test_every_template_is_named() -> None:
    assert len(TEMPLATES) > 5
    named = page("pages.md").text + page("messages.md").text
    assert [path for path in TEMPLATES if f"`{path.parent.name}/{path.name}`" not in named] == []


def test_every_block_of_the_frame_is_named() -> None:
    (frame,) = [path for path in TEMPLATES if path.name == "page.html"]
    blocks = re.findall(r"{% block (\w+) %}", frame.read_text(encoding="utf-8"))
    (row,) = [line for line in page("pages.md").text.splitlines() if line.startswith("| `pages/page.html`")]
    assert [block for block in blocks if f"`{block}`" not in row] == []
