"""The messages of the pages, as their sources have them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import oidc_server

PACKAGE = Path(oidc_server.__file__).parent
CATALOGUES = sorted((PACKAGE / "translations").glob("*/messages.po"))
TEMPLATES = sorted(path for path in (PACKAGE / "templates").glob("*/*.html") if path.parent.name != "documentation")

_METHODS = [("**.py", "python"), ("**.html", "jinja2.ext:babel_extract")]
_PLACEHOLDER = re.compile(r"%\((\w+)\)(\w)")
_TAG = re.compile(r"<[^>]+>")


@cache
def messages() -> frozenset[str]:
    """Every text that a page can show, in English."""
    found = extract_from_dir(
        PACKAGE, _METHODS, {"**.html": {"newstyle_gettext": "true", "silent": "false"}},
        keywords={"gettext": None, "lazy_gettext": None, "_": None},
    )  # fmt: skip
    return frozenset(str(message) for _, _, message, _, _ in found)


def catalogue(path: Path) -> Catalog:
    """The translations of a file."""
    with path.open("rb") as source:
        return read_po(source, abort_invalid=True)


def placeholders(text: str) -> list[tuple[str, str]]:
    """What is put into a text, with how it is formatted."""
    return sorted(_PLACEHOLDER.findall(text))


def markup(text: str) -> list[str]:
    """The tags in a text."""
    return sorted(_TAG.findall(text))
