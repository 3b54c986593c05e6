"""The messages of the pages, as their sources have them, and what catalogues make of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import oidc_server

PACKAGE = Path(oidc_server.__file__).parent
CATALOGUES = sorted((PACKAGE / "translations").glob("*/LC_MESSAGES/messages.po"))
TEMPLATES = sorted(
    path
    for pattern in ("*/*.html", "messages/*.txt")
    for path in (PACKAGE / "templates").glob(pattern)
    if path.parent.name != "documentation"
)

_JINJA = "jinja2.ext:babel_extract"
_METHODS = [("**.py", "python"), ("**.html", _JINJA), ("templates/**.txt", _JINJA)]
_JINJA_OPTIONS = {"newstyle_gettext": "true", "silent": "false"}
_PLACEHOLDER = re.compile(r"%\((\w+)\)(\w)")
_TAG = re.compile(r"<[^>]+>")


@cache
def messages() -> frozenset[str]:
    """Every text that a page can show, in English."""
    found = extract_from_dir(
        PACKAGE, _METHODS, {"**.html": _JINJA_OPTIONS, "templates/**.txt": _JINJA_OPTIONS},
        keywords={"gettext": None, "lazy_gettext": None, "_": None, "Unit": (2, 3)},
    )  # fmt: skip
    return frozenset(text for _, _, message, _, _ in found for text in forms(message))


def catalogue(path: Path) -> Catalog:
    """The translations of a file."""
    with path.open("rb") as source:
        return read_po(source, abort_invalid=True)


def pairs(translations: Catalog) -> Iterator[tuple[str, str]]:
    """Every text of a catalogue with its translation, the singular and the plural each by itself."""
    for message in translations:
        if message.id:
            yield from zip(forms(message.id), forms(message.string), strict=True)


def is_unsure(message: Message) -> bool:
    """Whether a message has no translation, or one that a person still has to look at."""
    return bool(message.id) and (not all(forms(message.string)) or message.fuzzy)


def forms(text: str | list[str] | tuple[str, ...] | None) -> tuple[str, ...]:
    """A text, or the singular and the plural of one."""
    return (text,) if isinstance(text, str) else tuple(text or ())


def placeholders(text: str) -> list[tuple[str, str]]:
    """What is put into a text, with how it is formatted."""
    return sorted(_PLACEHOLDER.findall(text))


def markup(text: str) -> list[str]:
    """The tags in a text."""
    return sorted(_TAG.findall(text))
